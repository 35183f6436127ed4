"""Saving, resuming and starting from checkpoints."""

from slowfast.checkpoint.pretrained import load_pretrained
from slowfast.checkpoint.store import CheckpointStore, load_checkpoint_file

__all__ = ["CheckpointStore", "load_checkpoint_file", "load_pretrained"]
