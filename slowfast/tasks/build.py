"""Which task a config asks for."""

from __future__ import annotations

from slowfast.tasks import pretrain, recognition
from slowfast.tasks.base import Task
from slowfast.tasks.registry import TASK_REGISTRY

DEFAULT_TASK = "recognition"

__all__ = ["TASK_REGISTRY", "build_task", "pretrain", "recognition"]


def build_task(cfg) -> Task:
    """Return the task ``TASK``; PySlowFast's empty default is recognition.

    Raises:
        ConfigError: unknown name.
    """
    return TASK_REGISTRY.get(cfg.TASK or DEFAULT_TASK)(cfg)
