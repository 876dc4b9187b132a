"""An invisible mark in a picture's brightness: 32 bits and 16 that check them, for pictures that lost their metadata.

A tile of 64 x 64 pixels is repeated over the picture. It is a sum of waves of middle length; which waves carry which
sign is drawn from a key, so that only who has the key finds, makes or removes the mark. The embedder knows the picture
and moves each sign's sum just as far as needed (informed embedding); the finder needs neither picture nor size: sizes
are tried from a list, places within the tile all at once by Fourier transform.
"""

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.algorithms import checked
from inference.algorithms.convolution import Floats

TILE = 64
SHORTEST_SIDE = TILE  # smaller pictures hold too little and are not marked
LARGEST_SIDE = 4096
# Cycles per tile. Lower ones are seen and drowned by the picture, higher ones do not survive JPEG and halving.
LOWEST, HIGHEST = 2.5, 12.5
# Tried in turn until the mark survives what `_survives` does to it: grey levels (root mean square) of the mark itself,
# and how many times that much the picture's own content may be pushed aside.
EFFORTS = ((0.7, 3.0), (1.0, 3.0), (1.4, 3.0), (2.0, 4.0), (2.8, 8.0), (4.0, 12.0))
LEAST_PSNR, COMFORTABLE_PSNR = 34.0, 42.0  # decibels
ROUNDS = 10
PLACES = 6  # of a cropped picture that are decoded
LUMA = np.array([0.299, 0.587, 0.114])  # of JPEG (ITU-R BT.601)


@dataclass(frozen=True)
class Found:
    """`mark` is what was embedded; `place` where the tile begins; `size` what the picture was scaled to."""

    mark: int
    place: tuple[int, int]
    size: tuple[int, int]


def can_carry(picture: Image.Image) -> bool:
    return min(picture.size) >= SHORTEST_SIDE and max(picture.size) <= LARGEST_SIDE


def embed(picture: Image.Image, mark: int, *, key: bytes) -> Image.Image | None:
    """The marked picture, RGB; None when it cannot carry the mark. Equal arguments give equal pixels.

    As weak as survives compression and halving, or as strong as LEAST_PSNR allows; stronger for
    the sake of cropping and coarser compression only as far as that is comfortable.
    """
    if not can_carry(picture):
        return None
    pixels = np.asarray(picture.convert("RGB"), dtype=np.int16)
    best, is_enough = None, False
    for effort in EFFORTS:
        change = _change(pixels, mark, key, *effort)
        if _psnr(change) < (COMFORTABLE_PSNR if is_enough else LEAST_PSNR):
            break
        marked = Image.fromarray((pixels + change[..., None]).astype(np.uint8))
        if _holds(marked, mark, key):
            best = marked
            is_enough = _survives(marked, mark, key)
        if is_enough and _survives_much(marked, mark, key):
            break
    return best


def find(picture: Image.Image, *, key: bytes, sizes: Iterable[tuple[int, int]] = ()) -> Found | None:
    """The mark, or None. `sizes` are those that the picture may have had before it was scaled."""
    own = picture.size
    for size in dict.fromkeys([own, *(size for size in sizes if _same_shape(size, own))]):
        if min(size) < SHORTEST_SIDE or max(size) > LARGEST_SIDE:
            continue
        at_size = picture if size == own else picture.convert("RGB").resize(size, Image.Resampling.BICUBIC)
        mark = checked.read(_sums(_brightness(at_size), key), key)
        if mark is not None:
            return Found(mark, (0, 0), size)
    if not can_carry(picture):
        return None
    elsewhere = _anywhere(picture, key)
    return None if elsewhere is None else Found(*elsewhere, own)


