"""Mean and deviation of each frequency of audio features, and the files that hold them.

A file is a JSON object with a list ``sets``, one entry per kind of spectrogram with the fields of
:class:`SpectrogramStats`. The files in ``slowfast/datasets/assets`` are found by their bare name.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from slowfast.utils.errors import ConfigError, did_you_mean
from slowfast.utils.files import write_text

CURE = (
    "Measure your own with 'python tools/audio_stats.py --cfg CFG --out FILE.json' and set "
    "AUDIO.NORM_STATS FILE.json, or leave AUDIO.NORM_STATS empty."
)
AVID = "avid_log_spectrogram"


class _Kind(NamedTuple):
    features: str
    sample_rate: int
    fft_size: int
    num_bins: int

    def __str__(self) -> str:
        return (
            f"AUDIO.FEATURES {self.features} of {self.num_bins} frequencies with AUDIO.SAMPLE_RATE "
            f"{self.sample_rate} and AUDIO.FFT_SIZE {self.fft_size}"
        )


@dataclass(frozen=True)
class SpectrogramStats:
    """What the columns of a log spectrogram are like on average.

    Attributes:
        sample_rate: samples per second.
        fft_size: length of the Fourier transform.
        frames_per_second: columns per second when this was measured; any other goes with it.
        source: which data, how many windows.
        licence: terms of the data this was measured on.
        mean, std: one number for each frequency, in the unit of the features.
        features: their name in ``AUDIO.FEATURES``.
    """

    sample_rate: int
    fft_size: int
    frames_per_second: float
    source: str
    licence: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    features: str = AVID

    @classmethod
    def load(
        cls,
        name_or_path: str | Path,
        *,
        sample_rate: int = 24000,
        fft_size: int = 1024,
        features: str = AVID,
        num_bins: int | None = None,
    ) -> SpectrogramStats:
        """Read the set that fits some features.

        Args:
            name_or_path: name of a shipped file (``avid_audioset_24k``), or a path.
            sample_rate, fft_size, features: see the attributes.
            num_bins: how many frequencies, where ``fft_size`` does not tell.

        Raises:
            ConfigError: there is no such file, it is damaged, or holds no set that fits.
        """
        known = load_sets(name_or_path)
        wanted = _Kind(features, sample_rate, fft_size, num_bins or fft_size // 4 + 1)
        for stats in known:
            if stats.kind == wanted:
                return stats
        raise ConfigError(_misfit(f"AUDIO.NORM_STATS {str(name_or_path)!r}", known, wanted))

    @property
    def kind(self) -> _Kind:
        """What it was measured on."""
        return _Kind(self.features, self.sample_rate, self.fft_size, len(self.mean))

    def require(self, features: str, sample_rate: int, fft_size: int, num_bins: int) -> None:
        """Raise a ``ConfigError`` unless this fits such features."""
        wanted = _Kind(features, sample_rate, fft_size, num_bins)
        if self.kind != wanted:
            raise ConfigError(_misfit("AUDIO.NORM_STATS", [self], wanted))

    def save(self, path: str | Path) -> None:
        """Write a file that :meth:`load` reads, complete or not at all, one field per line."""
        lines = [f"   {json.dumps(k)}: {json.dumps(value)}" for k, value in asdict(self).items()]
        body = ",\n".join(lines)
        write_text(path, f'{{\n "sets": [\n  {{\n{body}\n  }}\n ]\n}}\n')


def _misfit(name: str, known: Sequence[SpectrogramStats], wanted: _Kind) -> str:
    found = ", or ".join(str(stats.kind) for stats in known)
    return f"{name} holds statistics for {found}, not for {wanted}. {CURE}"


def shipped_stats() -> list[str]:
    """Return the names of the statistics that come with the package."""
    folder = files("slowfast.datasets") / "assets"
    return sorted(
        entry.name.removesuffix(".json")
        for entry in folder.iterdir()
        if entry.name.endswith(".json")
    )


def load_sets(name_or_path: str | Path) -> list[SpectrogramStats]:
    """Read every set of a file; arguments and errors are those of :meth:`SpectrogramStats.load`."""
    place = f"AUDIO.NORM_STATS {str(name_or_path)!r}"
    try:
        content = json.loads(_read(str(name_or_path)))
        sets = [_parse(entry) for entry in content["sets"]]
        if not sets:
            raise ValueError("it holds no set")
    except FileNotFoundError as error:
        raise ConfigError(
            f"{place} is neither shipped nor an existing file. "
            f"{did_you_mean(str(name_or_path), shipped_stats())} {CURE}"
        ) from error
    except (OSError, ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{place} holds no statistics of spectrograms ({reason}). {CURE}") from (
            error
        )
    return sets


def _read(name_or_path: str) -> str:
    if name_or_path in shipped_stats():
        place = files("slowfast.datasets") / "assets" / f"{name_or_path}.json"
        return place.read_text(encoding="utf-8")
    return Path(name_or_path).read_text(encoding="utf-8")


def _parse(entry: Mapping[str, Any]) -> SpectrogramStats:
    rate, size = int(entry["sample_rate"]), int(entry["fft_size"])
    features = str(entry.get("features", AVID))  # files of earlier versions name none
    expected = size // 4 + 1 if features == AVID else len(entry["mean"])
    numbers = {}
    for name in ("mean", "std"):
        numbers[name] = tuple(float(number) for number in entry[name])
        if len(numbers[name]) != expected:
            raise ValueError(f"{len(numbers[name])} numbers in {name}, expected {expected}")
        if not all(map(math.isfinite, numbers[name])):
            raise ValueError(f"a number in {name} is not finite")
    if min(numbers["std"]) < 0:
        raise ValueError("a number in std is negative")
    return SpectrogramStats(
        sample_rate=rate,
        fft_size=size,
        frames_per_second=float(entry["frames_per_second"]),
        source=str(entry["source"]),
        licence=str(entry["licence"]),
        features=features,
        **numbers,
    )
