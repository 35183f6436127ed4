"""Networks that SEVERE's authors trained anew on torchvision's R(2+1)D-18, and Tubelet-Contrast.

Thoker et al., "How Severe is Benchmark-Sensitivity in Video Self-Supervised Learning?".
"""

from typing import Any

from torch import nn

from slowfast.checkpoint.formats.base import (
    AUDIO_BRANCH,
    IMAGENET,
    MOMENTUM,
    PRETEXT_HEAD,
    QUEUE,
    VIDEO,
    ArchitecturePatch,
    CheckpointFormat,
    Inputs,
)
from slowfast.checkpoint.formats.registry import register

# One archive holds the files of all methods that SEVERE trained anew.
SEVERE_SOURCE = "https://surfdrive.surf.nl/files/index.php/s/Zw9tbuOYAInzVQC"
TUBELET_SOURCE = "https://github.com/fmthoker/tubelet-contrast"


def register_trained(name: str, **fields: Any) -> None:
    """Enter a format with what most of these networks have in common."""
    usual = {"at": "state_dict", "inputs": IMAGENET, "source": SEVERE_SOURCE}
    usual["trained_on"] = "Kinetics-400, video"
    register(name, CheckpointFormat(**{**usual, **fields}))


# AVID-CMA trained anew by SEVERE's authors on torchvision's R(2+1)D-18.
#
# The files that AVID's own authors released have another network: see ``avid_release``.
register_trained(
    "avid_cma",
    title="AVID-CMA",
    at="model",
    parts={
        r"video_model\.(?=stem|layer)": VIDEO,
        r"audio_model\.": AUDIO_BRANCH,
        r"(video|audio)_proj\.": PRETEXT_HEAD,
    },
    trained_on="Kinetics-400, video and audio (20 epochs)",
)


# CtP trained anew by SEVERE's authors, with as many middle channels as torchvision has.
#
# Files of CtP's own authors count middle channels per convolution and fit no network here.
SHORTCUT = (
    (r"(layer\d\.\d)\.downsample\.conv\.", r"\1.downsample.0."),
    (r"(layer\d\.\d)\.downsample\.weight", r"\1.downsample.0.weight"),
    (r"(layer\d\.\d)\.downsample_bn\.", r"\1.downsample.1."),
    (r"(layer\d\.\d)\.bn(\d)\.", r"\1.conv\2.1."),
)
CTP_RENAMES = (
    (r"stem\.conv_s\.", "stem.0."),
    (r"stem\.bn_s\.", "stem.1."),
    (r"stem\.conv_t\.", "stem.3."),
    (r"stem\.bn_t\.", "stem.4."),
    (r"(layer\d\.\d\.conv\d)\.conv_s\.", r"\1.0.0."),
    (r"(layer\d\.\d\.conv\d)\.bn_s\.", r"\1.0.1."),
    (r"(layer\d\.\d\.conv\d)\.conv_t\.", r"\1.0.3."),
    *SHORTCUT,
)

register_trained(
    "ctp",
    title="CtP",
    parts={r"backbone\.": VIDEO, r"head\.": PRETEXT_HEAD},
    renames=CTP_RENAMES,
    note="Pretrained with 1e-3 added to the variance in normalisation; evaluated with 1e-5.",
)


# MoCo on R(2+1)D-18: the query encoder among its momentum twin and the queue.
MOCO_PARTS = {
    r"encoder_q\.(?=stem|layer)": VIDEO,
    r"encoder_q\.fc\.": PRETEXT_HEAD,
    r"encoder_k\.": MOMENTUM,
    r"queue": QUEUE,
}

register_trained(
    "moco",
    title="MoCo",
    parts=MOCO_PARTS,
)


# Pretext-Contrast: torchvision's stages by number, in a file of bare tensors.
register_trained(
    "pretext_contrast",
    title="Pretext-Contrast",
    at="",
    parts={
        r"base_network\.(?=\d+\.)": VIDEO,
        r"(fc|projector)\.": PRETEXT_HEAD,
    },
    renames=((r"0\.", "stem."), (r"(\d)\.", r"layer\1.")),
    note="Pretrained on differences of frames; its published evaluation shows plain frames.",
)


