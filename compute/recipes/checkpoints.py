"""Checkpoints that are whole or absent: a kill at any moment leaves the last whole one."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from compute.recipes.refusal import Refused

STATE, FACTS = "state.pt", "checkpoint.json"
KEPT = 2


@dataclass(frozen=True)
class Checkpoint:
    """`seconds` is the training time spent up to `step`, over all attempts."""

    step: int
    seconds: float
    state: dict[str, Any]


def save_checkpoint(folder: Path, checkpoint: Checkpoint, *, fingerprint: str) -> Path:
    """Writes `folder/step-00000200` in one rename, durable on disk, and keeps the newest two."""
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


def load_newest(folder: Path, *, fingerprint: str) -> Checkpoint | None:
    """The newest checkpoint whose bytes are as written, or None.

    Raises Refused when it belongs to another configuration: going on would mix two runs.
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
                f"The checkpoint {path} was made with another configuration or data set. "
                "Choose a new 'output' folder, or delete its checkpoints to start over."
            )
        state = torch.load(path / STATE, map_location="cpu", weights_only=True)
        return Checkpoint(step=facts["step"], seconds=facts["seconds"], state=state)
    return None


def fingerprint_of(facts: object) -> str:
    """A short name for everything that shapes the weights; `facts` is plain data."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


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
