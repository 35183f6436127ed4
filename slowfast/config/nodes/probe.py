"""Keys of what is measured on frozen features."""

from slowfast.config.schema import Key, Node

TABLES = (
    Node(
        "PROBE",
        "Probes of frozen features",
        FEATURES=Key(
            ["video"],
            "what is taken of the networks, as modality.layer:pooling: video, video.conv4x:max6, "
            "audio.block4:avg4, video:map (tokens), video.embedding, audio.log_mel (no network)",
            kind="list[str]",
        ),
        KINDS=Key(
            ["all"],
            "what is measured on them: linear, attentive, svm, knn, retrieval, cross_modal, geometry; "
            "all = whatever features and lists allow",
            kind="list[str]",
        ),
        FOLDS=Key(
            [],
            "splits of the dataset to measure in one run, with their mean; empty = DATA.FOLD",
            kind="list[int]",
            low=1,
        ),
        TRAIN_VIEWS=Key(
            "spread",
            "views of training items: spread = as in testing, drawn = at random moments, and audio "
            "alone also at random speed and gain",
            choices=("spread", "drawn"),
        ),
        STORE_DTYPE=Key("float32", "type of stored features", choices=("float32", "float16")),
        KNN_K=Key(20, "neighbours that vote", low=1),
        KNN_TEMPERATURE=Key(0.07, "cosine by which the vote of a neighbour falls to 1/e", above=0),
        FAISS=Key(
            "",
            "knn, retrieval: index of the FAISS package for large galleries, such as Flat, "
            "IVF1024,Flat or HNSW32 (pip install faiss-cpu); empty = exact search without it",
        ),
        SVM_C=Key(10.0, "SVM: weight of errors against the margin", above=0),
        SVM_LOSS=Key("hinge", "SVM: loss", choices=("hinge", "squared_hinge")),
        SVM_JOBS=Key(
            1,
            "SVM: processes that train classes at the same time, each with a copy of the features",
            low=1,
            high=1024,
        ),
        EPOCHS=Key(20, "linear, attentive: passes over the training features", low=1),
        BATCH_SIZE=Key(256, "linear, attentive: clips, or items, per step", low=2),
        LRS=Key(
            [0.01, 0.003, 0.001, 0.0003, 0.0001],
            "linear, attentive: rates of AdamW, falling to 0 as a cosine; all pairs with DECAYS are "
            "trained at once, and a tenth of the training items chooses among them",
            above=0,
        ),
        DECAYS=Key([0.0, 0.01], "linear, attentive: weight decays", low=0),
        AFFINE_BN=Key(True, "linear: scale and shift after the batch norm of features"),
        DEPTH=Key(1, "attentive: blocks, the last of which is the one of cross-attention", low=1),
        HEADS=Key(8, "attentive: heads of attention", low=1),
    ),
)
