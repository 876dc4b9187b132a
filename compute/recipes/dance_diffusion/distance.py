"""How far made sounds are from real ones, by what can be heard of them and without a learned judge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import sqrtm

from hub.algorithms import spectrograms

BANDS = 32
TINY = 1e-9
FLOOR = -60.0  # decibels; what is quieter than that is silence

Doubles = NDArray[np.float64]


def frames_of(clips: NDArray[np.float32], rate: int) -> Doubles:
    """Loudness in 32 bands of pitch (frames of all clips, bands), in units of ten decibels."""
    found = [spectrograms.levels(clip.mean(axis=0), rate, bands=BANDS) for clip in clips]
    return np.maximum(np.concatenate(found, axis=1).T.astype(np.float64), FLOOR) / 10.0


def spectral_distance(real: Doubles, made: Doubles) -> float:
    """The Fréchet distance of the two clouds of frames (arXiv 1812.08466, with these features); 0 when alike."""
    means = real.mean(axis=0) - made.mean(axis=0)
    one, two = np.cov(real, rowvar=False), np.cov(made, rowvar=False)
    # Of few sounds these are singular; what makes them regular is far below what frames differ by.
    regular = np.eye(len(one)) * TINY
    both = sqrtm((one + regular) @ (two + regular)).real
    return max(0.0, float(means @ means + np.trace(one) + np.trace(two) - 2.0 * np.trace(both)))
