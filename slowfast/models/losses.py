"""Loss functions by name (``MODEL.LOSS_FUNC``)."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F

from slowfast.utils.errors import ConfigError, did_you_mean


class SoftTargetCrossEntropyLoss(nn.Module):
    """Cross entropy with a distribution as target.

    Args:
        reduction: ``mean``, ``sum`` or ``none`` over the batch.
    """

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of logits ``(B, C)`` against weights ``(B, C)``."""
        losses = -(targets * F.log_softmax(logits, dim=-1)).sum(dim=-1)
        return {"mean": losses.mean, "sum": losses.sum, "none": lambda: losses}[self.reduction]()


LOSSES: dict[str, Callable[..., nn.Module]] = {
    "cross_entropy": nn.CrossEntropyLoss,
    "bce": nn.BCELoss,
    "bce_logit": nn.BCEWithLogitsLoss,
    "soft_cross_entropy": SoftTargetCrossEntropyLoss,
    "mse": nn.MSELoss,
}


def get_loss_func(loss_name: str) -> Callable[..., nn.Module]:
    """Return a loss class, to be called with ``reduction=``.

    Raises:
        ConfigError: unknown name.
    """
    if loss_name not in LOSSES:
        raise ConfigError(
            f"MODEL.LOSS_FUNC {loss_name!r} is unknown. {did_you_mean(loss_name, LOSSES)}"
        )
    return LOSSES[loss_name]
