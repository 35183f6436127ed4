"""The default tree as PySlowFast users import it: ``_C``, ``get_cfg``, ``assert_and_infer_cfg``."""

from __future__ import annotations

import copy
import os
from typing import Any

from slowfast.config.check import check_cfg
from slowfast.config.custom_config import add_custom_config
from slowfast.config.node import CfgNode
from slowfast.config.nodes import KEYS

LEARNING_RATES = ("BASE_LR", "WARMUP_START_LR", "COSINE_END_LR")


def get_cfg() -> CfgNode:
    """Return a fresh copy of the default tree."""
    return _C.fresh()


def assert_and_infer_cfg(cfg: CfgNode) -> CfgNode:
    """Check a config and settle what depends on the machines; return the same config.

    With SOLVER.BASE_LR_SCALE_NUM_SHARDS the learning rates are multiplied by the number of
    machines, once: the switch is off afterwards, so that a saved config can be read again.
    """
    check_cfg(cfg)
    if cfg.SOLVER.BASE_LR_SCALE_NUM_SHARDS:
        told = os.environ.get("GROUP_WORLD_SIZE", "")  # torchrun says so, and NUM_SHARDS is 1 then
        machines = int(told) if told.isdecimal() else cfg.NUM_SHARDS
        for name in LEARNING_RATES:
            cfg.SOLVER[name] *= machines
        cfg.SOLVER.BASE_LR_SCALE_NUM_SHARDS = False
    return cfg


def _build() -> CfgNode:
    tree: dict[str, Any] = {}
    for name, key in KEYS.items():
        *groups, leaf = name.split(".")
        node = tree
        for group in groups:
            node = node.setdefault(group, {})
        node[leaf] = copy.deepcopy(key.default)
    cfg = CfgNode(tree)
    add_custom_config(cfg)
    return cfg


_C = _build()
