"""MoCo on R(2+1)D-18: the query encoder among its momentum twin and the queue."""

from slowfast.checkpoint.importers import rule as r
from slowfast.checkpoint.importers.registry import add

PARTS = {
    r"encoder_q\.(?=stem|layer)": r.VIDEO,
    r"encoder_q\.fc\.": r.PRETEXT_HEAD,
    r"encoder_k\.": r.MOMENTUM,
    r"queue": r.QUEUE,
}

MOCO = add(
    "moco",
    r.Rule(
        title="MoCo",
        at="state_dict",
        parts=PARTS,
        inputs=r.IMAGENET,
        trained_on="Kinetics-400, video",
    ),
)
