"""Keys of the run as a whole: devices, output folder, loaders, logging services."""

from slowfast.config.schema import Key, Node

TABLES = (
    Node(
        "",
        "The run",
        TASK=Key("", "name of the registered task; empty stands for recognition"),
        IMPORTS=Key([], "modules of your own to import first; they may register", kind="list[str]"),
        NUM_GPUS=Key(
            1, "GPUs of this machine, one process each; 0 runs on the CPU", low=0, high=1024
        ),
        NUM_SHARDS=Key(1, "machines of the run; start several with torchrun instead", low=1),
        SHARD_ID=Key(0, "index of this machine; torchrun sets it", low=0),
        OUTPUT_DIR=Key(".", "folder that receives everything this run writes"),
        RNG_SEED=Key(1, "seed of Python, NumPy and torch", low=0, high=2**63 - 1),
        LOG_PERIOD=Key(10, "iterations between log lines, and the window they average", low=1),
        LOG_MODEL_INFO=Key(True, "log parameters and multiply-adds of the model at the start"),
        DIST_BACKEND=Key(
            "nccl", "how processes talk; CPU runs use gloo", choices=("nccl", "gloo", "mpi")
        ),
        DIST_TIMEOUT_SECONDS=Key(
            600.0,
            "seconds a process waits for the others before the run fails",
            above=0,
            high=1_000_000,
        ),
    ),
    Node(
        "DATA_LOADER",
        "Worker processes that read the data",
        NUM_WORKERS=Key(
            8, "worker processes per GPU process; 0 reads in the main one", low=0, high=1024
        ),
        PIN_MEMORY=Key(True, "page-locked batches, for faster copies to the GPU"),
        PREFETCH_FACTOR=Key(2, "batches that each worker prepares ahead", low=1, high=10_000),
        DECODE_THREADS=Key(
            1, "codec threads per opened video; 0 lets the codec choose", low=0, high=1024
        ),
        ENABLE_MULTI_THREAD_DECODE=Key(False, "let the codec choose its number of threads"),
    ),
    Node(
        "BENCHMARK",
        "Measuring the loader",
        NUM_EPOCHS=Key(5, "passes over the data", low=1),
        LOG_PERIOD=Key(100, "iterations between printed speeds", low=1),
        SHUFFLE=Key(True, "read in random order"),
    ),
    Node(
        "WANDB",
        "Weights & Biases",
        ENABLE=Key(False, "show curves and results at Weights & Biases (needs the package wandb)"),
        ENTITY=Key(None, "user or team that owns the project there", kind="str"),
        PROJECT=Key("slowfast-vssl", "project there"),
    ),
)
