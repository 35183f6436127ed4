"""From a config to a model."""

from __future__ import annotations

from torch import nn

from slowfast.utils.registry import Registry

# Each entry is called with the config.
MODEL_REGISTRY = Registry("model (MODEL.MODEL_NAME)", "slowfast.models")


def build_model(cfg, gpu_id: int | None = None) -> nn.Module:
    """Return the model ``MODEL.MODEL_NAME`` with random weights.

    Args:
        cfg: the whole config.
        gpu_id: where given, the model is moved to this GPU, as in PySlowFast.

    Raises:
        ConfigError: unknown name.
    """
    model = MODEL_REGISTRY.get(cfg.MODEL.MODEL_NAME)(cfg)
    return model if gpu_id is None else model.to(f"cuda:{gpu_id}")
