"""Which task a config asks for."""

from __future__ import annotations

from slowfast.tasks.base import Task
from slowfast.utils.registry import Registry

TASK_REGISTRY = Registry("task (TASK)", "slowfast.tasks")


def build_task(cfg) -> Task:
    """Return the task of a config, see :func:`task_name`.

    Raises:
        ConfigError: unknown name.
    """
    return TASK_REGISTRY.get(task_name(cfg))(cfg)


def task_name(cfg) -> str:
    """Return ``TASK``; where it is empty, as in PySlowFast's files, other switches tell."""
    if cfg.TASK:
        return cfg.TASK
    if cfg.DETECTION.ENABLE:
        return "detection"
    return "multilabel" if cfg.DATA.MULTI_LABEL else "recognition"
