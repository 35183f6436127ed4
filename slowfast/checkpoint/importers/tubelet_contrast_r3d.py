"""Tubelet-Contrast on R3D-18."""

from slowfast.checkpoint.importers import rule as r
from slowfast.checkpoint.importers.ctp import SHORTCUT
from slowfast.checkpoint.importers.registry import add
from slowfast.checkpoint.importers.tubelet_contrast import PARTS, SOURCE

TUBELET_CONTRAST_R3D = add(
    "tubelet_contrast_r3d",
    r.Rule(
        title="Tubelet-Contrast (R3D)",
        at="state_dict",
        parts=PARTS,
        renames=(
            (r"stem\.conv\.", "stem.0."),
            (r"stem\.bn\.", "stem.1."),
            (r"(layer\d\.\d\.conv\d)\.conv\.", r"\1.0."),
            *SHORTCUT,
        ),
        inputs=r.IMAGENET,
        trained_on="Kinetics-400 or Mini-Kinetics, video",
        source=SOURCE,
    ),
)
