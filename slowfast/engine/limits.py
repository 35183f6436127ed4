"""What limits a run, in one sentence: the phase that its steps spend most on, and a key that helps."""

from __future__ import annotations

import os
from collections.abc import Mapping

from slowfast.utils import distributed as du

IN_WORDS = {
    "data": "waiting for data",
    "transfer": "copying batches to the device",
    "forward": "the forward pass",
    "bank": "the memory banks",
    "backward": "the backward pass",
    "optimizer": "the optimizer",
    "other": "hooks and logging",
}
# Waiting is lost time, computing is not: from these shares on, this is what is worth a change.
WORTH_A_WORD = {"data": 0.15, "transfer": 0.15, "bank": 0.3, "optimizer": 0.3, "other": 0.15}


def limit_in_words(seconds: Mapping[str, float], cfg) -> str:
    """Return what the steps of an epoch spent most on and which key to turn.

    Args:
        seconds: of each phase of :mod:`slowfast.utils.step_clock`.
        cfg: the config of the run, which says what is turned on already.
    """
    total = sum(seconds.values())
    if not total:
        return "No step was timed."
    lost = [name for name, share in WORTH_A_WORD.items() if seconds[name] > share * total]
    name = max(lost or seconds, key=lambda phase: seconds[phase])
    shares = ", ".join(
        f"{IN_WORDS[phase]} {spent / total:.0%}"
        for phase, spent in sorted(seconds.items(), key=lambda pair: -pair[1])
        if spent > 0.005 * total
    )
    with cfg.unobserved():
        cure = CURES.get(name, _of_network)(cfg)
    return f"Limited by {IN_WORDS[name]} ({shares}): {cure}."


def _of_data(cfg) -> str:
    workers, cores = cfg.DATA_LOADER.NUM_WORKERS, _cores()
    if workers < cores:
        return f"raise DATA_LOADER.NUM_WORKERS (now {workers}; {cores} cores are free to use)"
    return (
        f"all {cores} cores read; smaller files help most (tools/prepare_data.py transcode, then "
        "DATA.FILE_SUFFIX .mp4)"
    )


def _of_transfer(cfg) -> str:
    if not cfg.DATA_LOADER.PIN_MEMORY:
        return "set DATA_LOADER.PIN_MEMORY True"
    return "lower DATA.TRAIN_CROP_SIZE or DATA.NUM_FRAMES, if the task allows"


def _of_network(cfg) -> str:
    if cfg.NUM_GPUS and not cfg.TRAIN.MIXED_PRECISION:
        return "set TRAIN.MIXED_PRECISION True"
    if not cfg.MODEL.CHANNELS_LAST:
        return "set MODEL.CHANNELS_LAST True"
    if cfg.NUM_GPUS and not cfg.MODEL.COMPILE:
        return "set MODEL.COMPILE True, which pays in runs of more than some ten minutes"
    return "the device computes; more of them (NUM_GPUS) or a smaller MODEL.ARCH help"


def _of_hooks(cfg) -> str:
    if cfg.TRAIN.CHECKPOINT_MINUTES:
        return "raise TRAIN.CHECKPOINT_MINUTES or LOG_PERIOD"
    return f"raise LOG_PERIOD (now {cfg.LOG_PERIOD})"


CURES = {
    "data": _of_data,
    "transfer": _of_transfer,
    "bank": lambda cfg: f"lower SSL.AVID.NUM_NEGATIVES (now {cfg.SSL.AVID.NUM_NEGATIVES})",
    "optimizer": lambda cfg: (
        f"raise TRAIN.BATCH_SIZE (now {cfg.TRAIN.BATCH_SIZE}) or TRAIN.ACCUMULATION_STEPS"
    ),
    "other": _of_hooks,
}


def _cores() -> int:
    """Return the cores that this process may use, its share of those of the machine."""
    own = hasattr(os, "sched_getaffinity")
    count = len(os.sched_getaffinity(0)) if own else os.cpu_count() or 1
    return max(1, count // du.get_local_world_size())
