"""Sounds as hearing takes them: frames of frequencies, what each of them covers, and the same at another rate."""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from inference.algorithms.convolution import Floats

Frames = NDArray[np.complex128]

FRAME = 1024  # samples: 64 ms at 16 kHz
HOP = FRAME // 2
# Of a tone in the ear, decibels per Bark (Schroeder and others, 1979): it covers more above itself than below.
UPWARDS, DOWNWARDS = 10.0, 25.0
# How far the geometric mean of powers lies below the arithmetic one, decibels: in noise, and beside tones.
NOISE, TONE = -3.0, -8.0
# How far a frame may cover more than the one before it and the one after it, as factors: a change that begins before
# the sound, or lasts after it, is heard.
RISE, FALL = 3.0, 10.0
# Within frames: blocks of so many samples (4 ms at 16 kHz), what covers later ones fades by so many decibels for each,
# and the block before is covered from so many decibels below.
BLOCK, FADES, BEFORE = 64, 1.0, 10.0
_NOTHING = 1e-12


def resampled(sound: Floats, rate: int, wanted: int) -> Floats:
    """One channel at another rate, exact for all frequencies that both can hold."""
    if rate == wanted:
        return sound
    common = math.gcd(rate, wanted)
    units = _smooth(-(-len(sound) // (rate // common)) + 1)
    spectrum = np.fft.rfft(sound, units * (rate // common))
    length = units * (wanted // common)
    kept = np.zeros(length // 2 + 1, complex)
    shared = min(len(kept), len(spectrum))
    kept[:shared] = spectrum[:shared]
    same: Floats = np.fft.irfft(kept, length)[: -(-len(sound) * wanted // rate)] * (wanted / rate)
    return same


def frames(sound: Floats) -> Frames:
    """Overlapping frames (n, FRAME / 2 + 1); every sample is in two of them."""
    padded = np.pad(sound, (HOP, HOP + -len(sound) % HOP))
    seen: Frames = np.fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP] * _window())
    return seen


def joined(seen: Frames, length: int) -> Floats:
    """The samples of which `frames` makes these."""
    parts = np.fft.irfft(seen, FRAME) * _window()
    sound = np.zeros((len(parts) + 1, HOP))
    sound[:-1] += parts[:, :HOP]
    sound[1:] += parts[:, HOP:]
    return sound.ravel()[HOP : HOP + length]


def mask(seen: Frames, rate: int) -> Floats:
    """Magnitudes of noise that the sound itself covers, for each frequency of each frame (after Johnston, 1988).

    Noise covers other noise up to 5.5 dB below itself; a tone covers it from 14.5 dB below, and more in high bands.
    """
    power = np.abs(seen) ** 2
    loud = power @ _reach(rate)
    level = 10.0 * np.log10(loud + _NOTHING)
    flat = 10.0 * np.log10(power + loud * 1e-4 + _NOTHING) @ _reach(rate) - level
    noise = np.clip((flat - TONE) / (NOISE - TONE), 0.0, 1.0)
    below = noise * 5.5 + (1.0 - noise) * (14.5 + _bark(rate))
    covered: Floats = 10.0 ** ((level - below) / 20.0)
    covered[1:] = np.minimum(covered[1:], RISE * covered[:-1])
    covered[:-1] = np.minimum(covered[:-1], FALL * covered[1:])
    return covered


def beneath(change: Floats, sound: Floats, ratio: float) -> Floats:
    """The change, nowhere louder than `ratio` of what the sound covers at that time; silence stays silent."""
    loud = _blocks(sound)
    place = np.arange(len(loud))
    level = 20.0 * np.log10(loud + 1e-9)
    later = np.maximum.accumulate(level + place * FADES) - place * FADES
    earlier = np.append(level[1:], -200.0) - BEFORE
    allowed = ratio * 10.0 ** (np.maximum(later, earlier) / 20.0)
    share = np.where(loud > 0, np.minimum(1.0, allowed / (_blocks(change) + _NOTHING)), 0.0)
    under: Floats = change * np.interp(np.arange(len(change)), (place + 0.5) * BLOCK, share) * (sound != 0)
    return under


def _blocks(sound: Floats) -> Floats:
    """Root mean squares of blocks."""
    blocks = np.pad(sound, (0, -len(sound) % BLOCK)).reshape(-1, BLOCK)
    strength: Floats = np.sqrt((blocks**2).mean(axis=1))
    return strength


@lru_cache(4)
def _reach(rate: int) -> Floats:
    """(from, to), the sum over all that reach a frequency being 1."""
    above = _bark(rate)[None, :] - _bark(rate)[:, None]
    reach: Floats = 10.0 ** (-np.where(above > 0, UPWARDS * above, -DOWNWARDS * above) / 10.0)
    return reach / reach.sum(axis=0)


@lru_cache(4)
def _bark(rate: int) -> Floats:
    """The place in the ear of each frequency (Zwicker and Terhardt, 1980)."""
    pitch = np.arange(FRAME // 2 + 1) * rate / FRAME
    bark: Floats = 13.0 * np.arctan(0.00076 * pitch) + 3.5 * np.arctan((pitch / 7500.0) ** 2)
    return bark


@lru_cache(1)
def _window() -> Floats:
    window: Floats = np.sin(np.pi * (np.arange(FRAME) + 0.5) / FRAME)
    return window


def _smooth(number: int) -> int:
    """The next number without prime factors beyond 5: the Fourier transform is fast there."""
    while True:
        rest = number
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return number
        number += 1
