"""Checkpoints of torchvision and PySlowFast."""

from slowfast.checkpoint.formats.base import (
    CLASSIFIER,
    IMAGENET,
    SLOWFAST,
    VIDEO,
    CheckpointFormat,
    Inputs,
)
from slowfast.checkpoint.formats.registry import register

# torchvision's own video networks: Kinetics-400 with labels, or any file with their names.
register(
    "supervised",
    CheckpointFormat(
        title="Supervised",
        at="",
        parts={r"(?=stem\.|layer\d+\.)": VIDEO, r"fc\.": CLASSIFIER},
        inputs=IMAGENET,
        spellings=("torchvision",),
        trained_on="Kinetics-400, labels",
        source="https://download.pytorch.org/models/r2plus1d_18-91a641e6.pth",
        licence="BSD-3-Clause (code)",
    ),
)


# torchvision's ResNet-18 of images, stretched over time into R3D-18.
#
# Carreira and Zisserman, "Quo Vadis, Action Recognition?", section 2.4. Needs CHECKPOINT.INFLATE.
register(
    "resnet18_2d",
    CheckpointFormat(
        title="ResNet-18 (images)",
        at="",
        parts={r"(?=conv1\.|bn1\.|layer\d+\.)": VIDEO, r"fc\.": CLASSIFIER},
        renames=(
            (r"conv1\.", "stem.0."),
            (r"bn1\.", "stem.1."),
            (r"(layer\d\.\d\.conv\d)\.", r"\1.0."),
            (r"(layer\d\.\d)\.bn(\d)\.", r"\1.conv\2.1."),
        ),
        inputs=Inputs(crop=224),
        trained_on="ImageNet, labels",
        source="https://download.pytorch.org/models/resnet18-f37072fd.pth",
        licence="BSD-3-Clause (code)",
    ),
)


# Files that PySlowFast and SEVERE's fork of it write: stages by number, and a head.
register(
    "pyslowfast",
    CheckpointFormat(
        title="PySlowFast",
        at="model_state",
        parts={
            r"encoder\.(?=\d+\.)": VIDEO,
            r"(?=s[1-5](_fuse)?\.|blocks\.|patch_embed)": VIDEO,
            r"head\.": CLASSIFIER,
        },
        renames=((r"0\.", "stem."), (r"(\d)\.", r"layer\1.")),
        inputs=SLOWFAST,
        spellings=("pyth",),
        source="https://github.com/facebookresearch/SlowFast",
        licence="Apache-2.0 (code)",
    ),
)
