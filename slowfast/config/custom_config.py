"""The place for keys of your own, in a copy of this project.

Add them to ``cfg``, which holds the default tree, and files and overrides may set them::

    cfg.MY_HEAD = CfgNode()
    cfg.MY_HEAD.WIDTH = 256

The type of the default becomes the type of the key.
"""

from __future__ import annotations

from slowfast.config.node import CfgNode


def add_custom_config(cfg: CfgNode) -> None:
    """Add keys to the default tree; none as delivered."""
