"""Random looks and places: everything about a scene that must not depend on a label."""

from __future__ import annotations

import colorsys

import numpy as np

from slowfast.synthetic.render import Background, Body, Colour, Look
from slowfast.synthetic.shapes import MARKS, SHAPES


def random_background(rng: np.random.Generator) -> Background:
    """Draw a muted two-coloured texture."""
    hue, value = rng.uniform(), rng.uniform(0.25, 0.6)
    saturation = rng.uniform(0.2, 0.5)
    contrast = rng.uniform(0.05, 0.09)
    return Background(
        low=colorsys.hsv_to_rgb(hue, saturation, value - contrast),
        high=colorsys.hsv_to_rgb((hue + rng.uniform(-0.1, 0.1)) % 1, saturation, value + contrast),
        texture=str(rng.choice(("clouds", "stripes", "checks", "ripples"))),
        grain=float(rng.uniform(0.2, 0.5)),
        drift=random_drift(rng, 0.04),
        seed=random_seed(rng),
    )


def random_body(rng: np.random.Generator) -> Body:
    """Draw the body of an actor, somewhere near the middle."""
    return Body(
        look=random_look(rng, 0.15, 0.24),
        centre=(float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.34, 0.66))),
        drift=random_drift(rng, 0.03),
        turning=float(rng.uniform(-0.06, 0.06)),
    )


def random_bystander(rng: np.random.Generator) -> Body:
    """Draw a smaller body that does nothing but drift."""
    return Body(
        look=random_look(rng, 0.08, 0.15),
        centre=(float(rng.uniform(0, 1)), float(rng.uniform(0, 1))),
        drift=random_drift(rng, 0.1),
        turning=float(rng.uniform(-0.1, 0.1)),
    )


def random_look(
    rng: np.random.Generator, smallest: float, largest: float, contrast: float = 0.35
) -> Look:
    """Draw a look whose radius lies between two numbers of shorter sides.

    The brightness of its two colours differs by more than ``contrast`` of the full range.
    """
    fill, accent = _colours(rng, contrast)
    return Look(
        shape=str(rng.choice(list(SHAPES))),
        mark=str(rng.choice(list(MARKS))),
        fill=fill,
        accent=accent,
        outline=(
            float(rng.uniform(0.9, 1)),
            float(rng.uniform(0.9, 1)),
            float(rng.uniform(0.9, 1)),
        ),
        radius=float(rng.uniform(smallest, largest)),
        turn=float(rng.uniform(0, 1)),
    )


def _colours(rng: np.random.Generator, contrast: float) -> tuple[Colour, Colour]:
    """Draw two vivid colours of clearly different brightness, in random order."""
    while True:
        first, second = (
            colorsys.hsv_to_rgb(rng.uniform(), rng.uniform(0.35, 0.95), rng.uniform(0.2, 1.0))
            for _ in range(2)
        )
        if abs(_brightness(first) - _brightness(second)) > contrast:
            return first, second


def _brightness(colour: Colour) -> float:
    return 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]


def random_drift(rng: np.random.Generator, fastest: float) -> tuple[float, float]:
    """Draw a velocity in any direction, in shorter sides per second."""
    speed, angle = rng.uniform(0, fastest), rng.uniform(0, 2 * np.pi)
    return float(speed * np.cos(angle)), float(speed * np.sin(angle))


def random_seed(rng: np.random.Generator) -> int:
    """Draw a seed for whatever draws numbers later."""
    return int(rng.integers(2**31))
