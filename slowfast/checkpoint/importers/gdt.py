"""GDT, as released and as SEVERE ships it; video-audio and video-text alike.

The release pickles its command line and a scheduler beside the weights.
"""

from slowfast.checkpoint.importers import rule as r
from slowfast.checkpoint.importers.registry import add

PARTS = {
    r"video_network\.base\.": r.VIDEO,
    r"audio_network\.": r.AUDIO_BRANCH,
    r"text_network\.": r.TEXT_BRANCH,
    r"mlp_[vat]\.": r.PRETEXT_HEAD,
}

GDT = add(
    "gdt",
    r.Rule(
        title="GDT",
        at="model",
        parts=PARTS,
        inputs=r.IMAGENET,
        spellings=("gdt_video_audio", "gdt_video_text"),
        trained_on="Kinetics-400, video and audio (video-text: HowTo100M)",
        source="https://github.com/facebookresearch/GDT",
        licence="CC BY-NC 4.0",
    ),
)
