"""Pretext-Contrast: torchvision's stages by number, in a file of bare tensors."""

from slowfast.checkpoint.importers import rule as r
from slowfast.checkpoint.importers.registry import add

PRETEXT_CONTRAST = add(
    "pretext_contrast",
    r.Rule(
        title="Pretext-Contrast",
        at="",
        parts={
            r"base_network\.(?=\d+\.)": r.VIDEO,
            r"(fc|projector)\.": r.PRETEXT_HEAD,
        },
        renames=((r"0\.", "stem."), (r"(\d)\.", r"layer\1.")),
        inputs=r.IMAGENET,
        trained_on="Kinetics-400, video",
        note="Pretrained on differences of frames; its published evaluation shows plain frames.",
    ),
)
