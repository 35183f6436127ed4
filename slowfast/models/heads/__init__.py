"""Heads that turn feature maps into scores and embeddings."""

from slowfast.models.heads.basic import BasicHead
from slowfast.models.heads.pooling import global_pool
from slowfast.models.heads.projection import Projection

__all__ = ["BasicHead", "Projection", "global_pool"]
