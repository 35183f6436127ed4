"""Keys of the self-supervised methods that learn from audio and video."""

from slowfast.config.schema import Key, Node

TABLES = (
    Node(
        "SSL",
        "Self-supervised pretraining",
        PROJECTION=Key(
            [512, 512, 128],
            "sizes of the projection head's layers: [128] is linear, [] has no head",
            kind="list[int]",
            low=1,
            high=1_000_000,
        ),
        HEAD=Key(
            "relu",
            "what stands between the layers of the projection head: relu = AVID's, batchnorm = "
            "batch normalisation and ReLU, with dropout before every layer, as in GDT and STiCA",
            choices=("relu", "batchnorm"),
        ),
        DROPOUT=Key(0.3, "share of features that a batchnorm HEAD drops", low=0, high=1),
        CHECKPOINT=Key(
            "",
            "pretraining to start from: the folder of a run, a checkpoint, or a released .pth.tar",
        ),
        CHECKPOINT_PARTS=Key(
            "all",
            "what is taken from CHECKPOINT: all (weights, memory banks, partition) or weights",
            choices=("all", "weights"),
        ),
    ),
    Node(
        "SSL.AVID",
        "Audio-visual instance discrimination (AVID)",
        LOSS=Key(
            "nce",
            "nce = as published, infonce = softmax over the same memories, in_batch = softmax over "
            "the other clips of the batch",
            choices=("nce", "infonce", "in_batch"),
        ),
        NUM_NEGATIVES=Key(1024, "memories drawn as negatives of each clip", low=1, high=10_000_000),
        TEMPERATURE=Key(0.07, "divides all scores", low=1e-4, high=1e4),
        MOMENTUM=Key(
            [0.5],
            "share of the old memory: one number, or one for video and one for audio",
            low=0,
            high=1,
        ),
        CROSS=Key(1.0, "weight of the terms from one modality to the other", low=0),
        WITHIN=Key(0.0, "weight of the terms within a modality", low=0),
    ),
    Node(
        "SSL.CMA",
        "Cross-modal agreement (AVID-CMA), on top of SSL.AVID's negatives and temperature",
        AGREEMENT=Key(
            "consensus",
            "which similarity makes positives: consensus = smaller of both, union = larger of "
            "both, video, audio",
            choices=("consensus", "union", "video", "audio"),
        ),
        NUM_POSITIVES=Key(32, "size of a positive set", low=1, high=1_000_000),
        NUM_NEGATIVES_WITHIN=Key(
            64,
            "the first of AVID's negatives that the positive terms within a modality use",
            low=1,
            high=10_000_000,
        ),
        REFRESH_EPOCHS=Key(5, "epochs between two searches for positives; 0 searches once", low=0),
        INSTANCE_CROSS=Key(1.0, "weight of instance terms across modalities", low=0),
        INSTANCE_WITHIN=Key(0.0, "weight of instance terms within a modality", low=0),
        POSITIVE_CROSS=Key(0.0, "weight of positive-set terms across modalities", low=0),
        POSITIVE_WITHIN=Key(1.0, "weight of positive-set terms within a modality", low=0),
        LEGACY=Key(
            False,
            "do as the released code does: an instance may be its own negative, and the best match "
            "is dropped from a positive set even where it is not the instance itself",
        ),
    ),
    Node(
        "SSL.GDT",
        "Generalised data transformations (GDT)",
        HYPOTHESIS=Key(
            "cross_modal_baseline",
            "which steps the embedding tells apart (v_) or ignores (i_): 1 to 9, or a published name "
            "such as v_reversal_i_shift",
        ),
        STEPS=Key(
            [],
            "in place of HYPOTHESIS, roles of the steps: [shift=variant, reversal=invariant]; steps "
            "that are not named are off",
            kind="list[str]",
        ),
        TEMPERATURE=Key(0.07, "divides all scores", above=0),
        NEGATIVES=Key(
            "clean",
            "beside the other clips: clean = the partner view on other processes, and on the own "
            "one where the step is variant; released = with the lists that grow, as in the released "
            "code; global = the partner view on all processes, whatever their number",
            choices=("clean", "released", "global"),
        ),
        KEY_GRADIENT=Key(
            False, "let gradients flow to keys and negatives too, on all processes; not so in GDT"
        ),
        SHIFT_DISTANCE=Key(
            [0.0, 0.0],
            "minimum and maximum distance of two starts in seconds; a maximum of 0 sets no limit",
            low=0,
            length=2,
        ),
    ),
    Node(
        "SSL.STICA",
        "Space-time crop and attend (STiCA)",
        LARGE_CROPS=Key(2, "large crops of the feature map over space", low=0),
        SMALL_CROPS=Key(4, "small ones", low=0),
        LARGE_TIME_CROPS=Key(2, "large crops of the feature map over time", low=0),
        SMALL_TIME_CROPS=Key(1, "small ones", low=0),
        SPACE_WINDOWS=Key(
            [6, 4], "cells of the map along a side of a large and of a small crop", low=1, length=2
        ),
        TIME_WINDOWS=Key(
            [3, 2], "steps of the map in a large and in a small crop over time", low=1, length=2
        ),
        CROP_POSITIONS=Key(
            "inclusive",
            "where crops lie: inclusive = anywhere, at different places; legacy = never at the last "
            "place, and maybe twice at one, as in the released code",
            choices=("inclusive", "legacy"),
        ),
        SYMMETRIC=Key(
            False,
            "let both cuts of the frames take both parts, and compare all large crops; the "
            "published loss does neither",
        ),
        TEMPERATURE=Key(0.5, "divides the scores of crops", above=0),
        CROSS_TEMPERATURE=Key(0.1, "divides the scores between frames and audio", above=0),
        CROSS_MODAL_WEIGHT=Key(
            0.5, "weight of the loss between modalities; the crops have the rest", low=0, high=1
        ),
    ),
)
