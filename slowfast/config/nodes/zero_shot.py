"""Keys of zero-shot classification."""

from slowfast.config.schema import Key, Node

TABLES = (
    Node(
        "ZERO_SHOT",
        "Zero-shot classification by word vectors",
        VECTORS=Key(
            "",
            "word vectors: a word2vec or GloVe file, an archive with words and vectors, "
            "glove_6b_50d_actions, which comes with the package, or the folder of a sentence encoder "
            "(of sentence-transformers or transformers)",
        ),
        LEMMAS=Key(
            "fixed",
            "base forms of verbs in class names: fixed = WordNet's first (ride), legacy = its "
            "shortest (rid), as in the released code",
            choices=("fixed", "legacy"),
        ),
        MISSING_WORDS=Key(
            "error",
            "words of class names without a vector: error = name them all, skip = make do with the "
            "other words of the class; training classes that have none are then left out",
            choices=("error", "skip"),
        ),
        TRAIN_NAMES=Key(
            "",
            "rule of the training classes' names: ucf101, hmdb51, kinetics700, activitynet200, "
            "sun397, plain; empty = that of TRAIN.DATASET",
        ),
        TEST_NAMES=Key("", "rule of the test classes' names; empty = that of the test set"),
        TEST_SETS=Key(
            [],
            "several test sets, each as name=folder of lists=folder of videos, or name:dataset=... "
            "where it is listed otherwise (ucf101:class_folders=DIR=DIR is all of UCF101); empty = "
            "TEST.DATASET with DATA.PATH_TO_DATA_DIR and DATA.PATH_PREFIX",
            kind="list[str]",
        ),
        TEST_CLASSES=Key(
            [],
            "names of the test classes, where a set holds others too, or of those to leave out, with a "
            "minus before each (-PullUps); a set that has none of them is taken whole; empty = all of "
            "each set",
            kind="list[str]",
        ),
        THRESHOLD=Key(
            0.05,
            "least cosine distance of a training class to every test class; nearer ones are left "
            "out of training",
            low=0,
            high=2,
        ),
        EXCLUDE=Key(
            "",
            "training classes to leave out in place of THRESHOLD: same_words, those with the very words "
            "of a test class, or zsl_664, the 36 of Kinetics-700 that have those of a class of UCF101 "
            "or HMDB51",
        ),
        HELD_OUT_CLASSES=Key(
            0,
            "training classes, drawn by RNG_SEED, that are not trained on but validate, among "
            "themselves; 0 validates on held-out videos of the training classes",
            low=0,
        ),
        SELECT_ON_TEST=Key(
            False,
            "validate on the test sets, so that TEST.WEIGHTS best chooses the epoch by the first of "
            "them, as in the released code; the results say so",
        ),
        START_HEAD=Key(
            "random",
            "the linear layer of a training that starts from MODEL.CKPT: random, or that of the "
            "checkpoint, as after pretraining on still images",
            choices=("random", "checkpoint"),
        ),
        REDUCTION=Key(
            "mean",
            "of the squared distances: mean over all numbers, as released, or per_sample_sum",
            choices=("mean", "per_sample_sum"),
        ),
        AVERAGE=Key(
            "features",
            "what is averaged over the clips of a test video: features before the linear layer, or "
            "embeddings of unit length",
            choices=("features", "embeddings"),
        ),
        GENERALISED=Key(
            False,
            "measure seen and unseen classes together too, on the test items of the classes that "
            "were trained on",
        ),
    ),
)
