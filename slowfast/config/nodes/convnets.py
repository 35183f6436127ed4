"""Keys of the convolutional networks; published files carry them for other networks too."""

from slowfast.config.schema import Key, Node

TABLES = (
    Node(
        "RESNET",
        "Residual networks",
        DEPTH=Key(50, "layers: 18, 50 or 101"),
        TRANS_FUNC=Key(
            "bottleneck_transform",
            "block: basic_transform, bottleneck_transform or x3d_transform",
        ),
        NUM_GROUPS=Key(1, "groups of the middle convolution (ResNeXt, depthwise)"),
        WIDTH_PER_GROUP=Key(64, "channels of each group in the first stage"),
        INPLACE_RELU=Key(True, "overwrite the input of ReLU, to save memory"),
        STRIDE_1X1=Key(False, "stride in the first 1x1 convolution, not in the middle one"),
        ZERO_INIT_FINAL_BN=Key(False, "start the last norm of each block at zero"),
        ZERO_INIT_FINAL_CONV=Key(False, "start the last convolution of each block at zero"),
        NUM_BLOCK_TEMP_KERNEL=Key(
            [[3], [4], [6], [3]], "per stage and pathway: blocks that convolve over time"
        ),
        SPATIAL_STRIDES=Key([[1], [2], [2], [2]], "per stage and pathway: stride in space"),
        SPATIAL_DILATIONS=Key([[1], [1], [1], [1]], "per stage and pathway: dilation in space"),
    ),
    Node(
        "SLOWFAST",
        "Two pathways",
        ALPHA=Key(8, "frames of the fast pathway per frame of the slow one"),
        BETA_INV=Key(8, "channels of the slow pathway per channel of the fast one"),
        FUSION_CONV_CHANNEL_RATIO=Key(2, "widening of the lateral convolution"),
        FUSION_KERNEL_SZ=Key(5, "frames under the kernel of the lateral convolution"),
    ),
    Node(
        "X3D",
        "X3D",
        WIDTH_FACTOR=Key(1.0, "multiple of the channels"),
        DEPTH_FACTOR=Key(1.0, "multiple of the blocks"),
        BOTTLENECK_FACTOR=Key(1.0, "widening inside a block"),
        DIM_C1=Key(12, "channels of the stem, before WIDTH_FACTOR"),
        DIM_C5=Key(2048, "channels before the classifier"),
        SCALE_RES2=Key(False, "widen the second stage too"),
        BN_LIN5=Key(False, "normalise the linear layer before the classifier"),
        CHANNELWISE_3x3x3=Key(True, "depthwise middle convolution"),
    ),
    Node(
        "NONLOCAL",
        "Non-local blocks",
        LOCATION=Key(
            [[[]], [[]], [[]], [[]]],
            "per stage and pathway: blocks that a non-local block follows",
        ),
        GROUP=Key([[1], [1], [1], [1]], "per stage and pathway: parts that time is cut into"),
        INSTANTIATION=Key("dot_product", "how affinities are scaled: dot_product or softmax"),
        POOL=Key(
            [[[1, 2, 2], [1, 2, 2]] for _ in range(4)],
            "per stage and pathway: pooling (time, height, width) of keys and values",
        ),
    ),
)
