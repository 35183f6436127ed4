"""Kinds of work: each joins dataset, model, loss and evaluator."""

from slowfast.tasks.build import TASK_REGISTRY, build_task

__all__ = ["TASK_REGISTRY", "build_task"]
