"""Listens to made sounds without a learned judge: is a note or a chord of the data set of tones clearly there?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compute.recipes.dance_diffusion.tones import CHORDS, LOWEST, OVERTONES, STEPS

CLEAR = 0.8  # share of a sound's energy that the overtones of notes or chords hold
MOMENT = 0.125  # seconds, about as long as it takes to hear a pitch: a sixteenth note
PLACES = 4  # moments begin at each so many-th part of one
LOBE = 2  # lines of the spectrum, beside its own, over which a window spreads a steady tone
FINER = 4  # so many lines of the computed spectrum are one of the window's


def clear_share(clips: NDArray[np.float32], rate: int) -> float:
    """The share, 0 to 1, of sounds that are a clear note or chord at each moment. Of the data two thirds are, drums
    are not."""
    return float(np.mean([strongest(clip.mean(axis=0), rate, MOMENT) >= CLEAR for clip in clips]))


def held_share(clips: NDArray[np.float32], rate: int) -> float:
    """The share of sounds that are one note or chord throughout, in one phase: asks for lines as narrow as a sound is
    long."""
    seconds = clips.shape[-1] / rate
    return float(np.mean([strongest(clip.mean(axis=0), rate, seconds) >= CLEAR for clip in clips]))


def strongest(sound: NDArray[np.float32], rate: int, seconds: float) -> float:
    """The share of the energy that the strongest note or chord of each moment of `seconds` holds."""
    length = min(len(sound), round(rate * seconds))
    starts = range(0, len(sound) - length + 1, max(1, length // PLACES))
    moments = np.stack([sound[start : start + length] for start in starts])
    power = np.abs(np.fft.rfft(moments * np.hanning(length), FINER * length)) ** 2
    pitches = np.arange(power.shape[1], dtype=np.float64) * (rate / (FINER * length))
    narrow = LOBE * rate / length
    held = [power[:, _heard(pitches, steps, narrow)].sum(axis=1) for steps in [*((step,) for step in STEPS), *CHORDS]]
    return float(np.max(held, axis=0).sum() / (power.sum() + 1e-12))


def _heard(pitches: NDArray[np.float64], steps: tuple[int, ...], narrow: float) -> NDArray[np.bool_]:
    lines = [LOWEST * 2.0 ** (step / 12) * number for step in steps for number in range(1, OVERTONES + 1)]
    return (np.abs(pitches[:, None] - lines) <= narrow).any(axis=1)
