"""Keys of PySlowFast's own self-supervised methods: contrastive learning and masked prediction."""

import math

from slowfast.config.schema import Key, Node

TABLES = (
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
