"""Which parts of a backbone stay as they are (``MODEL.FREEZE``)."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from slowfast.utils.errors import ConfigError

MODES = ("none", "bn_parameters", "bn_statistics", "backbone")


class Freezer:
    """Freezes a module and keeps it frozen through ``train()``.

    Args:
        module: usually a backbone.
        mode: ``none``; ``bn_parameters`` (scale and shift of normalisation layers get no
            gradient); ``bn_statistics`` (normalisation layers stay in eval mode, so that their
            running statistics neither move nor are replaced by those of a batch); ``backbone``
            (no gradient and eval mode for all of it).
    """

    def __init__(self, module: nn.Module, mode: str) -> None:
        if mode not in MODES:
            raise ConfigError(f"MODEL.FREEZE {mode!r}: choose one of {', '.join(MODES)}.")
        self.module, self.mode = module, mode
        if mode == "backbone":
            module.requires_grad_(False)
        elif mode == "bn_parameters":
            for layer in self._norms():
                layer.requires_grad_(False)

    def _norms(self) -> list[nn.Module]:
        return [layer for layer in self.module.modules() if isinstance(layer, _NormBase)]

    def after_train_call(self) -> None:
        """Put back into eval mode what must stay there; call at the end of ``train()``."""
        if self.mode == "backbone":
            self.module.eval()
        elif self.mode == "bn_statistics":
            for layer in self._norms():
                layer.eval()


class PartlyFrozen(nn.Module):
    """A model that keeps some of itself frozen; it names that in ``_freezer``."""

    _freezer: Freezer

    def train(self, mode: bool = True) -> PartlyFrozen:
        """Set the mode, except for what is frozen."""
        super().train(mode)
        self._freezer.after_train_call()
        return self
