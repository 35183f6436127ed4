"""Crops of a feature map, over space or over time: what STiCA compares instead of input crops.

A crop is a plain slice of the map. Space and time are two families, each with large and small crops.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from slowfast.utils.draws import draw_of_batch
from slowfast.utils.errors import ConfigError

Box = tuple[slice, ...]  # of the dimensions after the channels


@dataclass(frozen=True)
class CropFamily:
    """The crops of a map over space or over time.

    Attributes:
        name: ``space`` or ``time``.
        large, small: crops of a view.
        windows: steps or cells that a large and a small one span.
        legacy: the last position is never drawn, and positions repeat, as in the released code.
    """

    name: str
    large: int
    small: int
    windows: tuple[int, int]
    legacy: bool = False

    def __post_init__(self) -> None:
        if self.small and not self.large:
            keys = [f"{size}_{self._infix}CROPS" for size in ("SMALL", "LARGE")]
            raise ConfigError(
                f"SSL.STICA.{keys[0]} {self.small}: small crops look for large ones, of which there "
                f"are none: raise {keys[1]}, or set {keys[0]} 0."
            )

    @property
    def active(self) -> bool:
        """Whether there is a pair to compare."""
        return self.large > 0 and (self.small > 0 or self.large > 1)

    def check(self, map_size: Sequence[int]) -> None:
        """Raise a ConfigError where the crops do not fit into maps ``(t, h, w)``."""
        for size, count, window in zip(
            ("LARGE", "SMALL"), (self.large, self.small), self.windows, strict=True
        ):
            sides = self._sides(map_size)
            if window > min(sides):
                raise ConfigError(
                    f"SSL.STICA.{self.name.upper()}_WINDOWS {list(self.windows)}: the feature map has "
                    f"{' x '.join(map(str, map_size))} cells (time, height, width)."
                )
            places = self._count(sides, window)
            if not self.legacy and count > places:
                raise ConfigError(
                    f"SSL.STICA.{size}_{self._infix}CROPS {count}: a window of {window} has {places} "
                    f"positions in a map of {' x '.join(map(str, map_size))}."
                )

    def draw(self, count: int, small: bool, map_size: Sequence[int]) -> list[Box]:
        """Return the boxes of ``count`` crops at random positions, different ones if not legacy."""
        window, sides = self.windows[small], self._sides(map_size)
        places = self._count(sides, window)
        if self.legacy:
            drawn = draw_of_batch(lambda source: torch.randint(places, (count,), generator=source))
        else:
            drawn = draw_of_batch(lambda source: torch.randperm(places, generator=source)[:count])
        return [self._box(place, window, sides) for place in drawn.tolist()]

    @property
    def _infix(self) -> str:
        return "TIME_" if self.name == "time" else ""

    def _sides(self, map_size: Sequence[int]) -> list[int]:
        return list(map_size[:1] if self.name == "time" else map_size[1:])

    def _per_side(self, side: int, window: int) -> int:
        return max(side - window, 1) if self.legacy else side - window + 1

    def _count(self, sides: Sequence[int], window: int) -> int:
        count = 1
        for side in sides:
            count *= self._per_side(side, window)
        return count

    def _box(self, place: int, window: int, sides: Sequence[int]) -> Box:
        begins = []
        for side in reversed(sides):
            place, begin = divmod(place, self._per_side(side, window))
            begins.insert(0, begin)
        cut = tuple(slice(begin, begin + window) for begin in begins)
        return cut if self.name == "time" else (slice(None), *cut)


def cut(features: Tensor, box: Box) -> Tensor:
    """Return a crop of maps ``(B, C, t, h, w)``."""
    return features[(slice(None), slice(None), *box)]
