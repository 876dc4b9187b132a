"""What a sound file holds: how long it is, at which rate, and what it looks like."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import soundfile

from hub.algorithms import spectrograms
from hub.algorithms.spectrograms import Floats
from hub.viewer import media

WIDTH, HEIGHT = 960, 240  # pixels
_LONGEST = 2**25  # samples that are looked at: twelve minutes at 44.1 kHz
_BLOCK = 2**16


class NoSound(Exception):
    """These bytes are none that can be played, or they are damaged."""


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
    file = io.BytesIO()
    soundfile.write(file, np.zeros(512), 8000, format="WAV")
    look_into(file.getvalue())


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
    kind = media.sound_type(data[:16])
    return Sound(kind, frames, rate, channels, len(samples), spectrograms.png(drawn))


@contextmanager
def opened(data: bytes) -> Iterator[soundfile.SoundFile]:
    """For reading, inside of the cage only. Raises NoSound, then and while it is read."""
    if not media.sound_type(data[:16]):
        raise NoSound("it does not begin like WAV, FLAC, MP3 or Ogg")
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            yield file
    except (soundfile.SoundFileError, ValueError, TypeError) as error:
        raise NoSound(str(error)[:200]) from error


def blocks(file: soundfile.SoundFile, *, longest: int) -> Iterator[Floats]:
    """Its samples (n, channels), all of them finite, until `longest` were read."""
    seen = 0
    while seen < min(file.frames, longest):
        block = file.read(_BLOCK, dtype="float32", always_2d=True)
        if not len(block):
            return
        seen += len(block)
        yield np.nan_to_num(block, posinf=1.0, neginf=-1.0)
