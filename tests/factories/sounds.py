"""Short sounds as files."""

import io

import numpy as np
import soundfile


def sound(
    *, seconds: float = 0.5, rate: int = 8000, channels: int = 1, pitch: float = 440.0, kind: str = "WAV"
) -> bytes:
    """A tone in WAV, FLAC, MP3 or OGG."""
    tone = 0.5 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)
    file = io.BytesIO()
    soundfile.write(file, np.repeat(tone[:, None], channels, axis=1), rate, format=kind)
    return file.getvalue()