# RSPNet trained anew by SEVERE's authors on torchvision's R(2+1)D-18.
register_trained(
    "rspnet",
    title="RSPNet",
    at="model",
    parts={
        r"encoder_q\.encoder\.(?=base_network\.\d+\.|stem|layer)": VIDEO,
        r"encoder_q\.(encoder\.)?(fc|linear|head|new_fc|encoder_fuse)": PRETEXT_HEAD,
        r"encoder_k\.": MOMENTUM,
        r"queue": QUEUE,
    },
    renames=(
        (r"base_network\.0\.", "stem."),
        (r"base_network\.", "layer"),
        (r"layer0\.", "stem."),
    ),
)


# SeLaVi: the video network among the audio network and the heads of its clusterings.
register_trained(
    "selavi",
    title="SeLaVi",
    at="model",
    parts={
        r"video_network\.base\.": VIDEO,
        r"audio_network\.": AUDIO_BRANCH,
        r"mlp_[va](\d+\.|\.(?=weight|bias))": PRETEXT_HEAD,  # one clustering has no number
    },
    trained_on="Kinetics-400, video and audio",
)


# TCLR, whose last stage keeps twice the frames and begins with one undivided kernel.
def keep_frames_in_layer4(backbone: nn.Module) -> None:
    """Change a torchvision R(2+1)D-18 in place: layer 4 strides over space alone.

    Its first convolution becomes one 3x3x3 kernel, dilated over time.
    """
    block = backbone.layer4[0]
    old = block.conv1[0][0].weight
    conv = nn.Conv3d(256, 512, 3, (1, 2, 2), (2, 1, 1), (2, 1, 1), bias=False)
    conv.weight.requires_grad_(old.requires_grad)
    block.conv1[0] = conv.to(old.device, old.dtype)
    block.downsample[0].stride = (1, 2, 2)
    backbone.strides = (4, 16, 16)


register_trained(
    "tclr",
    title="TCLR",
    parts={r"0\.(?=stem|layer)": VIDEO, r"1\.": PRETEXT_HEAD},
    inputs=Inputs((0.0,) * 3, (1.0,) * 3, reverse_channels=True),
    # Undivided in this one place, in pairs in its neighbour.
    patch=ArchitecturePatch(
        marks=("layer4.0.conv1.0.weight", "layer4.0.conv2.0.0.weight"),
        replaces="layer4.0.conv1.0.0.weight",
        apply=keep_frames_in_layer4,
    ),
)


# Tubelet-Contrast on R(2+1)D-18: CtP's names, with MoCo's twin and queue.
TUBELET_PARTS = {
    r"backbone\.": VIDEO,
    r"fc\.": PRETEXT_HEAD,
    r"key_(encoder|fc)\.": MOMENTUM,
    r"queue": QUEUE,
}
register_trained(
    "tubelet_contrast",
    title="Tubelet-Contrast",
    parts=TUBELET_PARTS,
    renames=CTP_RENAMES,
    trained_on="Kinetics-400 or Mini-Kinetics, video",
    source=TUBELET_SOURCE,
    note="Pretrained with 1e-3 added to the variance in normalisation; evaluated with 1e-5.",
)


# Tubelet-Contrast on R3D-18.
register_trained(
    "tubelet_contrast_r3d",
    title="Tubelet-Contrast (R3D)",
    parts=TUBELET_PARTS,
    renames=(
        (r"stem\.conv\.", "stem.0."),
        (r"stem\.bn\.", "stem.1."),
        (r"(layer\d\.\d\.conv\d)\.conv\.", r"\1.0."),
        *SHORTCUT,
    ),
    trained_on="Kinetics-400 or Mini-Kinetics, video",
    source=TUBELET_SOURCE,
)


# VideoMoCo, whose files have the layout of MoCo's.
register_trained(
    "video_moco",
    title="VideoMoCo",
    parts=MOCO_PARTS,
    note="Nothing in a file distinguishes it from MoCo's: say which it is.",
)
