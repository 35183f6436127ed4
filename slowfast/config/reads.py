"""Which keys of a config anything reads: a key that nothing reads must not pass for one that works."""

from __future__ import annotations

from slowfast.config.availability import NOT_YET
from slowfast.config.node import CfgNode, plain
from slowfast.config.nodes import KEYS
from slowfast.utils.errors import ConfigError
from slowfast.utils.logging import get_logger

logger = get_logger(__name__)

# How the work is spread over a machine, or shown: without effect where there is one process, say.
MACHINE = (
    *("NUM_GPUS", "NUM_SHARDS", "SHARD_ID", "DIST_", "DATA_LOADER.", "DATA.READ_TIMEOUT"),
    *("OUTPUT_DIR", "LOG_", "WANDB.", "IMPORTS", "TRAIN.CHECKPOINT_TYPE", "TEST.CHECKPOINT_TYPE"),
)
# What the other half of a run reads: the command of a training also tests, and the other way round.
TESTING = ("TEST.", "DATA.TEST_")
TRAINING = ("TRAIN.", "SOLVER.", "BN.", "SSL.", "DATA.TRAIN_", "MODEL.", "CHECKPOINT.")
# Where each of the sources lies between which a key chooses: who reads the choice knows them all.
SOURCES = {
    "AVA.SOURCE": ("AVA.FRAME_DIR", "AVA.FRAME_LIST_DIR", "AVA.VIDEO_DIR"),
    "CHARADES.SOURCE": ("CHARADES.VIDEO_DIR", "DATA.PATH_PREFIX"),
}


def check_reads(cfg: CfgNode, also_known: tuple[str, ...] = ()) -> None:
    """Refuse keys of the command line that nothing has read, and warn of those of files.

    Call it when everything is built and nothing is computed yet. A run that only tests is warned,
    since its command is often that of the training. Values that switch off what is not available
    here are fine, and so are values of files that are the default.

    Args:
        also_known: beginnings of keys that the real run reads.

    Raises:
        ConfigError: names all keys of the command line that nothing has read.
    """
    training, testing = cfg.TRAIN.ENABLE, cfg.TEST.ENABLE
    known = (*MACHINE, *also_known)
    known += () if testing else TESTING
    known += () if training else TRAINING
    known += tuple(k for choice, keys in SOURCES.items() if cfg.was_read(choice) for k in keys)
    words, in_files = [], []
    for name, where in cfg.unread().items():
        if name in NOT_YET or name.startswith(known):
            continue
        (in_files if where else words).append(name)
    values = cfg.leaves()
    if words and training:
        shown = ", ".join(f"{name} {values[name]!r}" for name in words)
        raise ConfigError(
            f"Nothing in this run reads {shown}: not TASK {cfg.TASK or 'recognition'} with "
            f"TRAIN.DATASET {cfg.TRAIN.DATASET}, MODEL.MODEL_NAME {cfg.MODEL.MODEL_NAME} and the "
            "other keys as they are. Leave it out, or switch on what it belongs to."
        )
    if words:
        logger.warning("Nothing in this test reads: %s.", ", ".join(words))
    in_files = [n for n in in_files if n not in KEYS or plain(values[n]) != plain(KEYS[n].default)]
    if in_files and training:
        logger.warning("Set in files, but nothing in this run reads: %s.", ", ".join(in_files))
