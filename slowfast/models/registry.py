"""The table of models; each entry is called with the config."""

from slowfast.utils.registry import Registry

MODEL_REGISTRY = Registry("model (MODEL.MODEL_NAME)", "slowfast.models")
