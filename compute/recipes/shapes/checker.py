"""Judges a generated picture by its pixels: which colour, which shape, on which background.

No learned model: the shape is cut out by colour, its box is measured, and each known
shape is drawn into that box by the data set's own formula. The one that overlaps best is
the answer, unless even it overlaps badly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from compute.recipes.refusal import Refused
from compute.recipes.shapes.drawing import Floats, Pixels, coverage
from compute.recipes.shapes.vocabulary import BACKGROUNDS, COLOURS, SHAPES, Rgb

SMALLEST_CONTRAST = 40.0  # RGB distance between shape and background that counts as a shape
SMALLEST_AREA, LARGEST_AREA = 0.04, 0.70  # of the whole picture
LEAST_IN_ONE_PIECE = 0.85  # share of the cut-out that the largest piece must hold
LONGEST_BOX = 1.4  # long side over short side
LEAST_OVERLAP = 0.80  # intersection over union with the drawn shape
LEAST_KNOWN = 0.75  # share of a data set's pictures
FARTHEST_COLOUR = 40.0  # CIELAB distance to the named colour


@dataclass(frozen=True)
class Verdict:
    """What was found. A name is empty when nothing known was recognised."""

    passed: bool
    colour: str
    shape: str
    background: str
    overlap: float
    reason: str


def require_shapes(pictures: Sequence[Image.Image | Pixels], *, key: str) -> None:
    """Raises Refused when these pictures of a data set are not of coloured shapes: nothing else can be judged here."""
    known = sum(recognise(picture).passed for picture in pictures)
    if known < LEAST_KNOWN * len(pictures):
        raise Refused(
            f"{key!r} is shapes, which judges pictures of the coloured shapes alone, and {known} of {len(pictures)} "
            f"pictures of this data set show one. Set it to nothing: --set {key}="
        )


def check(image: Image.Image | Pixels, colour: str, shape: str) -> Verdict:
    """Whether `image` (any square picture of 32 to 64 pixels) shows `shape` in `colour`.

    Raises ValueError for a colour or shape outside the vocabulary.
    """
    if colour not in COLOURS or shape not in SHAPES:
        raise ValueError(f"The checker does not know a {colour!r} {shape!r}.")
    found = recognise(image)
    if found.reason:
        return found
    wrong = []
    if found.colour != colour:
        wrong.append(f"colour is {found.colour}, not {colour}")
    if found.shape != shape:
        wrong.append(f"shape is {found.shape}, not {shape}")
    return Verdict(not wrong, found.colour, found.shape, found.background, found.overlap, "; ".join(wrong))


def recognise(image: Image.Image | Pixels) -> Verdict:
    """Names colour, shape and background; `passed` is false and `reason` says why if it cannot."""
    pixels = _as_floats(image)
    paper = _border_colour(pixels)
    background = _nearest(paper, BACKGROUNDS)[0]
    cut = _cut_out(pixels, paper)
    if cut is None:
        return Verdict(False, "", "", background, 0.0, "nothing stands out from the background")
    cover, ink = cut
    piece = _largest_piece(cover > 0.5)
    problem = _problem_with(piece, cover)
    if problem:
        return Verdict(False, "", "", background, 0.0, problem)
    shape, overlap = _best_shape(np.where(_grown(piece), cover, 0.0), piece)
    colour, distance = _nearest(ink, COLOURS)
    if overlap < LEAST_OVERLAP:
        reason = f"no known shape: the nearest, {shape}, overlaps only {overlap:.0%}"
        return Verdict(False, colour, "", background, overlap, reason)
    if distance > FARTHEST_COLOUR:
        reason = f"no known colour: the nearest, {colour}, is {distance:.0f} away"
        return Verdict(False, "", shape, background, overlap, reason)
    return Verdict(True, colour, shape, background, overlap, "")


def _as_floats(image: Image.Image | Pixels) -> Floats:
    if isinstance(image, Image.Image):
        image = np.asarray(image.convert("RGB"))
    if image.ndim != 3 or image.shape[0] != image.shape[1] or image.shape[2] != 3:
        raise ValueError(f"Expected a square RGB picture, got an array of shape {image.shape}.")
    return image.astype(np.float64)


def _border_colour(pixels: Floats) -> Floats:
    edge = max(1, pixels.shape[0] // 16)
    ring = np.ones(pixels.shape[:2], dtype=bool)
    ring[edge:-edge, edge:-edge] = False
    middle: Floats = np.median(pixels[ring], axis=0)
    return middle


def _cut_out(pixels: Floats, paper: Floats) -> tuple[Floats, Floats] | None:
    """Coverage per pixel and the shape's colour, or None when nothing stands out."""
    contrast = np.linalg.norm(pixels - paper, axis=2)
    strongest = float(np.percentile(contrast, 98))
    if strongest < SMALLEST_CONTRAST:
        return None
    ink = np.median(pixels[contrast > 0.7 * strongest], axis=0)
    towards = ink - paper
    cover = np.clip((pixels - paper) @ towards / float(towards @ towards), 0.0, 1.0)
    return cover, ink


