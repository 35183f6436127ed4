"""The outlines of the actors as distance functions, and the marks that show which way they face.

Coordinates are local to the actor: the origin is its centre and 1 is about its radius. Distances
are negative inside. A shape never depends on the class of the motion.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

Array = np.ndarray


def _disc(u: Array, v: Array) -> Array:
    return np.hypot(u, v) - 0.95


def _cross(u: Array, v: Array) -> Array:
    return np.minimum(_rounded_box(u, v, 1.0, 0.42, 0.15), _rounded_box(u, v, 0.42, 1.0, 0.15))


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


# The signed distance to an outline at local points ``(u, v)``.
SHAPES: dict[str, Callable[[Array, Array], Array]] = {
    "disc": _disc,
    "square": partial(_rounded_box, half_u=0.8, half_v=0.8, corner=0.2),
    "capsule": partial(_rounded_box, half_u=1.1, half_v=0.68, corner=0.6),
    "cross": _cross,
    "triangle": partial(_polygon, sides=3, inner=0.62),
    "hexagon": partial(_polygon, sides=6, inner=0.86),
    "flower": _flower,
    "star": _star,
}
# And to the part of an actor that has its second colour.
MARKS: dict[str, Callable[[Array, Array], Array]] = {
    "half": _half,
    "eye": _eye,
    "band": _band,
    "wedge": _wedge,
}
