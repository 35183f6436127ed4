"""AVID-CMA trained anew by SEVERE's authors on torchvision's R(2+1)D-18.

The files that AVID's own authors released have another network: see ``avid_release``.
"""

from slowfast.checkpoint.importers import rule as r
from slowfast.checkpoint.importers.registry import add

AVID_CMA = add(
    "avid_cma",
    r.Rule(
        title="AVID-CMA",
        at="model",
        parts={
            r"video_model\.(?=stem|layer)": r.VIDEO,
            r"audio_model\.": r.AUDIO_BRANCH,
            r"(video|audio)_proj\.": r.PRETEXT_HEAD,
        },
        inputs=r.IMAGENET,
        trained_on="Kinetics-400, video and audio (20 epochs)",
    ),
)
