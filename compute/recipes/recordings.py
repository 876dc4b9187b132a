"""Sounds that a model made, for cards and for those who listen to a training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from PIL import Image

from compute.recipes.sheets import contact_sheet
from hub.algorithms import spectrograms

PAUSE = 0.25  # seconds between two sounds
TILE = (256, 128)  # pixels of a spectrogram


@dataclass(frozen=True)
class Recording:
    """`clips` (n, channels, samples) in -1..1, at `rate` Hz."""

    clips: NDArray[np.float32]
    rate: int

    def write(self, path: Path) -> None:
        """All clips one after another as one WAV file of 16 bits."""
        count, channels, _length = self.clips.shape
        pause = np.zeros((count, channels, round(PAUSE * self.rate)), np.float32)
        line = np.concatenate([self.clips, pause], axis=2).transpose(0, 2, 1).reshape(-1, channels)
        soundfile.write(path, line, self.rate, format="WAV", subtype="PCM_16")

    def picture(self) -> Image.Image:
        """Their spectrograms side by side."""
        width, height = TILE
        return contact_sheet(
            [spectrograms.picture(clip.mean(axis=0), self.rate, width=width, height=height) for clip in self.clips],
            columns=4,
        )
