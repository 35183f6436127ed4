"""Keys of self-supervised methods: those that learn from audio and video, and PySlowFast's own."""

import math

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
    Node(
        "CONTRASTIVE",
        "Contrastive learning on video",
        TYPE=Key("mem", "method", choices=("mem", "self", "moco", "byol", "swav", "simclr")),
        T=Key(0.07, "temperature of the softmax", above=0),
        DIM=Key(128, "size of an embedding", low=1),
        LENGTH=Key(239975, "rows of the memory bank: videos to train on", low=1),
        QUEUE_LEN=Key(65536, "negatives in the queue of MoCo, or drawn from the bank", low=1),
        MOMENTUM=Key(0.5, "share of the old value in the slow network or bank", low=0, high=1),
        MOMENTUM_ANNEALING=Key(False, "let that share grow to 1 along a cosine"),
        MEM_TYPE=Key("1d", "memory bank per video, or per video and time", choices=("1d", "2d")),
        INTERP_MEMORY=Key(False, "interpolate over time in a 2d bank"),
        NUM_MLP_LAYERS=Key(1, "layers of the projection", low=1),
        MLP_DIM=Key(2048, "width inside the projection", low=1),
        BN_MLP=Key(False, "batch norm in the projection"),
        BN_SYNC_MLP=Key(False, "share those statistics between processes"),
        PREDICTOR_DEPTHS=Key([], "layers of each predictor (BYOL: [2])", kind="list[int]"),
        LOCAL_SHUFFLE_BN=Key(True, "shuffle keys within a machine only"),
        MOCO_MULTI_VIEW_QUEUE=Key(False, "queue the keys of all clips, not of the first"),
        DELTA_CLIPS_MIN=Key(-math.inf, "smallest gap between clips of a video, in frames"),
        DELTA_CLIPS_MAX=Key(math.inf, "largest gap between clips of a video, in frames"),
        SEQUENTIAL=Key(False, "one backward pass per clip, to save memory"),
        SIMCLR_DIST_ON=Key(True, "take negatives from all machines (SimCLR)"),
        SWAV_QEUE_LEN=Key(0, "length of the queue of SwAV", low=0),
        KNN_ON=Key(True, "score by nearest neighbours while training"),
        NUM_CLASSES_DOWNSTREAM=Key(400, "classes of that score", low=1),
    ),
    Node(
        "MASK",
        "Masked prediction",
        ENABLE=Key(False, "train by predicting masked patches"),
        MAE_ON=Key(False, "leave masked patches out of the encoder (MAE)"),
        MAE_RND_MASK=Key(False, "draw masks in the network"),
        PER_FRAME_MASKING=Key(False, "another mask for every frame"),
        TIME_STRIDE_LOSS=Key(True, "predict only the frames that patches are centred on"),
        NORM_PRED_PIXEL=Key(True, "normalise the pixels of each target patch"),
        SCALE_INIT_BY_DEPTH=Key(False, "smaller random weights in deeper blocks"),
        DECODER_EMBED_DIM=Key(512, "channels of the decoder", low=1),
        DECODER_DEPTH=Key(0, "blocks of the decoder", low=0),
        DECODER_SEP_POS_EMBED=Key(False, "positions of the decoder as time plus space"),
        DEC_KV_KERNEL=Key([], "pooling kernel of keys and values in the decoder"),
        DEC_KV_STRIDE=Key([], "pooling stride of keys and values in the decoder"),
        PRETRAIN_DEPTH=Key([15], "blocks whose output is predicted from", low=0),
        HEAD_TYPE=Key("separate", "prediction head", choices=("separate", "separate_xformer")),
        PRED_HOG=Key(False, "predict oriented gradients, not pixels"),
    ),
    Node(
        "VIS_MASK",
        "Images of masked prediction",
        ENABLE=Key(False, "write videos of masks and reconstructions in testing"),
    ),
)
