"""Keys of the multiscale vision transformers."""

from slowfast.config.schema import Key, Node

TABLES = (
    Node(
        "MVIT",
        "Multiscale vision transformer",
        MODE=Key("conv", "pooling of attention: conv, conv_unshared, avg or max"),
        POOL_FIRST=Key(False, "pool before projecting to queries, keys and values"),
        CLS_EMBED_ON=Key(True, "add a class token"),
        PATCH_KERNEL=Key([3, 7, 7], "patch convolution: kernel (time, height, width)"),
        PATCH_STRIDE=Key([2, 4, 4], "patch convolution: stride"),
        PATCH_PADDING=Key([2, 4, 4], "patch convolution: padding"),
        PATCH_2D=Key(False, "patches of single frames; kernel, stride, padding of two numbers"),
        EMBED_DIM=Key(96, "channels of the first stage"),
        NUM_HEADS=Key(1, "attention heads of the first stage"),
        DEPTH=Key(16, "blocks"),
        MLP_RATIO=Key(4.0, "widening inside the MLP of a block"),
        QKV_BIAS=Key(True, "bias in the projections of attention"),
        SEPARATE_QKV=Key(False, "three projections of attention, not one"),
        NORM=Key("layernorm", "normalisation; only layernorm"),
        NORM_STEM=Key(False, "normalise after the patch convolution"),
        DROPPATH_RATE=Key(0.1, "chance to skip the last block; earlier ones less", low=0, high=1),
        DROPOUT_RATE=Key(0.0, "dropout of the tokens", low=0, high=1),
        LAYER_SCALE_INIT_VALUE=Key(0.0, "first value of the scale of each block; 0 for none"),
        HEAD_INIT_SCALE=Key(1.0, "multiple of the random weights of the classifier"),
        USE_MEAN_POOLING=Key(False, "classify the mean of the patches, not the class token"),
        ZERO_DECAY_POS_CLS=Key(True, "no weight decay for positions and class token"),
    ),
    Node(
        "MVIT",
        "Multiscale vision transformer: stages",
        DIM_MUL=Key([], "[block, factor] pairs that widen the channels"),
        HEAD_MUL=Key([], "[block, factor] pairs that multiply the heads"),
        DIM_MUL_IN_ATT=Key(False, "widen in the attention (v2), not in the MLP (v1)"),
        POOL_Q_STRIDE=Key([], "[block, time, height, width] strides of the queries"),
        POOL_KV_STRIDE=Key([], "[block, time, height, width] strides of keys and values"),
        POOL_KV_STRIDE_ADAPTIVE=Key(
            None, "stride of keys and values that shrinks as the queries do", kind="list[int]"
        ),
        POOL_KVQ_KERNEL=Key(
            None, "kernel of every pooling; None takes stride + 1", kind="list[int]"
        ),
        RESIDUAL_POOLING=Key(False, "add the pooled queries to the output of attention"),
    ),
    Node(
        "MVIT",
        "Multiscale vision transformer: positions",
        USE_ABS_POS=Key(True, "learn absolute positions"),
        SEP_POS_EMBED=Key(False, "absolute positions as time plus space"),
        USE_FIXED_SINCOS_POS=Key(False, "fixed sine and cosine positions"),
        REL_POS_SPATIAL=Key(False, "relative positions in space"),
        REL_POS_TEMPORAL=Key(False, "relative positions in time"),
        REL_POS_ZERO_INIT=Key(False, "start relative positions at zero"),
    ),
    Node(
        "MVIT.REV",
        "Reversible multiscale vision transformer",
        ENABLE=Key(False, "reversible blocks"),
        RESPATH_FUSE=Key("concat", "how the two streams are joined at the end"),
        BUFFER_LAYERS=Key([], "blocks that change the resolution", kind="list[int]"),
        RES_PATH=Key("conv", "pooling on the skip path of those"),
        PRE_Q_FUSION=Key("avg", "how the two streams are joined before those"),
    ),
)
