"""Formats of checkpoints: where tensors lie in a file and what they are called.

To add a format, :func:`register` a :class:`CheckpointFormat` in the file of its origin.
"""

from slowfast.checkpoint.formats.base import CheckpointFormat, Inputs, ParsedState
from slowfast.checkpoint.formats.registry import AUTO, FORMATS, SCRATCH, find_format, patches

__all__ = [
    "AUTO",
    "FORMATS",
    "SCRATCH",
    "CheckpointFormat",
    "Inputs",
    "ParsedState",
    "find_format",
    "patches",
]
