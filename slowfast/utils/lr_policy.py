"""PySlowFast's import path of the schedules; they live in :mod:`slowfast.engine.lr_policy`."""

from slowfast.engine.lr_policy import Schedule, get_lr_at_epoch

__all__ = ["Schedule", "get_lr_at_epoch"]
