"""From a config to a model."""

from __future__ import annotations

from torch import nn

from slowfast.utils.errors import ConfigError
from slowfast.utils.registry import Registry

NOT_INCLUDED = ("SlowFast", "ResNet", "X3D", "MViT", "MaskMViT", "ContrastiveModel")
NOT_INCLUDED += ("PTVResNet", "PTVSlowFast", "PTVX3D", "PTVCSN", "PTVR2plus1D", "PTVMViT")

# Each entry is called with the config. Self-supervised methods register themselves here, too.
MODEL_REGISTRY = Registry("model (MODEL.MODEL_NAME)", "slowfast.models", "slowfast.ssl")


def build_model(cfg, gpu_id: int | None = None) -> nn.Module:
    """Return the model ``MODEL.MODEL_NAME`` with random weights.

    Args:
        cfg: the whole config.
        gpu_id: where given, the model is moved to this GPU, as in PySlowFast.

    Raises:
        ConfigError: unknown name, or a network of PySlowFast that is not included.
    """
    name = cfg.MODEL.MODEL_NAME
    if name in NOT_INCLUDED and name not in MODEL_REGISTRY:
        raise ConfigError(
            f"MODEL.MODEL_NAME {name}: PySlowFast's own networks ({', '.join(NOT_INCLUDED)}) are "
            f"not included. Take one of {', '.join(MODEL_REGISTRY)}, or register yours by "
            "MODEL_REGISTRY in a module named by IMPORTS."
        )
    model = MODEL_REGISTRY.get(name)(cfg)
    return model if gpu_id is None else model.to(f"cuda:{gpu_id}")
