"""Sounds on disk, one after another: streamed once, then cropped at any place without filling memory."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from itertools import islice
from math import gcd
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import soundfile
import torch
from huggingface_hub import HfApi, HfFileSystem
from numpy.typing import NDArray
from scipy.signal import resample_poly
from torch import Tensor

from compute.recipes.checkpoints import fingerprint_of
from compute.recipes.configuration import as_plain
from compute.recipes.data.config import SOUND_ENDINGS, Part, SoundsConfig, none_left, part_of
from compute.recipes.data.facts import DatasetFacts
from compute.recipes.data.opt_outs import LeftOut
from compute.recipes.data.rows import stream
from compute.recipes.hub import told_as_refusal
from compute.recipes.refusal import Refused

INDEX, SAMPLES = "index.json", "samples.s16"
LOUDEST = 32767


@dataclass(frozen=True)
class Sounds:
    """`samples` (n, channels) int16, on disk; `starts` has one more place than there are sounds."""

    samples: NDArray[np.int16]
    starts: list[int]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def crop(self, row: int, place: float, length: int) -> Tensor:
        """A piece (channels, length) in -1..1; `place` 0..1 is where it lies. Silence follows what is shorter."""
        start, end = self.starts[row], self.starts[row + 1]
        start += int(place * max(0, end - start - length))
        piece = torch.from_numpy(self.samples[start : min(end, start + length)].astype(np.float32) / LOUDEST).T
        return torch.nn.functional.pad(piece, (0, length - piece.shape[1]))


def load_sounds(
    config: SoundsConfig, facts: DatasetFacts, left_out: LeftOut, folder: Path, *, test: bool = False
) -> Sounds:
    """The split's sounds, from `folder` when they are there already, else streamed into it first."""
    part = part_of(config, test=test)
    plain = as_plain(config)
    for place in ("id", "path", "revision", "test_split", "most_test", "length"):
        plain.pop(place)
    key = fingerprint_of([facts.source.id, facts.source.revision, *astuple(part), plain, left_out.plain()])
    cache = folder / f"sounds-{key}"
    if not cache.exists():
        _write(cache, _rows(config, facts, part, left_out), config, part.split)
    starts = json.loads((cache / INDEX).read_text(encoding="utf-8"))
    return Sounds(np.memmap(cache / SAMPLES, np.int16, mode="r").reshape(-1, config.channels), starts)


def decoded(data: bytes, *, rate: int, channels: int) -> NDArray[np.float32]:
    """A sound file as samples (n, channels) at this rate. Raises soundfile.LibsndfileError for what is none."""
    samples, own = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    if samples.shape[1] != channels:
        samples = np.repeat(samples.mean(axis=1, keepdims=True), channels, axis=1)
    if own != rate and len(samples):
        common = gcd(own, rate)
        samples = resample_poly(samples, rate // common, own // common, axis=0)
    return np.asarray(samples, np.float32)


def _write(cache: Path, rows: Iterable[tuple[str, bytes]], config: SoundsConfig, split: str) -> None:
    """Whole or absent: what was cut off is written anew."""
    writing = cache.with_name("." + cache.name)
    shutil.rmtree(writing, ignore_errors=True)
    writing.mkdir(parents=True)
    starts = [0]
    with (writing / SAMPLES).open("wb") as file:
        for name, data in rows:
            try:
                samples = decoded(data, rate=config.sample_rate, channels=config.channels)
            except soundfile.LibsndfileError as error:
                raise Refused(f"The sound {name} cannot be read: {error} Repair it or take it out.") from error
            if len(samples):
                file.write((np.clip(samples, -1.0, 1.0) * LOUDEST).round().astype(np.int16).tobytes())
                starts.append(starts[-1] + len(samples))
    if len(starts) == 1:
        raise Refused(f"The data set has no sounds left in {split!r}. {none_left(config)}")
    (writing / INDEX).write_text(json.dumps(starts), encoding="utf-8")
    writing.rename(cache)


def _rows(config: SoundsConfig, facts: DatasetFacts, part: Part, left_out: LeftOut) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each sound."""
    paths = _files(config, facts)
    if not any(path.endswith(".parquet") for path in paths):
        named = [path for path in paths if _is_of(path, part.split)]
        yield from _from_files(config, facts, named[part.start : part.end or None], left_out, part.most)
        return
    table = stream(config, facts, part, left_out, columns=(config.audio_column,))
    for number, row in table:
        sound: dict[str, Any] = row[config.audio_column] or {}
        place = f"of row {number} of {part.split!r} in the column {config.audio_column!r}"
        yield f"{sound.get('path') or ''} {place}".strip(), sound.get("bytes") or b""


def _from_files(
    config: SoundsConfig, facts: DatasetFacts, paths: list[str], left_out: LeftOut, most: int
) -> Iterator[tuple[str, bytes]]:
    root = f"datasets/{facts.source.id}@{facts.source.revision}"

    def read(path: str) -> bytes:
        if config.path:
            return (Path(config.path) / path).read_bytes()
        with told_as_refusal(f"The sound {path} cannot be downloaded", "Try the same command again."):
            data: bytes = HfFileSystem().cat_file(f"{root}/{path}")
            return data

    found = ((path, read(path)) for path in paths)
    kept = (each for each in found if not left_out.names({"path": each[0], "bytes": each[1]}))
    yield from islice(kept, most or None)


def _files(config: SoundsConfig, facts: DatasetFacts) -> list[str]:
    """Paths within the data set, of Parquet and sounds, in order."""
    if config.path:
        root = Path(config.path)
        paths = [path.relative_to(root).as_posix() for path in root.rglob("*")]
    else:
        with told_as_refusal(f"The data set {config.id} cannot be read", "Check 'dataset.id'."):
            paths = HfApi().list_repo_files(config.id, repo_type="dataset", revision=facts.source.revision)
    return sorted(path for path in paths if path.lower().endswith((".parquet", *SOUND_ENDINGS)))


def _is_of(path: str, split: str) -> bool:
    return split in PurePosixPath(path).parts[:-1]
