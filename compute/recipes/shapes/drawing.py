"""Draws scenes by formula: signed distances give exact, anti-aliased edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compute.recipes.shapes.vocabulary import (
    BACKGROUNDS,
    COLOURS,
    PLAIN,
    TEMPLATES,
    Rgb,
    Scene,
)

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]

# As fractions of the picture's side.
SMALLEST_RADIUS, LARGEST_RADIUS = 0.28, 0.38
FARTHEST_SHIFT = 0.06
COLOUR_JITTER = 8


@dataclass(frozen=True)
class Picture:
    """One row of the data set: `pixels` is (size, size, 3) uint8."""

    pixels: Pixels
    caption: str
    scene: Scene


def coverage(shape: str, size: int, centre_x: float, centre_y: float, radius: float) -> Floats:
    """How much of each pixel the shape covers, 0 to 1, as a (size, size) array.

    `centre_x`, `centre_y` and `radius` are in pixels; `radius` is half the side of the
    square box around the shape (the triangle's box is as high as wide).
    """
    axis = np.arange(size, dtype=np.float64) + 0.5
    x = axis[None, :] - centre_x
    y = axis[:, None] - centre_y
    inside: Floats = np.clip(0.5 - _signed_distance(shape, x, y, radius), 0.0, 1.0)
    return inside


def draw(
    scene: Scene,
    *,
    size: int = 32,
    centre: tuple[float, float] = (0.5, 0.5),
    radius: float = 0.3,
    tint: tuple[Rgb, Rgb] = ((0, 0, 0), (0, 0, 0)),
) -> Pixels:
    """A (size, size, 3) uint8 picture. `centre` and `radius` are fractions of the side;
    `tint` is added to the shape's and to the background's colour."""
    cover = coverage(scene.shape, size, centre[0] * size, centre[1] * size, radius * size)
    ink = np.array(COLOURS[scene.colour], dtype=np.float64) + np.array(tint[0])
    paper = np.array(BACKGROUNDS[scene.background], dtype=np.float64) + np.array(tint[1])
    mixed = cover[..., None] * ink + (1.0 - cover[..., None]) * paper
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def make_pictures(
    seed: int, count: int, *, scenes: Sequence[Scene], size: int = 32, plain: float = 0.0
) -> list[Picture]:
    """`count` pictures that walk through `scenes` evenly, placed and captioned at random.

    `plain` is the share of captions that leave the background out. Equal arguments give
    equal pictures, byte for byte.
    """
    random = np.random.default_rng(seed)
    order = np.concatenate([random.permutation(len(scenes)) for _ in range(-(-count // len(scenes)))])[:count]
    return [_random_picture(scenes[int(i)], random, size=size, plain=plain) for i in order]


def _random_picture(scene: Scene, random: np.random.Generator, *, size: int, plain: float) -> Picture:
    centre_x, centre_y = 0.5 + random.uniform(-FARTHEST_SHIFT, FARTHEST_SHIFT, 2)
    radius = random.uniform(SMALLEST_RADIUS, LARGEST_RADIUS)
    ink, paper = random.integers(-COLOUR_JITTER, COLOUR_JITTER + 1, (2, 3)).tolist()
    pixels = draw(scene, size=size, centre=(centre_x, centre_y), radius=radius, tint=(tuple(ink), tuple(paper)))
    template = TEMPLATES[int(random.integers(len(TEMPLATES)))]
    if random.random() < plain:
        template = PLAIN
    return Picture(pixels=pixels, caption=scene.caption(template), scene=scene)


def _signed_distance(shape: str, x: Floats, y: Floats, radius: float) -> Floats:
    """Distance in pixels to the shape's outline around (0, 0), negative inside."""
    if shape == "circle":
        return _circle(x, y, radius)
    if shape == "square":
        return _square(x, y, radius)
    if shape == "triangle":
        return _triangle(x, y, radius)
    raise ValueError(f"Unknown shape {shape!r}.")


def _circle(x: Floats, y: Floats, radius: float) -> Floats:
    distance: Floats = np.hypot(x, y) - radius
    return distance


def _square(x: Floats, y: Floats, radius: float) -> Floats:
    """Exact inside and along the sides; corners are kept sharp."""
    return np.maximum(np.abs(x), np.abs(y)) - radius


def _triangle(x: Floats, y: Floats, radius: float) -> Floats:
    """Point upwards, filling a box of side 2 x radius."""
    slope = 1.0 / np.sqrt(5.0)  # the side's normal is (2, -1) / sqrt(5)
    side = (2.0 * np.abs(x) - (y + radius)) * slope
    bottom = y - radius
    return np.maximum(side, bottom)
