"""Features of any layer of a network, from one forward pass: how they are named, and how taken.

A name is ``<modality>[.<layer>][:<pooling>]``:

| name | |
|---|---|
| ``video`` | the last map, pooled as the network's authors do |
| ``video.conv4x`` | the map after the submodule ``conv4x``, pooled so |
| ``video.conv2x:max12`` | pooled to the largest of each cell of a grid of 12 x 12, over all time |
| ``audio.block4:avg4`` | the mean of each cell of a grid of 4 x 4 |
| ``video:map``, ``video:time`` | all positions as tokens; those of one moment averaged |
| ``video.embedding`` | the embedding of a self-supervised method, after its projection |
| ``audio.log_mel`` | no network: mean, deviation and 90th percentile of each mel band |
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from slowfast.models.heads.pooling import global_pool
from slowfast.utils.errors import ConfigError, did_you_mean

MODALITIES = ("video", "audio")
EMBEDDING, LOG_MEL = "embedding", "log_mel"
NAME = re.compile(r"(video|audio)(?:\.(\w+(?:\.\w+)*))?(?::(avg|max|map|time)(\d*))?")


@dataclass(frozen=True)
class FeatureName:
    """A feature by its parts.

    Attributes:
        text: the name as it was given.
        modality: ``video`` or ``audio``.
        layer: a submodule of the network, empty for its output.
        pooling: ``avg``, ``max``, ``map``, ``time``, or empty for the network's own.
        side: of the grid of ``avg`` and ``max``; 1 pools globally.
    """

    text: str
    modality: str
    layer: str = ""
    pooling: str = ""
    side: int = 1

    @property
    def file(self) -> str:
        """What its file is called."""
        return self.text.replace(":", "-")

    @property
    def is_tokens(self) -> bool:
        """Whether it is a set of tokens rather than one vector."""
        return self.pooling in ("map", "time")

    @property
    def of_network(self) -> bool:
        """Whether it is taken from a map of the network."""
        return self.layer not in (EMBEDDING, LOG_MEL)

    def pool(self, output: Tensor, own: str) -> Tensor:
        """Return ``(B, D)``, or tokens ``(B, N, C)``, of a map ``(B, C, *spatial)``.

        Args:
            output: of the submodule; ``(B, D)`` is left as it is.
            own: the network's own pooling.
        """
        if output.ndim == 2:
            return output
        if self.pooling == "map":
            return output.flatten(2).transpose(1, 2)
        if self.pooling == "time":
            return output.flatten(3).mean(dim=3).transpose(1, 2)
        if self.side == 1:
            return global_pool(output, self.pooling or own)
        grid = (*[1] * (output.ndim - 4), self.side, self.side)
        kind = "max" if self.pooling == "max" else "avg"
        return getattr(F, f"adaptive_{kind}_pool{output.ndim - 2}d")(output, grid).flatten(1)


def parse_feature(text: str) -> FeatureName:
    """Return a feature by its name.

    Raises:
        ConfigError: it is not a name of a feature.
    """
    match = NAME.fullmatch(text)
    if match is None or (match[4] and (match[3] in ("map", "time") or int(match[4]) == 0)):
        raise ConfigError(
            f"{text!r} is not the name of a feature: expected video or audio, a layer after a dot, "
            "and :avg, :max, :avg4, :max12, :map or :time, such as video.conv4x:max6."
        )
    modality, layer, pooling, side = match.groups("")
    if layer in (EMBEDDING, LOG_MEL) and pooling:
        raise ConfigError(f"{text!r}: {modality}.{layer} is one vector, which is not pooled.")
    if (layer == LOG_MEL and modality == "video") or (pooling == "time" and modality == "audio"):
        raise ConfigError(f"{text!r}: log_mel is for audio only, and :time for video only.")
    return FeatureName(text, modality, layer, pooling, int(side or 1))


def parse_features(names: Sequence[str], key: str) -> list[FeatureName]:
    """Return features by their names.

    Args:
        key: the config key or flag that they were given by.

    Raises:
        ConfigError: there is none, one is wrong, or one occurs twice.
    """
    features = [parse_feature(name) for name in names]
    if not features or len(set(names)) < len(names):
        raise ConfigError(f"{key} must name different features, at least one; found {list(names)}.")
    return features


def modalities_of(features: Sequence[FeatureName]) -> tuple[str, ...]:
    """Return of which modalities some features are, video first."""
    return tuple(m for m in MODALITIES if any(f.modality == m for f in features))


class Taps:
    """Takes features from the layers of a network whenever it runs.

    Args:
        network: with ``pooling``.
        features: of this network.

    Raises:
        ConfigError: it has no such layer.
    """

    def __init__(self, network: nn.Module, features: Sequence[FeatureName]) -> None:
        self.network, self.features = network, list(features)
        self.own = getattr(network, "pooling", "avg")
        modules = dict(network.named_modules())
        for feature in features:
            if feature.layer not in modules:
                known = [name for name, _ in network.named_children()]
                raise ConfigError(
                    f"{feature.text}: {type(network).__name__} has no layer {feature.layer!r}. "
                    f"{did_you_mean(feature.layer, known)}"
                )

    def into(self, found: dict[str, Tensor]) -> ExitStack:
        """Return a context in which every forward pass writes its features to ``found``."""
        stack = ExitStack()
        for feature in self.features:  # looked up now: loading weights may exchange layers
            module = self.network.get_submodule(feature.layer)
            handle = module.register_forward_hook(partial(self._take, found, feature))
            stack.callback(handle.remove)
        return stack

    def _take(self, found, feature: FeatureName, module, args, output: Tensor) -> None:
        found[feature.text] = feature.pool(output, self.own)
