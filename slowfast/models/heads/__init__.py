"""Heads that turn feature maps into scores and embeddings."""

from slowfast.models.heads.basic import BasicHead
from slowfast.models.heads.pooling import global_pool
from slowfast.models.heads.projection import Projection
from slowfast.models.heads.roi import RoIHead

__all__ = ["BasicHead", "Projection", "RoIHead", "global_pool"]
