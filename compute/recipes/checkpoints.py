"""Checkpoints that are whole or absent: a kill at any moment leaves the last whole one."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from compute.recipes.refusal import Refused

STATE, FACTS = "state.pt", "checkpoint.json"
KEPT = 2
TOLD, LONGEST = 5, 60  # differences in a refusal, and the characters of a value
MISSING = object()


@dataclass(frozen=True)
class Checkpoint:
    """`seconds` is the training time spent up to `step`, over all attempts."""

    step: int
    seconds: float
    state: dict[str, Any]


def save_checkpoint(
    folder: Path, checkpoint: Checkpoint, *, fingerprint: str, shaping: Mapping[str, Any] | None = None
) -> Path:
    """Writes `folder/step-00000200` in one rename, durable on disk, and keeps the newest two.

    `shaping` is what the fingerprint stands for, by the keys of the configuration: plain data.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob(".writing-*"):
        shutil.rmtree(leftover)
    writing = folder / f".writing-{checkpoint.step:08d}"
    writing.mkdir()
    torch.save(checkpoint.state, writing / STATE)
    facts = {
        "step": checkpoint.step,
        "seconds": checkpoint.seconds,
        "fingerprint": fingerprint,
        "shaping": shaping or {},
        "sha256": _digest(writing / STATE),
    }
    (writing / FACTS).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    for path in (writing / STATE, writing / FACTS, writing):
        _to_disk(path)
    final = folder / f"step-{checkpoint.step:08d}"
    if final.exists():
        shutil.rmtree(final)
    writing.rename(final)
    _to_disk(folder)
    for old in _finished(folder)[:-KEPT]:
        shutil.rmtree(old)
    return final


def load_newest(folder: Path, *, fingerprint: str, shaping: Mapping[str, Any] | None = None) -> Checkpoint | None:
    """The newest checkpoint whose bytes are as written, or None.

    Raises Refused, naming what differs, when it belongs to another configuration: going on would mix two runs.
    """
    for path in reversed(_finished(folder)):
        try:
            facts = json.loads((path / FACTS).read_text(encoding="utf-8"))
            if _digest(path / STATE) != facts["sha256"]:
                continue
        except (OSError, ValueError, KeyError):
            continue
        if facts["fingerprint"] != fingerprint:
            raise Refused(
                f"The checkpoint {path} was made with another configuration or data set"
                f"{_differences(facts.get('shaping'), shaping)}. "
                "Choose a new 'output' folder, or delete its checkpoints to start over."
            )
        state = torch.load(path / STATE, map_location="cpu", weights_only=True)
        return Checkpoint(step=facts["step"], seconds=facts["seconds"], state=state)
    return None


def fingerprint_of(facts: object) -> str:
    """A short name for everything that shapes the weights; `facts` is plain data."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def _differences(before: object, now: object) -> str:
    """What differs, in words; nothing where an old checkpoint does not say."""
    if not (isinstance(before, dict) and isinstance(now, Mapping) and before and now):
        return ""
    old, new = _by_key(before), _by_key(now)
    different = [key for key in {**new, **old} if old.get(key, MISSING) != new.get(key, MISSING)]
    told = [f"{key} is {_shown(new, key)} and was {_shown(old, key)}" for key in different[:TOLD]]
    if len(different) > TOLD:
        told.append(f"{len(different) - TOLD} more differ")
    return f": {'; '.join(told)}" if told else ""


def _by_key(facts: Mapping[str, Any], place: str = "") -> dict[str, Any]:
    """Nested sections as one level, by keys such as "training.steps"."""
    flat: dict[str, Any] = {}
    for key, value in facts.items():
        flat |= _by_key(value, f"{place}{key}.") if isinstance(value, dict) else {f"{place}{key}": value}
    return flat


def _shown(facts: Mapping[str, Any], key: str) -> str:
    if key not in facts:
        return "not there"
    text = json.dumps(facts[key], ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _finished(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*"))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
