"""From a config to a model."""

from __future__ import annotations

import inspect
from typing import Any

from torch import nn

from slowfast.models.registry import MODEL_REGISTRY
from slowfast.utils.errors import ConfigError

__all__ = ["MODEL_REGISTRY", "build_model"]


def build_model(cfg, gpu_id: int | None = None, **facts: Any) -> nn.Module:
    """Return the model ``MODEL.MODEL_NAME`` with random weights.

    Args:
        cfg: the whole config.
        gpu_id: where given, the model is moved to this GPU, as in PySlowFast.
        facts: what the model's size depends on beside the config, such as ``num_instances``.

    Raises:
        ConfigError: unknown name, or a model that wants other facts.
    """
    builder = MODEL_REGISTRY.get(cfg.MODEL.MODEL_NAME)
    try:
        inspect.signature(builder).bind(cfg, **facts)
    except TypeError as error:
        raise ConfigError(
            f"MODEL.MODEL_NAME {cfg.MODEL.MODEL_NAME!r} is no model for TASK "
            f"{cfg.TASK or 'recognition'} ({error})."
        ) from error
    model = builder(cfg, **facts)
    return model if gpu_id is None else model.to(f"cuda:{gpu_id}")