def _problem_with(piece: NDArray[np.bool_], cover: Floats) -> str:
    area = float(piece.mean())
    if not SMALLEST_AREA <= area <= LARGEST_AREA:
        return f"the shape fills {area:.0%} of the picture"
    if piece.sum() < LEAST_IN_ONE_PIECE * (cover > 0.5).sum():
        return "the shape is in several pieces"
    height, width = np.ptp(np.argwhere(piece), axis=0) + 1
    if max(height, width) > LONGEST_BOX * min(height, width):
        return f"the shape's box is {width} by {height} pixels"
    return ""


def _best_shape(cover: Floats, piece: NDArray[np.bool_]) -> tuple[str, float]:
    """The known shape that overlaps best, over small changes of place and size."""
    rows, columns = np.argwhere(piece).T
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    centre_x, centre_y = (left + right) / 2, (top + bottom) / 2
    radius = (bottom - top + right - left) / 4
    size = cover.shape[0]
    best = ("", 0.0)
    for shape in SHAPES:
        for grow in (-1.0, -0.5, 0.0, 0.5, 1.0):
            for shift_y in (-0.5, 0.0, 0.5):
                drawn = coverage(shape, size, centre_x, centre_y + shift_y, radius + grow)
                overlap = float(np.minimum(drawn, cover).sum() / np.maximum(drawn, cover).sum())
                if overlap > best[1]:
                    best = (shape, overlap)
    return best


def _largest_piece(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest region of `mask` whose pixels touch by a side."""
    left = mask.copy()
    largest = np.zeros_like(mask)
    while left.any():
        region = np.zeros_like(mask)
        region[tuple(np.argwhere(left)[0])] = True
        while True:
            wider = _grown(region) & left
            if (wider == region).all():
                break
            region = wider
        left &= ~region
        if region.sum() > largest.sum():
            largest = region
    return largest


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    wider = mask.copy()
    wider[1:] |= mask[:-1]
    wider[:-1] |= mask[1:]
    wider[:, 1:] |= mask[:, :-1]
    wider[:, :-1] |= mask[:, 1:]
    return wider


def _nearest(rgb: Floats, names: dict[str, Rgb]) -> tuple[str, float]:
    """The name whose colour is nearest in CIELAB, and how far away it is."""
    here = _lab(rgb)
    distances = {
        name: float(np.linalg.norm(here - _lab(np.array(value, dtype=np.float64)))) for name, value in names.items()
    }
    name = min(distances, key=lambda each: distances[each])
    return name, distances[name]


def _lab(rgb: Floats) -> Floats:
    """sRGB (0 to 255) to CIELAB under D65 (IEC 61966-2-1, CIE 15)."""
    unit = rgb / 255.0
    linear = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = (to_xyz @ linear) / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])
