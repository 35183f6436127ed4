"""Heads that turn feature maps into scores."""

from slowfast.models.heads.basic import BasicHead

__all__ = ["BasicHead"]
