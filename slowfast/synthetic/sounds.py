"""How an action sounds: a waveform that follows the motion.

Each kind of motion has its own sound: thuds at the impacts of a bounce, a siren that follows the
height of an orbit, a rush of air in a sway. Pitch, timbre, loudness and the noise around it come
from the ``Voice`` and the ``Room``, which are drawn independently of the kind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from slowfast.synthetic.motions import Action, cycles, events, hop_values, way_passed

Array = np.ndarray

_THUD_SECONDS = 0.25


@dataclass(frozen=True)
class Voice:
    """What an actor sounds like: ``pitch`` in Hz, ``dullness`` as the slope of its overtones."""

    pitch: float
    dullness: float
    seed: int


@dataclass(frozen=True)
class Room:
    """What surrounds the sounds.

    ``level_db`` is the root mean square of the whole, in dB of full scale; ``noise_db`` that of
    the noise relative to the sounds; the power of the noise falls like ``1 / f ** colour``;
    ``hum`` is the frequency in Hz of a steady quiet tone.
    """

    level_db: float
    noise_db: float
    colour: float
    hum: float
    seed: int


def sound(action: Action, voice: Voice, times: Array) -> Array:
    """Return the waveform of ``action`` at ``times`` (seconds, evenly spaced, shape ``(S,)``).

    Its root mean square is 1 while the action lasts; it is silent otherwise.
    """
    active = (times >= action.start) & (times < action.stop)
    if not active.any():
        return np.zeros(len(times))
    wave = _SOUNDS[action.kind](action, voice, times) * active
    return wave / max(float(np.sqrt(np.mean(wave[active] ** 2))), 1e-9)


def mix(waves: list[Array], room: Room, sample_rate: int) -> Array:
    """Add ``waves`` (each ``(S,)``), noise and hum, and bring the sum to the level of the room.

    Returns float32 samples in [-1, 1]; the few peaks above full scale are rounded off.
    """
    rng = np.random.default_rng(room.seed)
    count = len(waves[0])
    noise = coloured_noise(count, room.colour, sample_rate, rng)
    hum = np.sqrt(2) * np.sin(2 * np.pi * room.hum * np.arange(count) / sample_rate)
    total = sum(waves) + 10 ** (room.noise_db / 20) * (0.9 * noise + 0.4 * hum)
    total = total / max(float(np.sqrt(np.mean(total**2))), 1e-9) * 10 ** (room.level_db / 20)
    return np.tanh(total).astype(np.float32)


def coloured_noise(count: int, colour: float, sample_rate: int, rng: np.random.Generator) -> Array:
    """Return ``count`` samples of noise with power ``1 / f ** colour`` and unit variance."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequency = np.fft.rfftfreq(count, 1.0 / sample_rate)
    wave = np.fft.irfft(spectrum / np.maximum(frequency, 40.0) ** (colour / 2), count)
    return wave / wave.std()


def _thuds(action: Action, voice: Voice, times: Array) -> Array:
    rate = _sample_rate(times)
    age = np.arange(int(_THUD_SECONDS * rate)) / rate
    rng = np.random.default_rng(voice.seed)
    wave = np.zeros(len(times) + len(age))
    for moment in events(action, float(times[-1])):
        begin = max(round((moment - times[0]) * rate), 0)
        click = rng.standard_normal(len(age)) * np.exp(-age / 0.004)
        ring = _tone(voice, voice.pitch * age) * np.exp(-age / 0.045)
        wave[begin : begin + len(age)] += ring + 0.7 * click
    return wave[: len(times)]


def _siren(action: Action, voice: Voice, times: Array) -> Array:
    height = -np.sin(2 * np.pi * action.direction * cycles(action, times))
    return _tone(voice, _integral(voice.pitch * 2 ** (0.55 * height), times))


