"""One file per format of foreign checkpoints: where tensors lie and what they are called.

To add a format, write a file with a :class:`Rule` here; every file of this folder is read.
"""

import importlib
import pkgutil

from slowfast.checkpoint.importers.registry import AUTO, IMPORTERS, SCRATCH, changes, find
from slowfast.checkpoint.importers.rule import Inputs, Reading, Rule

__all__ = [
    "AUTO",
    "IMPORTERS",
    "SCRATCH",
    "Inputs",
    "Reading",
    "Rule",
    "changes",
    "find",
]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
