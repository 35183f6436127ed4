"""Checkpoints as the authors of a method released them."""

import re

from slowfast.checkpoint.formats.base import (
    AUDIO,
    AUDIO_BRANCH,
    AUDIO_HEAD,
    CLASSIFIER,
    IMAGENET,
    POOLING,
    SLOWFAST,
    TEXT,
    TEXT_HEAD,
    VIDEO,
    VIDEO_HEAD,
    CheckpointFormat,
    Inputs,
)
from slowfast.checkpoint.formats.registry import register

# AVID and AVID-CMA as their authors released them, on networks of their own.
#
# A file holds ``model`` (names begin with ``module.``), ``train_criterion`` (both memory banks, the
# partition, for CMA the positive sets), ``epoch``, and ``optimizer``, which is neither read nor written
# here.
AVID_PARTS = {
    "video_model.": VIDEO,
    "audio_model.": AUDIO,
    "video_proj.": VIDEO_HEAD,
    "audio_proj.": AUDIO_HEAD,
}
AVID_CRITERION = {
    "nce_average.view1_mem": "video_bank.rows",
    "nce_average.view2_mem": "audio_bank.rows",
    "nce_average.positive_set": "positives",
    "criterion.avg_exp_score": "partition",
}

AVID_RELEASE = register(
    "avid_release",
    CheckpointFormat(
        title="AVID / AVID-CMA release",
        at="model",
        parts={
            # SEVERE's files have torchvision's network in this place.
            re.escape(name) + (r"(?=conv)" if part == VIDEO else ""): part
            for name, part in AVID_PARTS.items()
        },
        criterion_at="train_criterion",
        criterion=AVID_CRITERION,
        inputs=Inputs(crop=224),
        spellings=("avid", "avid_original", "avid_cma_release"),
        trained_on="Kinetics-400 or AudioSet, video and audio",
        source="https://github.com/facebookresearch/AVID-CMA",
        licence="CC BY-NC 4.0",
    ),
)


# GDT, as released and as SEVERE ships it; video-audio and video-text alike.
#
# The release pickles its command line and a scheduler beside the weights.
GDT_PARTS = {
    r"video_network\.base\.": VIDEO,
    r"audio_network\.base\.(?!fc\.)": AUDIO,
    r"audio_network\.": AUDIO_BRANCH,  # a classifier that nothing uses
    r"text_network\.": TEXT,
    r"mlp_v\.(?=block_forward)": VIDEO_HEAD,
    r"mlp_a\.(?=block_forward)": AUDIO_HEAD,
    r"mlp_t\.(?=block_forward)": TEXT_HEAD,
}
# Of all heads; flattening and activation are counted there too.
GDT_HEAD = {
    "block_forward.2": "projection.1",
    "block_forward.4": "projection.2",
    "block_forward.8": "projection.5",
}
GDT_TEXT = {"word_embd": "embedding", "fc1": "linear"}
GDT_RENAMES = tuple(
    (rf"{re.escape(theirs)}\.", f"{ours}.") for theirs, ours in {**GDT_HEAD, **GDT_TEXT}.items()
)

register(
    "gdt",
    CheckpointFormat(
        title="GDT",
        at="model",
        parts=GDT_PARTS,
        renames=GDT_RENAMES,
        inputs=IMAGENET,
        spellings=("gdt_video_audio", "gdt_video_text"),
        same_as=("stica",),
        trained_on="Kinetics-400, video and audio (video-text: HowTo100M)",
        source="https://github.com/facebookresearch/GDT",
        licence="CC BY-NC 4.0",
    ),
)


POOLING_LAYER = {
    "mha.q_lin": "query",
    "mha.k_lin": "key",
    "mha.v_lin": "value",
    "mha.out_lin": "out",
    "norm1": "norm1",
    "ffn.lin1": "lin1",
    "ffn.lin2": "lin2",
    "norm2": "norm2",
}
POOLING_RENAMES = (
    (r"pos_embs\.0\.", "positions."),
    *(
        (rf"transformer\.(\d+)\.{re.escape(theirs)}\.", rf"layers.\1.{ours}.")
        for theirs, ours in POOLING_LAYER.items()
    ),
)

# STiCA as released: GDT's networks with a transformer that pools the feature map.
register(
    "stica",
    CheckpointFormat(
        title="STiCA",
        at="state_dict",
        parts={
            **GDT_PARTS,
            r"video_pooling\.2\.pos_ids": "numbers of positions",
            r"video_pooling\.2\.": POOLING,
        },
        renames=(*GDT_RENAMES, *POOLING_RENAMES),
        inputs=SLOWFAST,
        trained_on="Kinetics-400, video and audio",
        source="https://github.com/facebookresearch/GDT",
        licence="CC BY-NC 4.0",
        note="MODEL.POOLING_LAYERS keeps the transformer of its pooling; without it, maps are averaged.",
    ),
)


# The zero-shot release: torchvision's stages by number and a regressor to word vectors.
#
# Brattoli et al., "Rethinking Zero-shot Video Classification".
register(
    "zero_shot",
    CheckpointFormat(
        title="Zero-shot",
        at="state_dict",
        parts={
            r"model\.(?=[0-4]\.)": VIDEO,
            r"(?=(conv\d[ab]?|fc6)\.)": VIDEO,  # of C3D
            r"fc[78]\.": "layers that are not used",
            r"regressor\.": CLASSIFIER,
            # Older files have a second head, whose loss had no weight.
            r"(classifier|fc|dense)\d*\.|model\.[5-9]\.": "head over training classes",
        },
        renames=((r"0\.", "stem."), (r"(\d)\.", r"layer\1.")),
        inputs=Inputs((0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)),
        trained_on="Kinetics-700 less the test classes, word vectors of the labels",
        source="https://github.com/bbrattoli/ZeroShotVideoClassification",
    ),
)
