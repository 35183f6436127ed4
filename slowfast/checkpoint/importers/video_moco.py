"""VideoMoCo, whose files have the layout of MoCo's."""

from slowfast.checkpoint.importers import rule as r
from slowfast.checkpoint.importers.moco import PARTS
from slowfast.checkpoint.importers.registry import add

VIDEO_MOCO = add(
    "video_moco",
    r.Rule(
        title="VideoMoCo",
        at="state_dict",
        parts=PARTS,
        inputs=r.IMAGENET,
        trained_on="Kinetics-400, video",
        note="Nothing in a file tells it from MoCo's: say which it is.",
    ),
)
