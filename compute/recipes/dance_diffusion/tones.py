"""`python -m compute.recipes.dance_diffusion.tones FOLDER` writes a small data set of sounds made by formula.

Tones with overtones, chords of three of them, and drums: everything that a model must get
right to be told from noise (pitch, harmony, onset, decay), and no person's recording.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
import soundfile
from datasets import Audio, Dataset, Features, Value
from numpy.typing import NDArray

KINDS = ("tone", "chord", "percussion")
LOWEST = 110.0  # Hz, the note A2
STEPS = (0, 2, 3, 5, 7, 8, 10, 12, 14, 15, 17, 19)  # half tones above it: a minor scale
OVERTONES = 5
CHORDS = ((0, 3, 7), (3, 7, 10), (5, 8, 12), (7, 10, 14))


def make_sound(random: np.random.Generator, kind: str, *, rate: int, seconds: float) -> NDArray[np.float32]:
    """One channel in -1..1. Equal arguments give equal sounds."""
    times = np.arange(round(rate * seconds)) / rate
    if kind == "percussion":
        sound = sum(_hit(random, times, onset) for onset in (0.0, *random.choice([0.25, 0.5, 0.75], 2, replace=False)))
    else:
        steps = CHORDS[int(random.integers(len(CHORDS)))] if kind == "chord" else (int(random.choice(STEPS)),)
        sound = sum(_note(random, times, LOWEST * 2.0 ** (step / 12)) for step in steps)
    peak = np.abs(sound).max() + 1e-9
    return np.asarray(sound / peak * random.uniform(0.5, 0.9), np.float32)


def write_parquet(
    folder: Path,
    *,
    train: int,
    test: int,
    seed: int = 0,
    rate: int = 8000,
    seconds: float = 1.0,
    licence: str = "cc0-1.0",
) -> None:
    """A data set that the hub and `datasets` read, with a card that names its licence."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    # Bytes and name first: given as sounds they would be encoded anew, for which `datasets` wants more packages.
    undecoded = Features({"audio": {"bytes": Value("binary"), "path": Value("string")}, "kind": Value("string")})
    for number, (split, count) in enumerate({"train": train, "test": test}.items()):
        random = np.random.default_rng(seed + number)
        kinds = [KINDS[place % len(KINDS)] for place in range(count)]
        sounds = [as_wav(make_sound(random, kind, rate=rate, seconds=seconds), rate) for kind in kinds]
        rows = [{"bytes": data, "path": f"{split}-{place:05d}.wav"} for place, data in enumerate(sounds)]
        table = Dataset.from_dict({"audio": rows, "kind": kinds}, features=undecoded)
        table.cast_column("audio", Audio()).to_parquet(folder / "data" / f"{split}-00000-of-00001.parquet")
    front = f"---\nlicense: {licence}\ntask_categories: [audio-classification]\ntags: [synthetic, audio]\n---"
    words = f"Tones, chords and drums of {seconds:g} s at {rate} Hz, made by formula."
    (folder / "README.md").write_text(f"{front}\n\n# Tones, chords and drums\n\n{words}\n", encoding="utf-8")


def as_wav(samples: NDArray[np.float32], rate: int) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


def _note(random: np.random.Generator, times: NDArray[np.float64], pitch: float) -> NDArray[np.float64]:
    """A plucked string: overtones that fade the faster the higher they are."""
    decay = random.uniform(1.5, 4.0)
    overtones = [
        np.sin(2 * np.pi * pitch * n * times + random.uniform(0, 2 * np.pi)) * np.exp(-decay * n * times) / n
        for n in range(1, OVERTONES + 1)
    ]
    return np.minimum(1.0, times / 0.01) * np.sum(overtones, axis=0)


def _hit(random: np.random.Generator, times: NDArray[np.float64], onset: float) -> NDArray[np.float64]:
    """A drum: a falling tone and a burst of noise."""
    since = np.maximum(0.0, times - onset * times[-1])
    started = times >= onset * times[-1]
    skin = np.sin(2 * np.pi * 90.0 * (1.0 - np.exp(-12.0 * since)) / 2.0 + 2 * np.pi * 60.0 * since)
    noise = random.normal(size=len(times)) * random.uniform(0.2, 0.6)
    return np.asarray(started * (skin * np.exp(-10.0 * since) + noise * np.exp(-40.0 * since)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m compute.recipes.dance_diffusion.tones", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--train", type=int, default=1200)
    parser.add_argument("--test", type=int, default=96)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=int, default=8000, help="Hz")
    parser.add_argument("--seconds", type=float, default=1.0)
    asked = parser.parse_args()
    write_parquet(
        asked.folder, train=asked.train, test=asked.test, seed=asked.seed, rate=asked.rate, seconds=asked.seconds
    )


if __name__ == "__main__":
    main()
