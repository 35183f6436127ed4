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
        ),
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
        NUM_NEGATIVES=Key(1024, "memories drawn as negatives of each clip", low=1),
        TEMPERATURE=Key(0.07, "divides all scores", above=0),
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
        NUM_POSITIVES=Key(32, "size of a positive set", low=1),
        NUM_NEGATIVES_WITHIN=Key(
            64, "the first of AVID's negatives that the positive terms within a modality use", low=1
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
)
