"""The table of audio backbones."""

from slowfast.utils.registry import Registry

AUDIO_BACKBONES = Registry("audio backbone", "slowfast.models.audio")
