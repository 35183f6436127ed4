"""The outlines of the actors as distance functions, and the marks that show which way they face.

Coordinates are local to the actor: the origin is its centre and 1 is about its radius. Distances
are negative inside. A shape never depends on the class of the motion.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Array = np.ndarray


def shape_names() -> tuple[str, ...]:
    """Return the names of all shapes."""
    return tuple(_SHAPES)


def mark_names() -> tuple[str, ...]:
    """Return the names of all marks."""
    return tuple(_MARKS)


def shape_distance(name: str, u: Array, v: Array) -> Array:
    """Return the signed distance to the outline of a shape at local points ``(u, v)``."""
    return _SHAPES[name](u, v)


def mark_distance(name: str, u: Array, v: Array) -> Array:
    """Return the signed distance to the part of the actor that has its second colour."""
    return _MARKS[name](u, v)


def _disc(u: Array, v: Array) -> Array:
    return np.hypot(u, v) - 0.95


def _square(u: Array, v: Array) -> Array:
    return _rounded_box(u, v, 0.8, 0.8, 0.2)


def _capsule(u: Array, v: Array) -> Array:
    return _rounded_box(u, v, 1.1, 0.68, 0.6)


def _cross(u: Array, v: Array) -> Array:
    return np.minimum(_rounded_box(u, v, 1.0, 0.42, 0.15), _rounded_box(u, v, 0.42, 1.0, 0.15))


def _triangle(u: Array, v: Array) -> Array:
    return _polygon(u, v, 3, 0.62)


def _hexagon(u: Array, v: Array) -> Array:
    return _polygon(u, v, 6, 0.86)


def _flower(u: Array, v: Array) -> Array:
    return np.hypot(u, v) - (0.86 + 0.16 * np.cos(5 * np.arctan2(v, u)))


def _star(u: Array, v: Array) -> Array:
    wave = np.arccos(0.96 * np.cos(5 * np.arctan2(v, u))) / np.pi
    return 0.8 * (np.hypot(u, v) - (1.12 - 0.52 * wave))


def _rounded_box(u: Array, v: Array, half_u: float, half_v: float, corner: float) -> Array:
    du, dv = np.abs(u) - half_u + corner, np.abs(v) - half_v + corner
    outside = np.hypot(np.maximum(du, 0), np.maximum(dv, 0))
    return outside + np.minimum(np.maximum(du, dv), 0) - corner


def _polygon(u: Array, v: Array, sides: int, inner: float) -> Array:
    angles = 2 * np.pi * np.arange(sides) / sides
    edges = [u * np.cos(a) + v * np.sin(a) - inner for a in angles]
    return np.maximum.reduce(edges)


def _half(u: Array, v: Array) -> Array:
    return -v


def _eye(u: Array, v: Array) -> Array:
    return np.hypot(u - 0.4, v) - 0.33


def _band(u: Array, v: Array) -> Array:
    return np.abs(v - 0.22) - 0.24


def _wedge(u: Array, v: Array) -> Array:
    return np.maximum(-u, -v)


_SHAPES: dict[str, Callable[[Array, Array], Array]] = {
    "disc": _disc,
    "square": _square,
    "capsule": _capsule,
    "cross": _cross,
    "triangle": _triangle,
    "hexagon": _hexagon,
    "flower": _flower,
    "star": _star,
}
_MARKS: dict[str, Callable[[Array, Array], Array]] = {
    "half": _half,
    "eye": _eye,
    "band": _band,
    "wedge": _wedge,
}
