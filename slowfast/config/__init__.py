"""Configs: the default tree, loading and checking."""

from slowfast.config.check import check_cfg
from slowfast.config.defaults import get_cfg
from slowfast.config.load import load_cfg
from slowfast.config.node import CfgNode

__all__ = ["CfgNode", "check_cfg", "get_cfg", "load_cfg"]
