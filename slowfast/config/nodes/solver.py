"""Keys of the optimiser, the learning-rate schedule and multigrid training."""

from slowfast.config.schema import Key, Node

TABLES = (
    Node(
        "SOLVER",
        "Learning rate over the epochs",
        BASE_LR=Key(0.1, "learning rate once warm-up is over", low=0),
        LR_POLICY=Key(
            "cosine",
            "shape of the schedule",
            choices=("cosine", "steps_with_relative_lrs"),
        ),
        MAX_EPOCH=Key(300, "epochs to train", low=1, high=10_000_000),
        COSINE_END_LR=Key(0.0, "learning rate at the end of the cosine", low=0),
        COSINE_AFTER_WARMUP=Key(False, "start the cosine where warm-up ends, not at epoch 0"),
        STEPS=Key([], "epochs at which a step begins, the first one 0", kind="list[float]", low=0),
        LRS=Key([], "multiple of BASE_LR in each step", kind="list[float]", low=0),
        WARMUP_EPOCHS=Key(0.0, "epochs of linear warm-up", low=0),
        WARMUP_START_LR=Key(0.01, "learning rate at the start of warm-up", low=0),
        BASE_LR_SCALE_NUM_SHARDS=Key(False, "multiply all learning rates by the machines"),
        BACKBONE_LR_SCALE=Key(
            1.0, "learning rate of the backbone as a multiple of the head's", low=0
        ),
        LAYER_DECAY=Key(
            1.0, "factor on the learning rate per layer away from the head", above=0, high=1
        ),
        GAMMA=Key(0.1, "factor between the steps of multigrid training", low=0),
        STEP_SIZE=Key(1, "accepted for old files; nothing reads it"),
        WARMUP_FACTOR=Key(0.1, "accepted for old files; nothing reads it"),
    ),
    Node(
        "SOLVER",
        "Optimiser",
        OPTIMIZING_METHOD=Key("sgd", "optimiser", choices=("sgd", "adam", "adamw", "mt_adamw")),
        MOMENTUM=Key(0.9, "momentum of sgd", low=0, high=1),
        DAMPENING=Key(0.0, "dampening of the momentum of sgd", low=0, high=1),
        NESTEROV=Key(True, "Nesterov momentum in sgd"),
        BETAS=Key(
            (0.9, 0.999), "running-average factors of adam and adamw", low=0, high=1, length=2
        ),
        WEIGHT_DECAY=Key(
            1e-4, "decay of all parameters but those of normalisation layers", low=0, high=1e6
        ),
        ZERO_WD_1D_PARAM=Key(False, "no decay for biases and other one-dimensional parameters"),
        CLIP_GRAD_VAL=Key(None, "largest size of a gradient element", kind="float", low=0),
        CLIP_GRAD_L2NORM=Key(
            None, "largest L2 norm of all gradients; CLIP_GRAD_VAL goes first", kind="float", low=0
        ),
        LARS_ON=Key(False, "scale each layer's step by the norm of its weights (LARS)"),
    ),
    Node(
        "MULTIGRID",
        "Multigrid training (arXiv:1912.00998)",
        SHORT_CYCLE=Key(False, "change the crop size from iteration to iteration"),
        SHORT_CYCLE_FACTORS=Key([0.5, 0.5**0.5], "crop sizes of that cycle, relative", above=0),
        LONG_CYCLE=Key(False, "change clip length and crop size from epoch to epoch"),
        LONG_CYCLE_FACTORS=Key(
            [(0.25, 0.5**0.5), (0.5, 0.5**0.5), (0.5, 1), (1, 1)],
            "(frames, crop) of that cycle, relative",
        ),
        EPOCH_FACTOR=Key(1.5, "multiple of the epochs to train", above=0),
        BN_BASE_SIZE=Key(8, "clips that share batch-norm statistics", low=1),
        EVAL_FREQ=Key(3, "validations per shape of the long cycle", low=1),
        LONG_CYCLE_SAMPLING_RATE=Key(0, "set while running, not by hand", low=0),
        DEFAULT_B=Key(0, "set while running, not by hand", low=0),
        DEFAULT_T=Key(0, "set while running, not by hand", low=0),
        DEFAULT_S=Key(0, "set while running, not by hand", low=0),
    ),
)
