"""SeLaVi: the video network among the audio network and the heads of its clusterings."""

from slowfast.checkpoint.importers import rule as r
from slowfast.checkpoint.importers.registry import add

SELAVI = add(
    "selavi",
    r.Rule(
        title="SeLaVi",
        at="model",
        parts={
            r"video_network\.base\.": r.VIDEO,
            r"audio_network\.": r.AUDIO_BRANCH,
            r"mlp_[va]\d+\.": r.PRETEXT_HEAD,
        },
        inputs=r.IMAGENET,
        trained_on="Kinetics-400, video and audio",
    ),
)
