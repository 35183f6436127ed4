"""torchvision's ResNet-18 of images, stretched over time into R3D-18.

Carreira and Zisserman, "Quo Vadis, Action Recognition?", section 2.4. Needs CHECKPOINT.INFLATE.
"""

from slowfast.checkpoint.importers import rule as r
from slowfast.checkpoint.importers.registry import add

RESNET18_2D = add(
    "resnet18_2d",
    r.Rule(
        title="ResNet-18 (images)",
        at="",
        parts={r"(?=conv1\.|bn1\.|layer\d+\.)": r.VIDEO, r"fc\.": r.CLASSIFIER},
        renames=(
            (r"conv1\.", "stem.0."),
            (r"bn1\.", "stem.1."),
            (r"(layer\d\.\d\.conv\d)\.", r"\1.0."),
            (r"(layer\d\.\d)\.bn(\d)\.", r"\1.conv\2.1."),
        ),
        inputs=r.Inputs(crop=224),
        trained_on="ImageNet, labels",
        source="https://download.pytorch.org/models/resnet18-f37072fd.pth",
        licence="BSD-3-Clause (code)",
    ),
)
