"""What a sound looks like: loudness over time and pitch, by the mel scale that hearing follows."""

import io
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]

BANDS = 64
QUIETEST = 80.0  # decibels below the loudest that are still seen
_WINDOW = 1024  # samples, of a rate of 16 kHz or more
_SHORTEST = 256
# From dark to bright, even to those who see no colours.
_STOPS = ((0, 0, 4), (59, 15, 112), (140, 41, 129), (222, 73, 104), (254, 159, 109), (252, 253, 191))


def levels(samples: Floats, rate: int, *, bands: int = BANDS, frames: int = 0) -> Floats:
    """Decibels (bands, frames) of one channel, low pitches first. With `frames` about that many, else overlapping."""
    window = _WINDOW if rate >= 16_000 else max(_SHORTEST, _WINDOW * rate // 16_000 // 2 * 2)
    padded = np.pad(samples, (0, max(0, window - len(samples))))
    hop = max(1, (len(padded) - window) // max(1, frames - 1)) if frames else window // 4
    starts = np.arange(0, len(padded) - window + 1, hop)[: frames or None]
    shape = np.hanning(window).astype(np.float32)
    weights = _mel(bands, window // 2 + 1, rate)
    powers = [weights @ np.abs(np.fft.rfft(padded[start : start + window] * shape)) ** 2 for start in starts]
    return np.asarray(10.0 * np.log10(np.stack(powers, axis=1) + 1e-10), np.float32)


def picture(samples: Floats, rate: int, *, width: int, height: int) -> Image.Image:
    """A spectrogram, time from left to right, low pitches at the bottom."""
    found = levels(samples, rate, frames=width)
    seen = np.clip((found - found.max() + QUIETEST) / QUIETEST, 0.0, 1.0)
    if found.max() < -QUIETEST:  # silence has no loudest place
        seen = np.zeros_like(seen)
    pixels = Image.fromarray(_colours()[(seen[::-1] * 255).astype(np.uint8)])
    return pixels.resize((width, height), Image.Resampling.BILINEAR)


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


@lru_cache(maxsize=16)
def _mel(bands: int, bins: int, rate: int) -> Floats:
    """Triangles (bands, bins), evenly spaced in mel (2595 log10(1 + f / 700))."""
    top = 2595.0 * np.log10(1.0 + rate / 2 / 700.0)
    edges = 700.0 * (10.0 ** (np.linspace(0.0, top, bands + 2) / 2595.0) - 1.0)
    places = np.linspace(0.0, rate / 2, bins)
    # No triangle narrower than what the window tells apart, or low bands would be empty.
    least = rate / 2 / (bins - 1)
    rising = (places - edges[:-2, None]) / np.maximum(np.diff(edges)[:-1, None], least)
    falling = (edges[2:, None] - places) / np.maximum(np.diff(edges)[1:, None], least)
    return np.maximum(0.0, np.minimum(np.minimum(rising, falling), 1.0)).astype(np.float32)


@lru_cache(maxsize=1)
def _colours() -> NDArray[np.uint8]:
    stops = np.asarray(_STOPS, np.float64)
    places = np.linspace(0, len(stops) - 1, 256)
    channels = [np.interp(places, np.arange(len(stops)), stops[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=1).round().astype(np.uint8)
