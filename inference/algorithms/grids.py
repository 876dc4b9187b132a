"""Grids over one or two parameters: reading lists of values, and what each cell asks for."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

WHOLE = ("steps", "seed")
REAL = ("guidance", "strength", "lora_scale", "seconds")
TEXTS = ("scheduler", "model", "words")
NAMES = (*WHOLE, *REAL, *TEXTS)
OF_SOUNDS = ("seed", "steps", "seconds", "model")
MAX_VALUES = 12


class BadValues(ValueError):
    """`args[0]` is the value that is wrong; empty when there are too few or too many."""


@dataclass(frozen=True)
class Axis:
    """A parameter and the values that it takes, one a column or row.

    `lora_scale` is that of the first LoRA.
    For `words` the first value is the text that the prompt has, each value in turn takes its place.
    """

    name: str
    values: list[Any] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "values": self.values}


def axis_of(name: str, text: str) -> Axis:
    """Values stand one a line, or between commas when there is one line. Raises BadValues."""
    lines = text.strip().splitlines()
    parts = lines if len(lines) > 1 else text.replace("，", ",").split(",")
    words = [part.strip() for part in parts if part.strip()]
    values = list(dict.fromkeys(_value(name, word) for word in words))
    if not 2 <= len(values) <= MAX_VALUES:
        raise BadValues("")
    return Axis(name, values)


def cells(columns: Axis, rows: Axis | None) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """(row, column, what is different there)."""
    for row, below in enumerate(rows.values if rows else [None]):
        for column, above in enumerate(columns.values):
            changes = {columns.name: above}
            yield row, column, changes | ({rows.name: below} if rows else {})


def replaced(prompt: str, *, words: str, by: str) -> str:
    """The prompt with `by` in place of `words`, everywhere."""
    return prompt.replace(words, by)


def _value(name: str, word: str) -> Any:
    try:
        if name in WHOLE:
            return int(word)
        if name in REAL and math.isfinite(value := float(word)):
            return value
    except ValueError:
        raise BadValues(word) from None
    if name in REAL:
        raise BadValues(word)
    return word
