"""torchvision's own video networks: Kinetics-400 with labels, or any file with their names."""

from slowfast.checkpoint.importers import rule as r
from slowfast.checkpoint.importers.registry import add

SUPERVISED = add(
    "supervised",
    r.Rule(
        title="Supervised",
        at="",
        parts={r"(?=stem\.|layer\d+\.)": r.VIDEO, r"fc\.": r.CLASSIFIER},
        inputs=r.IMAGENET,
        spellings=("torchvision",),
        trained_on="Kinetics-400, labels",
        source="https://download.pytorch.org/models/r2plus1d_18-91a641e6.pth",
        licence="BSD-3-Clause (code)",
    ),
)
