"""PySlowFast's helpers by their import path; they live in :mod:`slowfast.engine`."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from slowfast.engine import launch
from slowfast.engine.model_info import model_info
from slowfast.utils.errors import TrainingError
from slowfast.utils.logging import get_logger

logger = get_logger(__name__)


def launch_job(cfg, init_method: str, func: Callable[..., None], daemon: bool = False) -> None:
    """Run ``func(cfg=cfg)`` in every process; ``init_method`` and ``daemon`` are not needed here."""
    launch.launch_job(cfg, func)


def params_count(model: nn.Module, ignore_bn: bool = False) -> int:
    """Return the number of parameters, on request without those of 3-D batch normalisation."""
    spared = nn.BatchNorm3d if ignore_bn else ()
    modules = [m for m in model.modules() if not isinstance(m, spared)]
    return sum(p.numel() for m in modules for p in m.parameters(recurse=False))


def log_model_info(model: nn.Module, cfg, use_train_input: bool = True) -> None:
    """Log the parameters and the cost of a network on one clip of the training or test size."""
    data = cfg.DATA
    side = data.TRAIN_CROP_SIZE if use_train_input else data.TEST_CROP_SIZE
    clip = torch.empty(1, data.INPUT_CHANNEL_NUM[0], data.NUM_FRAMES, side, side, device="meta")
    logger.info("Model:\n%s", model)
    logger.info("%s", model_info(model, model, ([clip],)))


def check_nan_losses(loss: float | torch.Tensor) -> None:
    """Raise a TrainingError if a loss is not a number."""
    if math.isnan(loss):
        raise TrainingError(f"The loss is not a number: {float(loss)}.")


def gpu_mem_usage() -> float:
    """Return the most memory that tensors took on the current GPU, in GiB; 0 without one."""
    return torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else 0.0


def cpu_mem_usage() -> tuple[float, float]:
    """Return the used and the whole memory of this machine in GiB; zeros where it does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return 0.0, 0.0
    found = {
        key: int(rest.split()[0]) / 2**20 for key, _, rest in (r.partition(":") for r in lines)
    }
    return found["MemTotal"] - found["MemAvailable"], found["MemTotal"]


def is_eval_epoch(cfg, cur_epoch: int, multigrid_schedule: None = None) -> bool:
    """Tell whether a model is validated after an epoch (from 0)."""
    epoch, period = cur_epoch + 1, cfg.TRAIN.EVAL_PERIOD
    return epoch == cfg.SOLVER.MAX_EPOCH or bool(period and epoch % period == 0)
