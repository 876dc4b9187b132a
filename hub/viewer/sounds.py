"""What a sound file holds: how long it is, at which rate, and what it looks like."""

from dataclasses import dataclass

import numpy as np

from hub.algorithms import spectrograms
from hub.algorithms.sound_files import NoSound, blocks, media_type, opened
from hub.algorithms.sound_files import prepare as prepare_decoder

WIDTH, HEIGHT = 960, 240  # pixels
_LONGEST = 2**25  # samples that are looked at: twelve minutes at 44.1 kHz


@dataclass(frozen=True)
class Sound:
    """`frames` is the length in samples at `rate`; `seen` are those that the picture shows."""

    type: str
    frames: int
    rate: int
    channels: int
    seen: int
    picture: bytes


def prepare() -> None:
    """Load what is loaded late, while files can still be opened."""
    look_into(prepare_decoder())


def look_into(data: bytes) -> Sound:
    """The facts and the spectrogram of a WAV, FLAC, MP3 or Ogg file. Raises NoSound."""
    with opened(data) as file:
        parts = [block.mean(axis=1) for block in blocks(file, longest=_LONGEST)]
        rate, channels, frames = int(file.samplerate), int(file.channels), file.frames
    samples = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    if not len(samples):
        raise NoSound("it is empty")
    # A damaged head may promise what is not there.
    frames = frames if len(samples) >= min(frames, _LONGEST) else len(samples)
    drawn = spectrograms.picture(np.clip(samples, -1.0, 1.0), rate, width=WIDTH, height=HEIGHT)
    kind = media_type(data[:16])
    return Sound(kind, frames, rate, channels, len(samples), spectrograms.png(drawn))
