"""PySlowFast's checkpoint functions by their import path, over :mod:`slowfast.checkpoint`."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from slowfast.checkpoint.store import CheckpointStore, load_checkpoint_file
from slowfast.engine.test import test_weights


def get_checkpoint_dir(path_to_job: str) -> str:
    """Return the folder that holds the checkpoints of a run."""
    return str(Path(path_to_job) / "checkpoints")


def get_path_to_checkpoint(path_to_job: str, epoch: int) -> str:
    """Return the file after ``epoch`` whole epochs."""
    return str(CheckpointStore(get_checkpoint_dir(path_to_job)).path(epoch))


def has_checkpoint(path_to_job: str) -> bool:
    """Tell whether a run has any checkpoint."""
    return bool(CheckpointStore(get_checkpoint_dir(path_to_job)).files())


def get_last_checkpoint(path_to_job: str) -> str | None:
    """Return the newest checkpoint of a run, or None."""
    files = CheckpointStore(get_checkpoint_dir(path_to_job)).files()
    return str(files[-1]) if files else None


def load_checkpoint(path_to_checkpoint: str, model: nn.Module) -> int:
    """Load the weights of a checkpoint, all of them, and return its (0-based) epoch.

    Raises:
        CheckpointError: missing or damaged file.
        RuntimeError: the weights do not fit the model.
    """
    content = load_checkpoint_file(path_to_checkpoint)
    model.load_state_dict(content["model_state"])
    return int(content.get("epoch", -1))


def load_test_checkpoint(cfg, model: nn.Module) -> None:
    """Load the weights that testing this config would use."""
    model.load_state_dict(test_weights(cfg)[1]["model_state"])