def _rush(action: Action, voice: Voice, times: Array) -> Array:
    speed = np.abs(np.sin(2 * np.pi * cycles(action, times)))
    centre = 2.2 * voice.pitch * (0.75 + 0.5 * speed)
    rng = np.random.default_rng(voice.seed)
    slow = _low_pass(rng.standard_normal((2, len(times))), 0.3 * voice.pitch, times)
    angle = 2 * np.pi * _integral(centre, times)
    return (slow[0] * np.cos(angle) + slow[1] * np.sin(angle)) * speed**1.5


def _tremolo(action: Action, voice: Voice, times: Array) -> Array:
    swell = 0.5 + 0.5 * np.sin(2 * np.pi * cycles(action, times))
    return _tone(voice, voice.pitch * times) * (0.05 + swell**2)


def _trill(action: Action, voice: Voice, times: Array) -> Array:
    upper = (8.0 * cycles(action, times)) % 1.0 >= 0.5
    return _tone(voice, _integral(voice.pitch * np.where(upper, 2 ** (5 / 12), 1.0), times))


def _chirps(action: Action, voice: Voice, times: Array) -> Array:
    stroke = (2.0 * cycles(action, times)) % 1.0
    tone = _tone(voice, _integral(voice.pitch * 2 ** (1.6 * stroke - 0.6), times))
    return tone * np.minimum(1.0, 12.0 * (1.0 - stroke))


def _beeps(action: Action, voice: Voice, times: Array) -> Array:
    cycle = cycles(action, times)
    drawn = hop_values(action, np.floor(cycle).astype(np.int64))
    steps = np.round(14 * drawn[:, 1] - 7 + 5 * (np.floor(cycle) % 2))
    tone = _tone(voice, _integral(voice.pitch * 2 ** (steps / 12), times))
    return tone * np.exp(-1.2 * (cycle % 1.0))


def _bursts(action: Action, voice: Voice, times: Array) -> Array:
    rng = np.random.default_rng(voice.seed)
    rate = _sample_rate(times)
    noise = coloured_noise(len(times), 0.3 * voice.dullness, round(rate), rng)
    return noise * (cycles(action, times) % 1.0 >= 0.5)


def _glide(action: Action, voice: Voice, times: Array) -> Array:
    cycle = cycles(action, times)
    up = 1 if action.kind == "Climb" else -1
    stroke, way = 2 * (cycle % 1.0) - 1, 2 * way_passed(action, cycle) - 1
    # Voices differ less than the way does, so that a moment can be told by its pitch.
    pitch = 500 * (voice.pitch / 500) ** 0.25 * 2 ** (up * (0.7 * stroke + 1.1 * way))
    return _tone(voice, _integral(pitch, times)) * (1.2 + up * stroke)


def _tone(voice: Voice, turns: Array) -> Array:
    """Return a tone with five partials; ``turns`` is the phase of the lowest, in periods."""
    partials = np.arange(1, 6)
    weights = partials ** -float(voice.dullness)
    waves = (w * np.sin(2 * np.pi * k * turns) for k, w in zip(partials, weights, strict=True))
    return sum(waves) / np.sqrt(np.sum(weights**2))


def _integral(frequency: Array, times: Array) -> Array:
    return np.cumsum(frequency) / _sample_rate(times)


def _low_pass(waves: Array, cutoff: float, times: Array) -> Array:
    frequency = np.fft.rfftfreq(len(times), 1.0 / _sample_rate(times))
    response = np.exp(-0.5 * (frequency / cutoff) ** 2)
    return np.fft.irfft(np.fft.rfft(waves) * response, len(times))


def _sample_rate(times: Array) -> float:
    return (len(times) - 1) / float(times[-1] - times[0])


_SOUNDS: dict[str, Callable[[Action, Voice, Array], Array]] = {
    "Blink": _bursts,
    "Bounce": _thuds,
    "Climb": _glide,
    "Jump": _beeps,
    "Orbit": _siren,
    "Pulse": _tremolo,
    "Sink": _glide,
    "Spin": _trill,
    "Sway": _rush,
    "ZigZag": _chirps,
}
