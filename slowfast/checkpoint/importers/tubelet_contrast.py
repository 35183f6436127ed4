"""Tubelet-Contrast on R(2+1)D-18: CtP's names, with MoCo's twin and queue."""

from slowfast.checkpoint.importers import rule as r
from slowfast.checkpoint.importers.ctp import RENAMES
from slowfast.checkpoint.importers.registry import add

PARTS = {
    r"backbone\.": r.VIDEO,
    r"fc\.": r.PRETEXT_HEAD,
    r"key_(encoder|fc)\.": r.MOMENTUM,
    r"queue": r.QUEUE,
}
SOURCE = "https://github.com/fmthoker/tubelet-contrast"

TUBELET_CONTRAST = add(
    "tubelet_contrast",
    r.Rule(
        title="Tubelet-Contrast",
        at="state_dict",
        parts=PARTS,
        renames=RENAMES,
        inputs=r.IMAGENET,
        trained_on="Kinetics-400 or Mini-Kinetics, video",
        source=SOURCE,
        note="Pretrained with 1e-3 added to the variance in normalisation; evaluated with 1e-5.",
    ),
)
