"""STiCA as released: GDT's networks with a transformer that pools the feature map."""

from slowfast.checkpoint.importers import rule as r
from slowfast.checkpoint.importers.gdt import PARTS
from slowfast.checkpoint.importers.registry import add

STICA = add(
    "stica",
    r.Rule(
        title="STiCA",
        at="state_dict",
        parts={**PARTS, r"video_pooling\.": r.POOLING},
        inputs=r.SLOWFAST,
        trained_on="Kinetics-400, video and audio",
        source="https://github.com/facebookresearch/GDT",
        licence="CC BY-NC 4.0",
        note="The transformer of its pooling is left out; maps are averaged instead.",
    ),
)
