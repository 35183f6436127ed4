"""PySlowFast's import path of the optimizers; they live in :mod:`slowfast.engine.optimizer`."""

from slowfast.engine.optimizer import (
    construct_optimizer,
    get_epoch_lr,
    get_param_groups,
    set_lr,
)

__all__ = ["construct_optimizer", "get_epoch_lr", "get_param_groups", "set_lr"]
