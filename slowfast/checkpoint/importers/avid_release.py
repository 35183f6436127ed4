"""AVID and AVID-CMA as their authors released them, on networks of their own.

A file holds ``model`` (names begin with ``module.``), ``train_criterion`` (both memory banks, the
partition, for CMA the positive sets), ``epoch``, and ``optimizer``, which is neither read nor written
here.
"""

import re

from slowfast.checkpoint.importers import rule as r
from slowfast.checkpoint.importers.registry import add

PARTS = {
    "video_model.": r.VIDEO,
    "audio_model.": r.AUDIO,
    "video_proj.": r.VIDEO_HEAD,
    "audio_proj.": r.AUDIO_HEAD,
}
CRITERION = {
    "nce_average.view1_mem": "video_bank.rows",
    "nce_average.view2_mem": "audio_bank.rows",
    "nce_average.positive_set": "positives",
    "criterion.avg_exp_score": "partition",
}

AVID_RELEASE = add(
    "avid_release",
    r.Rule(
        title="AVID / AVID-CMA release",
        at="model",
        parts={
            # SEVERE's files have torchvision's network in this place.
            re.escape(name) + (r"(?=conv)" if part == r.VIDEO else ""): part
            for name, part in PARTS.items()
        },
        criterion_at="train_criterion",
        criterion=CRITERION,
        inputs=r.Inputs(crop=224),
        spellings=("avid", "avid_original", "avid_cma_release"),
        trained_on="Kinetics-400 or AudioSet, video and audio",
        source="https://github.com/facebookresearch/AVID-CMA",
        licence="CC BY-NC 4.0",
    ),
)
