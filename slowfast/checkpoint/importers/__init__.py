"""One file per format of foreign checkpoints: where tensors lie and what they are called.

To add a format, write a file with a :class:`Rule` and name it below.
"""

from slowfast.checkpoint.importers import (
    avid_cma,
    avid_release,
    ctp,
    gdt,
    moco,
    pretext_contrast,
    pyslowfast,
    resnet18_2d,
    rspnet,
    selavi,
    slowfast,
    stica,
    supervised,
    tclr,
    tubelet_contrast,
    tubelet_contrast_r3d,
    video_moco,
    zero_shot,
)
from slowfast.checkpoint.importers.registry import AUTO, IMPORTERS, SCRATCH, changes, find
from slowfast.checkpoint.importers.rule import Inputs, Reading, Rule

__all__ = [
    "AUTO",
    "IMPORTERS",
    "SCRATCH",
    "Inputs",
    "Reading",
    "Rule",
    "avid_cma",
    "avid_release",
    "changes",
    "ctp",
    "find",
    "gdt",
    "moco",
    "pretext_contrast",
    "pyslowfast",
    "resnet18_2d",
    "rspnet",
    "selavi",
    "slowfast",
    "stica",
    "supervised",
    "tclr",
    "tubelet_contrast",
    "tubelet_contrast_r3d",
    "video_moco",
    "zero_shot",
]
