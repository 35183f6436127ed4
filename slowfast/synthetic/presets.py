"""How large a demo world is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from slowfast.synthetic.motions import directed_names, motion_names
from slowfast.utils.errors import ConfigError, did_you_mean


@dataclass(frozen=True)
class DemoPreset:
    """The size of a demo world.

    Each class has ``groups`` groups of ``clips_per_group`` videos of ``height`` x ``width``
    pixels and between ``seconds[0]`` and ``seconds[1]`` long. ``test_groups`` groups form the
    test set of a fold; there are three folds with different test groups.
    """

    groups: int
    clips_per_group: int
    test_groups: int
    height: int
    width: int
    seconds: tuple[float, float]
    sample_rate: int = 24_000
    frame_rates: tuple[int, ...] = (25, 30)
    classes: tuple[str, ...] = motion_names()


PRESETS = {
    "tiny": DemoPreset(3, 2, 1, height=48, width=64, seconds=(2.2, 2.8)),
    "small": DemoPreset(13, 4, 3, height=72, width=96, seconds=(3.0, 4.0)),
    # Motions that tell their direction and moment, for GDT's hypotheses.
    "directed": DemoPreset(
        *(26, 8, 6), height=72, width=96, seconds=(3.0, 4.0), classes=directed_names()
    ),
}


@dataclass(frozen=True)
class ScenePreset:
    """The size of a world of scenes with several actors.

    ``train`` and ``val`` count videos, which last between ``seconds[0]`` and ``seconds[1]``.
    """

    train: int
    val: int
    height: int
    width: int
    seconds: tuple[int, int]


AVA_PRESETS = {
    "tiny": ScenePreset(4, 3, height=72, width=96, seconds=(6, 6)),
    "small": ScenePreset(56, 14, height=96, width=128, seconds=(10, 12)),
}
CHARADES_PRESETS = {
    "tiny": ScenePreset(8, 4, height=48, width=64, seconds=(6, 8)),
    "small": ScenePreset(200, 50, height=60, width=80, seconds=(4, 9)),
}
AnyPreset = TypeVar("AnyPreset")


def find_preset(name: str, presets: Mapping[str, AnyPreset] = PRESETS) -> AnyPreset:
    """Return the preset called ``name``."""
    if name not in presets:
        raise ConfigError(f"There is no demo world preset {name!r}. {did_you_mean(name, presets)}")
    return presets[name]
