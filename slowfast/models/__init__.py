"""Networks: backbones, heads and what is built from them."""

from slowfast.models import vssl
from slowfast.models.backbones import build_backbone
from slowfast.models.build import MODEL_REGISTRY, build_model

__all__ = ["MODEL_REGISTRY", "build_backbone", "build_model", "vssl"]
