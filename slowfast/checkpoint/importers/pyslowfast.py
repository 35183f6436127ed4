"""Files that PySlowFast and SEVERE's fork of it write: stages by number, and a head."""

from slowfast.checkpoint.importers import rule as r
from slowfast.checkpoint.importers.registry import add

PYSLOWFAST = add(
    "pyslowfast",
    r.Rule(
        title="PySlowFast",
        at="model_state",
        parts={
            r"encoder\.(?=\d+\.)": r.VIDEO,
            r"(?=s[1-5](_fuse)?\.|blocks\.|patch_embed)": r.VIDEO,
            r"head\.": r.CLASSIFIER,
        },
        renames=((r"0\.", "stem."), (r"(\d)\.", r"layer\1.")),
        inputs=r.SLOWFAST,
        spellings=("pyth",),
        source="https://github.com/facebookresearch/SlowFast",
        licence="Apache-2.0 (code)",
    ),
)
