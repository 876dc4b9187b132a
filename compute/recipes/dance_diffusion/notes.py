"""Listens to made sounds without a learned judge: is a note or a chord of the data set of tones clearly there?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compute.recipes.dance_diffusion.tones import CHORDS, LOWEST, OVERTONES, STEPS

CLEAR = 0.8  # share of a sound's energy that the overtones of one note or chord hold
NARROW = 4.0  # Hz: how far beside an overtone energy is still counted as its own


def clear_share(clips: NDArray[np.float32], rate: int) -> float:
    """The share, 0 to 1, of sounds that are clearly one note or chord. Of the data two thirds are, drums are not."""
    return float(np.mean([strongest(clip.mean(axis=0), rate) >= CLEAR for clip in clips]))


def strongest(sound: NDArray[np.float32], rate: int) -> float:
    """The largest share of the energy that any note or chord of the data holds."""
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 2 * len(sound))) ** 2
    pitches = np.arange(len(power), dtype=np.float64) * (rate / (2 * len(sound)))
    whole = power.sum() + 1e-12
    return max(float(power[_heard(pitches, steps)].sum() / whole) for steps in [*((step,) for step in STEPS), *CHORDS])


def _heard(pitches: NDArray[np.float64], steps: tuple[int, ...]) -> NDArray[np.bool_]:
    lines = [LOWEST * 2.0 ** (step / 12) * number for step in steps for number in range(1, OVERTONES + 1)]
    return (np.abs(pitches[:, None] - lines) <= NARROW).any(axis=1)
