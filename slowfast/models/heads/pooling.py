"""From a feature map to one vector per sample."""

from __future__ import annotations

from torch import Tensor


def global_pool(features: Tensor, kind: str) -> Tensor:
    """Pool ``(B, C, *spatial)``, with any number of spatial dimensions, to ``(B, C)``.

    Args:
        features: the map of a video or an audio backbone.
        kind: ``avg`` or ``max``, such as the backbone's ``pooling``.

    Raises:
        ValueError: another kind.
    """
    positions = features.flatten(2)
    if kind == "avg":
        return positions.mean(dim=2)
    if kind == "max":
        # Not amax: of equal maxima one takes the whole gradient, as in max-pooling layers.
        return positions.max(dim=2).values
    raise ValueError(f"pooling {kind!r}: choose 'avg' or 'max'")
