"""The table of video backbones."""

from slowfast.utils.registry import Registry

BACKBONES = Registry("video backbone", "slowfast.models.backbones")
