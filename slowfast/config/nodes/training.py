"""Keys of the training loop, its checkpoints, optimiser and schedule, and of testing."""

from slowfast.config.schema import Key, Node

CHECKPOINT_TYPES = ("pytorch", "caffe2")

TABLES = (
    Node(
        "TRAIN",
        "Training",
        ENABLE=Key(True, "train"),
        DATASET=Key("kinetics", "registered dataset to train and validate on, in any case"),
        BATCH_SIZE=Key(
            64, "samples per iteration, summed over the GPUs of one machine", low=1, high=1_000_000
        ),
        ACCUMULATION_STEPS=Key(
            1,
            "parts a batch is worked through in before one optimiser step; saves memory",
            low=1,
            high=1_000_000,
        ),
        GRAD_CACHE=Key(
            False,
            "take the losses of the ACCUMULATION_STEPS parts of a batch as of one batch: in-batch "
            "losses then have all its clips for negatives; every part is computed twice",
        ),
        EPOCH_MAX_SAMPLES=Key(
            0, "clips after which an epoch ends, over all processes; 0 = the whole list", low=0
        ),
        EVAL_PERIOD=Key(10, "epochs between validations; 0 for none", low=0),
        MIXED_PRECISION=Key(False, "compute in 16 bits where that is safe"),
        AMP_DTYPE=Key(
            "auto",
            "16-bit type of MIXED_PRECISION; auto takes bfloat16 where the device has it",
            choices=("auto", "bfloat16", "float16"),
        ),
        KILL_LOSS_EXPLOSION_FACTOR=Key(
            0.0, "stop when the loss exceeds this many times its recent mean; 0 never does", low=0
        ),
        CLASSIFIER_WARMUP_EPOCHS=Key(
            0, "epochs before the main run in which only the classifier learns", low=0
        ),
        CLASSIFIER_WARMUP_LR=Key(1e-4, "learning rate (Adam) of those epochs", above=0),
    ),
    Node(
        "TRAIN",
        "Checkpoints of a training run",
        AUTO_RESUME=Key(True, "resume from the newest checkpoint in OUTPUT_DIR"),
        CHECKPOINT_PERIOD=Key(10, "epochs between checkpoints", low=1),
        CHECKPOINT_MINUTES=Key(
            20.0, "minutes between checkpoints inside an epoch; 0 saves only at its end", low=0
        ),
        CHECKPOINT_KEEP_LAST=Key(
            0, "periodic checkpoints to keep, newest first; 0 keeps all of them", low=0
        ),
        CHECKPOINT_KEEP_EVERY=Key(
            0, "epochs between checkpoints that are never deleted; 0 for none", low=0
        ),
        CHECKPOINT_KEEP_BEST=Key(True, "never delete the checkpoint of the best validated epoch"),
        CHECKPOINT_BACKGROUND=Key(
            True, "write checkpoints while training goes on, from a copy in host memory"
        ),
        CHECKPOINT_FILE_PATH=Key("", "checkpoint whose weights training starts from"),
        CHECKPOINT_TYPE=Key("pytorch", "format of CHECKPOINT_FILE_PATH", choices=CHECKPOINT_TYPES),
        CHECKPOINT_EPOCH_RESET=Key(
            False, "take only the weights of CHECKPOINT_FILE_PATH and start at epoch 0"
        ),
        CHECKPOINT_INFLATE=Key(False, "stretch 2-D kernels of the checkpoint over time"),
        CHECKPOINT_CLEAR_NAME_PATTERN=Key(
            (), "texts to cut out of parameter names, such as 'backbone.'", kind="tuple[str]"
        ),
        CHECKPOINT_IN_INIT=Key(False, "start a video network from the checkpoint of an image one"),
    ),
    Node(
        "TEST",
        "Testing",
        ENABLE=Key(True, "test, after training when that is on too"),
        DATASET=Key("kinetics", "registered dataset to test on, in any case"),
        BATCH_SIZE=Key(
            8, "clips per iteration, summed over the GPUs of one machine", low=1, high=1_000_000
        ),
        CHECKPOINT_FILE_PATH=Key("", "checkpoint to test; empty takes the newest in OUTPUT_DIR"),
        WEIGHTS=Key(
            "last",
            "which checkpoint of a run is tested: last = the newest, best = that of the epoch with the "
            "best validation among the checkpoints that are there",
            choices=("last", "best"),
        ),
        CHECKPOINT_TYPE=Key("pytorch", "format of CHECKPOINT_FILE_PATH", choices=CHECKPOINT_TYPES),
        NUM_ENSEMBLE_VIEWS=Key(
            10,
            "clips per video, spread over its length; -1 tries 1, 3, 5, 7 and 10",
            low=-1,
            high=1000,
        ),
        NUM_SPATIAL_CROPS=Key(3, "crops per clip, along its longer side", low=1, high=3),
        NUM_TEMPORAL_CLIPS=Key(
            [], "clip counts to test one after another", kind="list[int]", low=1
        ),
        ENSEMBLE_ON=Key(
            "probabilities",
            "what is averaged over the views of a video",
            choices=("probabilities", "logits"),
        ),
        SAVE_RESULTS_PATH=Key("", "file under OUTPUT_DIR for predictions and labels (pickle)"),
    ),
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
