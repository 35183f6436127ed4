"""TCLR, whose last stage keeps twice the frames and begins with one undivided kernel."""

from torch import nn

from slowfast.checkpoint.importers import rule as r
from slowfast.checkpoint.importers.registry import add


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


TCLR = add(
    "tclr",
    r.Rule(
        title="TCLR",
        at="state_dict",
        parts={r"0\.(?=stem|layer)": r.VIDEO, r"1\.": r.PRETEXT_HEAD},
        inputs=r.Inputs((0.0,) * 3, (1.0,) * 3, reverse_channels=True),
        # Undivided in this one place, in pairs in its neighbour.
        change=r.Change(
            marks=("layer4.0.conv1.0.weight", "layer4.0.conv2.0.0.weight"),
            replaces="layer4.0.conv1.0.0.weight",
            apply=keep_frames_in_layer4,
        ),
        trained_on="Kinetics-400, video",
    ),
)
