"""From a described scene to pixels: background, actors with smooth edges, and their boxes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slowfast.synthetic.motions import Offsets
from slowfast.synthetic.shapes import MARKS, SHAPES

Array = np.ndarray
Colour = tuple[float, float, float]

_OUTLINE = 0.13
_SHADOW = 0.28
_REACH = 1.35


@dataclass(frozen=True)
class Look:
    """What an actor looks like; ``radius`` is in shorter sides, ``turn`` in turns."""

    shape: str
    mark: str
    fill: Colour
    accent: Colour
    outline: Colour
    radius: float
    turn: float


@dataclass(frozen=True)
class Body:
    """A thing in the frame: its look, its place at rest and its slow drift.

    ``centre`` is a fraction of width and height, ``drift`` in shorter sides per second and
    ``turning`` in turns per second.
    """

    look: Look
    centre: tuple[float, float]
    drift: tuple[float, float]
    turning: float


@dataclass(frozen=True)
class Background:
    """A two-coloured texture that drifts by ``drift`` shorter sides per second."""

    low: Colour
    high: Colour
    texture: str
    grain: float
    drift: tuple[float, float]
    seed: int


def render_things(
    size: tuple[int, int], times: Array, background: Background, things: list[tuple[Look, Array]]
) -> tuple[Array, Array]:
    """Draw looks at given poses; ``size`` is (height, width) in pixels.

    Each thing comes with poses ``(T, 5)`` as those of ``body_poses``; NaN leaves it out of a frame.
    Later things cover earlier ones. Returns uint8 frames ``(T, H, W, 3)`` and float32 boxes
    ``(T, N, 4)`` as x1, y1, x2, y2 in pixels, NaN where a thing is out of sight.
    """
    canvas = draw_background(size, times, background)
    boxes = np.full((len(times), len(things), 4), np.nan, dtype=np.float32)
    for index, (look, poses) in enumerate(things):
        for frame in np.flatnonzero(np.isfinite(poses).all(axis=1)):
            boxes[frame, index] = _draw(canvas[frame], look, poses[frame])
    return np.clip(canvas + 0.5, 0, 255).astype(np.uint8), boxes


def draw_background(size: tuple[int, int], times: Array, background: Background) -> Array:
    """Return the drifting background as float32 ``(T, H, W, 3)`` in 0..255."""
    height, width = size
    short = min(size)
    shift = np.outer(times, background.drift) * short
    shift -= shift.min(axis=0)
    margin_x, margin_y = (int(m) + 2 for m in shift.max(axis=0))
    pattern = _texture(background, height + margin_y, width + margin_x, short)
    low, high = (np.array(c, dtype=np.float32) for c in (background.low, background.high))
    texture = 255 * (low + (high - low) * pattern[..., None])
    frames = np.empty((len(times), height, width, 3), dtype=np.float32)
    for frame, (x, y) in zip(frames, shift, strict=True):
        frame[:] = _window(texture, float(x), float(y), height, width)
    return frames


def _window(texture: Array, x: float, y: float, height: int, width: int) -> Array:
    """Cut a window at a fractional place, blending the four neighbours."""
    left, top = int(x), int(y)
    fx, fy = np.float32(x - left), np.float32(y - top)
    part = texture[top : top + height + 1, left : left + width + 1]
    rows = part[:-1] * (1 - fy) + part[1:] * fy
    return rows[:, :-1] * (1 - fx) + rows[:, 1:] * fx


def _texture(background: Background, height: int, width: int, short: int) -> Array:
    """Return a pattern in [0, 1], shape (height, width)."""
    rng = np.random.default_rng(background.seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / (short * background.grain)
    angle = rng.uniform(0, 2 * np.pi)
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    clouds = sum(
        np.cos(2 * np.pi * (x * kx + y * ky + phase))
        for kx, ky, phase in rng.uniform(-0.8, 0.8, (5, 3))
    )
    waves = {
        "clouds": clouds,
        "stripes": 3 * np.sin(2 * np.pi * u) + 0.5 * clouds,
        "checks": 4 * np.sin(np.pi * u) * np.sin(np.pi * v) + 0.3 * clouds,
        "ripples": 3 * np.sin(2 * np.pi * (u + 0.15 * np.sin(2 * np.pi * v))) + 0.4 * clouds,
    }
    return (0.5 + 0.5 * np.tanh(waves[background.texture])).astype(np.float32)


def body_poses(size: tuple[int, int], times: Array, body: Body, moved: Offsets) -> Array:
    """Return x, y, radius (pixels), turn and swap for every time, shape ``(T, 5)``."""
    height, width = size
    short = min(size)
    later = times - times[len(times) // 2]
    x = body.centre[0] * width + short * (moved.dx + body.drift[0] * later)
    y = body.centre[1] * height + short * (moved.dy + body.drift[1] * later)
    radius = short * body.look.radius * np.exp(moved.log_scale)
    turn = body.look.turn + body.turning * times + moved.turn
    return np.stack([x, y, radius, turn, moved.swap], axis=1)


def _draw(frame: Array, look: Look, pose: Array) -> Array:
    """Blend one actor into ``frame`` ``(H, W, 3)`` and return its box."""
    x, y, radius, turn, swap = (float(value) for value in pose)
    height, width = frame.shape[:2]
    reach = _REACH * radius
    left, right = max(int(x - reach), 0), min(int(x + reach) + 2, width)
    top, bottom = max(int(y - reach), 0), min(int(y + reach) + 2, height)
    if left >= right or top >= bottom:
        return np.full(4, np.nan, dtype=np.float32)
    part = frame[top:bottom, left:right]
    px = (np.arange(left, right, dtype=np.float32) + 0.5 - x) / radius
    py = (np.arange(top, bottom, dtype=np.float32)[:, None] + 0.5 - y) / radius
    cos, sin = np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn)
    u, v = px * cos + py * sin, py * cos - px * sin
    distance = SHAPES[look.shape](u, v)
    shadow_distance = np.hypot(px - 0.08, py - 0.22) - 0.8
    shadow = _SHADOW * np.clip(0.5 - shadow_distance / 0.5, 0, 1)
    part *= 1 - shadow[..., None]
    fill, accent, outline = (
        255 * np.array(c, dtype=np.float32) for c in (look.fill, look.accent, look.outline)
    )
    fill, accent = fill + (accent - fill) * swap, accent + (fill - accent) * swap
    marked = _cover(MARKS[look.mark](u, v), radius)
    inner = _cover(distance + _OUTLINE, radius)
    whole = _cover(distance, radius)
    colour = outline + ((fill + (accent - fill) * marked) - outline) * inner
    part += (colour - part) * whole
    return _box(whole[..., 0] > 0.5, left, top)


def _cover(distance: Array, radius: float) -> Array:
    """Return how much of each pixel lies inside, shape ``(h, w, 1)``."""
    return np.clip(0.5 - distance * radius, 0, 1)[..., None].astype(np.float32)


def _box(inside: Array, left: int, top: int) -> Array:
    columns, rows = np.flatnonzero(inside.any(axis=0)), np.flatnonzero(inside.any(axis=1))
    if not columns.size:
        return np.full(4, np.nan, dtype=np.float32)
    corners = [left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1]
    return np.array(corners, dtype=np.float32)
