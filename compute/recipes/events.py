"""What a training program tells the world: one JSON object per line, on stdout and in a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, Self, TypeAlias

Field: TypeAlias = "str | int | float | bool | list[str] | None"


class EventLog:
    """Writes events such as `{"event": "step", "step": 20, "loss": 0.31}`.

    The file keeps growing over restarts. Every line is flushed, so that a killed program
    has told all it knew.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[str] = path.open("a", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def emit(self, event: str, **fields: Field) -> None:
        line = json.dumps({"event": event, **{k: _short(v) for k, v in fields.items()}})
        for stream in (sys.stdout, self._file):
            stream.write(line + "\n")
            stream.flush()


def _short(value: Field) -> Field:
    """Six significant digits are enough for a chart and readable for people."""
    return float(f"{value:.6g}") if isinstance(value, float) else value
