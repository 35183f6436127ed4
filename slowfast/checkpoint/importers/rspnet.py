"""RSPNet trained anew by SEVERE's authors on torchvision's R(2+1)D-18."""

from slowfast.checkpoint.importers import rule as r
from slowfast.checkpoint.importers.registry import add

RSPNET = add(
    "rspnet",
    r.Rule(
        title="RSPNet",
        at="model",
        parts={
            r"encoder_q\.encoder\.(?=base_network\.\d+\.|stem|layer)": r.VIDEO,
            r"encoder_q\.(encoder\.)?(fc|linear|head|new_fc|encoder_fuse)": r.PRETEXT_HEAD,
            r"encoder_k\.": r.MOMENTUM,
            r"queue": r.QUEUE,
        },
        renames=(
            (r"base_network\.0\.", "stem."),
            (r"base_network\.", "layer"),
            (r"layer0\.", "stem."),
        ),
        inputs=r.IMAGENET,
        trained_on="Kinetics-400, video",
    ),
)
