"""The zero-shot release: torchvision's stages by number and a regressor to word vectors.

Brattoli et al., "Rethinking Zero-shot Video Classification".
"""

from slowfast.checkpoint.importers import rule as r
from slowfast.checkpoint.importers.registry import add

ZERO_SHOT = add(
    "zero_shot",
    r.Rule(
        title="Zero-shot",
        at="state_dict",
        parts={r"model\.(?=\d+\.)": r.VIDEO, r"regressor\.": r.CLASSIFIER},
        renames=((r"0\.", "stem."), (r"(\d)\.", r"layer\1.")),
        inputs=r.Inputs((0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)),
        trained_on="Kinetics-700 less the test classes, word vectors of the labels",
        source="https://github.com/bbrattoli/ZeroShotVideoClassification",
    ),
)
