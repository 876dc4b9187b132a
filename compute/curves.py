"""Every number that a job told over its steps: in its events, and in TensorBoard's files among what it wrote."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from compute.algorithms.tensorboard import Point, scalars

NOT_CURVES = frozenset({"event", "step", "of"})
MOST_CURVES = 40
LONGEST_NAME = 60
# The page asks every few seconds: what is read each time must stay small.
MOST_BYTES = 2 * 2**20
MOST_FOLDERS = 200
MARK = ".tfevents."


def curves_of(events: list[dict[str, Any]], work: Path) -> dict[str, list[Point]]:
    """Name to (step, value) in order of steps. What events say counts before what files say of the same."""
    told: dict[str, dict[int, float]] = {}
    for event in events:
        step = event.get("step")
        if isinstance(step, int) and 0 <= step < 2**53:
            for name, value in _numbers(event):
                told.setdefault(name, {})[step] = value
    for name, points in _from_files(work).items():
        # Recipes write the same to both, there below a heading.
        if name.partition("/")[2] not in told:
            told.setdefault(name, dict(points))
    kept = list(told.items())[:MOST_CURVES]
    return {name: sorted(points.items()) for name, points in kept}


def _numbers(event: dict[str, Any]) -> list[tuple[str, float]]:
    if event.get("event") == "metric" and isinstance(event.get("name"), str):
        pairs = [(event["name"], event.get("value"))]
    elif event.get("event") == "step":
        pairs = [(name, value) for name, value in event.items() if name not in NOT_CURVES]
    else:
        pairs = []
    found = []
    for name, value in pairs:
        if isinstance(value, int | float) and not isinstance(value, bool):
            with suppress(OverflowError):
                found.append((name[:LONGEST_NAME], float(value)))
    return found


def _from_files(work: Path) -> dict[str, list[Point]]:
    found: dict[str, list[Point]] = {}
    for _path, data in event_files(work):
        for tag, points in scalars(data).items():
            found.setdefault(tag, []).extend(points)
    return found


def event_files(work: Path) -> Iterator[tuple[str, bytes]]:
    """TensorBoard's files below `work`, as much of them as is read, reached without following any link."""
    left = MOST_BYTES
    with suppress(OSError):
        for count, (folder, folders, files, here) in enumerate(os.fwalk(work, follow_symlinks=False)):
            if count >= MOST_FOLDERS:
                break
            folders.sort()
            for name in sorted(files):
                if MARK in name and left > 0:
                    data = _read(name, here, left)
                    left -= len(data)
                    yield str(Path(folder, name).relative_to(work)), data


def _read(name: str, folder: int, most: int) -> bytes:
    # Without blocking: the name might be a pipe that nobody writes to.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    with suppress(OSError), os.fdopen(os.open(name, flags, dir_fd=folder), "rb") as file:
        return file.read(most)
    return b""