def _change(pixels: NDArray[np.int16], mark: int, key: bytes, strength: float, push: float) -> NDArray[np.int16]:
    """What is added to red, green and blue of each pixel alike, without leaving 0 to 255."""
    height, width = pixels.shape[:2]
    darker, brighter = -pixels.min(axis=2), 255 - pixels.max(axis=2)
    brightness = pixels @ LUMA
    signs = checked.signs(mark, key).astype(np.float64)
    target = strength * np.sqrt(brightness.size / len(signs))
    given, change = np.zeros(len(signs)), np.zeros_like(brightness)
    for _round in range(ROUNDS):
        missing = signs * target - _sums(brightness + change, key)
        # Signs that are beyond their target stay so.
        wanted = np.clip(given + np.where(signs * missing > 0, missing, 0.0), -push * target, push * target)
        if np.abs(wanted - given).max() < 0.01 * target:
            break
        tile = np.tensordot(wanted - given, _waves(key), axes=1) / np.sqrt(brightness.size)
        given = wanted
        change += np.tile(tile, (-(-height // TILE), -(-width // TILE)))[:height, :width]
        np.clip(change, darker, brighter, out=change)
    return np.rint(change).astype(np.int16)


def _survives(marked: Image.Image, mark: int, key: bytes) -> bool:
    """What happens to pictures as a rule."""
    return _holds(_compressed(marked, 65), mark, key) and _holds(_halved(marked, 90), mark, key)


def _survives_much(marked: Image.Image, mark: int, key: bytes) -> bool:
    left, top = marked.width // 8, marked.height // 8
    cut = marked.crop((left, top, left + marked.width * 3 // 4, top + marked.height * 3 // 4))
    found = _anywhere(_compressed(cut, 75), key)
    if found is None or found[0] != mark:
        return False
    return _holds(_compressed(marked, 50), mark, key) and _holds(_halved(marked, 75), mark, key)


def _halved(picture: Image.Image, quality: int) -> Image.Image:
    half = picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.BICUBIC)
    return _compressed(half, quality).resize(picture.size, Image.Resampling.BICUBIC)


def _psnr(change: NDArray[np.int16]) -> float:
    return float(10 * np.log10(255**2 / max(float(np.mean(change.astype(np.float64) ** 2)), 1e-9)))


def _compressed(picture: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def _holds(picture: Image.Image, mark: int, key: bytes) -> bool:
    return checked.read(_sums(_brightness(picture), key), key) == mark


def _anywhere(picture: Image.Image, key: bytes) -> tuple[int, tuple[int, int]] | None:
    """The mark of a picture whose edges were cut off, and where the tile begins."""
    spectrum = _whitened(np.fft.fft2(_fold(_edges(_brightness(picture)))))
    sums = np.fft.ifft2(spectrum * np.conj(_spectra(key)), axes=(1, 2)).real
    for place in _likely(np.abs(sums).sum(axis=0)):
        mark = checked.read(sums[:, place[0], place[1]], key)
        if mark is not None:
            return mark, place
    return None


def _brightness(picture: Image.Image) -> Floats:
    brightness: Floats = np.asarray(picture.convert("RGB"), dtype=np.float64) @ LUMA
    return brightness


def _sums(brightness: Floats, key: bytes) -> Floats:
    """How much of each sign's waves a picture holds."""
    sums: Floats = np.tensordot(_waves(key), _fold(brightness), axes=2) / np.sqrt(brightness.size)
    return sums


def _fold(brightness: Floats) -> Floats:
    """The sum of all tiles; what is missing of the last ones counts as the mean."""
    height, width = brightness.shape
    rows, columns = -(-height // TILE), -(-width // TILE)
    filled = np.pad(brightness - brightness.mean(), ((0, rows * TILE - height), (0, columns * TILE - width)))
    folded: Floats = filled.reshape(rows, TILE, columns, TILE).sum(axis=(0, 2))
    return folded


def _edges(brightness: Floats) -> Floats:
    """Each pixel less its neighbours: what is long, and would leak over the cut edges into all waves, is gone."""
    inner = brightness[1:-1, 1:-1]
    edges: Floats = (
        4 * inner - brightness[:-2, 1:-1] - brightness[2:, 1:-1] - brightness[1:-1, :-2] - brightness[1:-1, 2:]
    )
    return edges


def _whitened(spectrum: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """All lengths of waves made equally strong: pictures hold far more of the long ones."""
    rings = np.rint(_radius()).astype(int)
    strength = np.bincount(rings.ravel(), np.abs(spectrum).ravel()) / np.bincount(rings.ravel())
    # The waves' own weights are there for the same reason; once is enough.
    return spectrum / (strength[rings] * np.maximum(_radius(), 1) + 1e-9)


def _likely(scores: Floats) -> list[tuple[int, int]]:
    best = np.argsort(scores, axis=None)[::-1][:PLACES]
    return [(int(place) // TILE, int(place) % TILE) for place in best]


def _same_shape(size: tuple[int, int], own: tuple[int, int]) -> bool:
    """Whether scaling `size` could have made `own`: sides are rounded to pixels."""
    scale = own[0] / size[0]
    return 0.25 <= scale <= 4 and abs(own[1] - size[1] * scale) <= max(1.0, scale)


@lru_cache(4)
def _waves(key: bytes) -> Floats:
    """For each sign a tile of its own waves, mean square 1. All are orthogonal to each other."""
    random = np.random.Generator(np.random.PCG64(int.from_bytes(hashlib.sha256(b"waves" + key).digest()[:16])))
    rows, columns = np.nonzero((_radius() >= LOWEST) & (_radius() <= HIGHEST))
    # Of each wave and its mirror image one; a sine and a cosine of it are two that are free.
    half = [(row, column) for row, column in zip(rows, columns, strict=True) if _comes_first(int(row), int(column))]
    free = [(row, column, turn) for row, column in half for turn in (0.0, 0.25)]
    order = random.permutation(len(free))
    turns = random.uniform(size=len(half))
    y, x = np.mgrid[:TILE, :TILE] / TILE
    tiles = np.zeros((checked.SIGNS, TILE, TILE))
    for number, index in enumerate(order):
        row, column, turn = free[index]
        flip = 1 - 2 * int(random.integers(2))
        # The longer a wave the more of it pictures hold themselves: it counts less.
        weight = flip * np.hypot(min(row, TILE - row), min(column, TILE - column))
        tiles[number % checked.SIGNS] += weight * np.cos(2 * np.pi * (row * y + column * x + turn + turns[index // 2]))
    tiles /= np.sqrt((tiles**2).mean(axis=(1, 2), keepdims=True))
    return tiles


def _comes_first(row: int, column: int) -> bool:
    return (row, column) < ((TILE - row) % TILE, (TILE - column) % TILE)


@lru_cache(4)
def _spectra(key: bytes) -> NDArray[np.complex128]:
    return np.fft.fft2(_waves(key))


@lru_cache
def _radius() -> Floats:
    """Cycles per tile of each entry of a tile's Fourier transform."""
    cycles = np.fft.fftfreq(TILE, 1 / TILE)
    radius: Floats = np.hypot(*np.meshgrid(cycles, cycles))
    return radius
