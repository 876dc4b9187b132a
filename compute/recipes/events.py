"""What a training program tells the world: one JSON object per line, on stdout and in a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self, TypeAlias

Field: TypeAlias = "str | int | float | bool | list[str] | None"
Listener: TypeAlias = "Callable[[str, Mapping[str, Field]], None]"


class EventLog:
    """Writes events such as `{"event": "step", "step": 20, "loss": 0.31}`.

    The file keeps growing over restarts. Every line is flushed, so that a killed program
    has told all it knew. `listeners` hear every event too. Of many processes one speaks;
    the others are `silent`.
    """

    def __init__(self, path: Path, *, listeners: Sequence[Listener] = (), silent: bool = False) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[str] = path.open("a", encoding="utf-8")
        self._listeners = listeners
        self._silent = silent

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
        if self._silent:
            return
        line = json.dumps({"event": event, **{k: _short(v) for k, v in fields.items()}})
        for stream in (sys.stdout, self._file):
            stream.write(line + "\n")
            stream.flush()
        for listener in self._listeners:
            listener(event, fields)


def _short(value: Field) -> Field:
    """Six significant digits are enough for a chart and readable for people."""
    return float(f"{value:.6g}") if isinstance(value, float) else value
