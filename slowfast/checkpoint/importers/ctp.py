"""CtP trained anew by SEVERE's authors, with as many middle channels as torchvision has.

Files of CtP's own authors count middle channels per convolution and fit no network here.
"""

from slowfast.checkpoint.importers import rule as r
from slowfast.checkpoint.importers.registry import add

SHORTCUT = (
    (r"(layer\d\.\d)\.downsample\.conv\.", r"\1.downsample.0."),
    (r"(layer\d\.\d)\.downsample\.weight", r"\1.downsample.0.weight"),
    (r"(layer\d\.\d)\.downsample_bn\.", r"\1.downsample.1."),
    (r"(layer\d\.\d)\.bn(\d)\.", r"\1.conv\2.1."),
)
RENAMES = (
    (r"stem\.conv_s\.", "stem.0."),
    (r"stem\.bn_s\.", "stem.1."),
    (r"stem\.conv_t\.", "stem.3."),
    (r"stem\.bn_t\.", "stem.4."),
    (r"(layer\d\.\d\.conv\d)\.conv_s\.", r"\1.0.0."),
    (r"(layer\d\.\d\.conv\d)\.bn_s\.", r"\1.0.1."),
    (r"(layer\d\.\d\.conv\d)\.conv_t\.", r"\1.0.3."),
    *SHORTCUT,
)

CTP = add(
    "ctp",
    r.Rule(
        title="CtP",
        at="state_dict",
        parts={r"backbone\.": r.VIDEO, r"head\.": r.PRETEXT_HEAD},
        renames=RENAMES,
        inputs=r.IMAGENET,
        trained_on="Kinetics-400, video",
        note="Pretrained with 1e-3 added to the variance in normalisation; evaluated with 1e-5.",
    ),
)
