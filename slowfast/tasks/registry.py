"""The table of tasks."""

from slowfast.utils.registry import Registry

TASK_REGISTRY = Registry("task (TASK)", "slowfast.tasks")
