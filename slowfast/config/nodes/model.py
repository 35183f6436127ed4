"""Keys that every network has, and those of its batch normalisation."""

from slowfast.config.schema import Key, Node

TABLES = (
    Node(
        "MODEL",
        "The network",
        MODEL_NAME=Key("SlowFast", "registered name of the model"),
        ARCH=Key("slowfast", "architecture within that model"),
        NUM_CLASSES=Key(400, "outputs of the head", low=1, high=1_000_000),
        LOSS_FUNC=Key("cross_entropy", "registered name of the loss"),
        HEAD_ACT=Key(
            "softmax",
            "activation of the head outside training (detection: always)",
            choices=("softmax", "sigmoid", "none"),
        ),
        DROPOUT_RATE=Key(0.5, "dropout before the last layer", low=0, high=1),
        DROPCONNECT_RATE=Key(0.0, "chance to skip a residual block of X3D", low=0, high=1),
        HEAD_NORM=Key(
            "none",
            "normalisation of the pooled features before the classifier; batchnorm has no weights "
            "and brings frozen features of any scale to one (linear probes)",
            choices=("none", "batchnorm"),
        ),
        POOLING_LAYERS=Key(
            0,
            "layers of a transformer that pools the feature map of the frames over time, as in "
            "STiCA; 0 = as the backbone's authors do",
            low=0,
        ),
        POOLING_HEADS=Key(4, "heads of its attention", low=1),
        POOLING_POSITIONS=Key(False, "learned vectors for the steps of time"),
        POOLING_VALUES=Key(False, "project values and outputs too, not queries and keys alone"),
        FC_INIT=Key(
            "normal", "initial weights of the classifier", choices=("normal", "orthogonal")
        ),
        FC_INIT_STD=Key(0.01, "deviation of the random weights of linear layers", low=0),
        SINGLE_PATHWAY_ARCH=Key(
            ["2d", "c2d", "i3d", "slow", "x3d", "mvit", "maskmvit"],
            "values of ARCH that take one clip",
        ),
        MULTI_PATHWAY_ARCH=Key(["slowfast"], "values of ARCH that take a slow and a fast clip"),
    ),
    Node(
        "MODEL",
        "Pretrained weights and what learns",
        INIT_METHOD=Key(
            None,
            "method or format that made MODEL.CKPT, auto to find out; None or scratch starts at "
            "random",
            kind="str",
        ),
        CKPT=Key(None, "path of the pretraining checkpoint, or folder of a run", kind="str"),
        FREEZE=Key(
            "none",
            "part of the network that does not learn",
            choices=("none", "bn_parameters", "bn_statistics", "backbone"),
        ),
        FROZEN_BN=Key(False, "keep the running statistics of batch norm as they are"),
        DETACH_FINAL_FC=Key(False, "stop gradients before the last layer"),
    ),
    Node(
        "CHECKPOINT",
        "How MODEL.CKPT is read",
        TRUST_PICKLE=Key(
            False, "read files that can only be read by running what they say; know who made them"
        ),
        AT=Key("", "entry of the file that holds the tensors, where several fit"),
        INFLATE=Key(False, "stretch 2-D kernels over time, divided by its length"),
        REVERSE_CHANNELS=Key(False, "exchange red and blue in the first convolution"),
    ),
    Node(
        "MODEL",
        "Speed and memory",
        COMPILE=Key(False, "torch.compile the network"),
        COMPILE_MODE=Key(
            "default",
            "of torch.compile: reduce-overhead replays CUDA graphs, for batches of one shape",
            choices=("default", "reduce-overhead", "max-autotune-no-cudagraphs", "max-autotune"),
        ),
        CHANNELS_LAST=Key(False, "channels_last_3d memory layout"),
        ACT_CHECKPOINT=Key(False, "compute activations again in the backward pass"),
        FP16_ALLREDUCE=Key(False, "exchange gradients in 16 bits"),
    ),
    Node(
        "BN",
        "Batch normalisation",
        NORM_TYPE=Key(
            "batchnorm",
            "kind of normalisation",
            choices=("batchnorm", "sub_batchnorm", "sync_batchnorm", "sync_batchnorm_apex"),
        ),
        WEIGHT_DECAY=Key(0.0, "decay of the parameters of normalisation layers", low=0),
        USE_PRECISE_STATS=Key(False, "compute the statistics anew before each evaluation"),
        NUM_BATCHES_PRECISE=Key(200, "batches for that", low=0),
        NUM_SPLITS=Key(1, "parts of a batch with statistics of their own (sub_batchnorm)", low=1),
        NUM_SYNC_DEVICES=Key(
            1,
            "GPUs that share statistics (sync_batchnorm); None with GLOBAL_SYNC",
            low=1,
            optional=True,
        ),
        GLOBAL_SYNC=Key(False, "share statistics between all machines (sync_batchnorm)"),
    ),
)
