"""The tensors that headers of safetensors name: folded by the parts of their names, filtered, added up."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

_NUMBERS = re.compile(r"(\d+)")
MAX_WORDS = 10


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor; `parameters` are the numbers that it holds, `file` is where it lies."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    file: str = ""

    @property
    def parameters(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Sum:
    """Tensors that have something in common: a type, or the beginning of their names."""

    name: str
    tensors: int
    parameters: int


@dataclass(frozen=True)
class Level:
    """What stands below a beginning of names: longer beginnings, and whole names."""

    prefix: str
    folds: list[Sum]
    tensors: list[Tensor]


def tensors_of(header: dict[str, Any], file: str = "") -> list[Tensor]:
    """Those of a header that was read by hub/algorithms/weights.py."""
    return [
        Tensor(name, one["dtype"], tuple(one["shape"]), file) for name, one in header.items() if name != "__metadata__"
    ]


def totals(tensors: Sequence[Tensor]) -> list[Sum]:
    """By type, the most parameters first."""
    return sorted(_summed((one.dtype, one) for one in tensors), key=lambda found: (-found.parameters, found.name))


def level(tensors: Sequence[Tensor], prefix: str = "") -> Level:
    """The tensors whose names begin with `prefix` (ending in a dot, or empty), folded one step further.

    Steps that offer no choice are taken at once: `model.layers.` rather than `model.`.
    """
    inside = [one for one in tensors if one.name.startswith(prefix)]
    while inside and len(beginnings := {_beginning(one.name, prefix) for one in inside}) == 1 and "" not in beginnings:
        prefix = beginnings.pop()
    counts = Counter(_beginning(one.name, prefix) for one in inside)
    counts[""] = 0
    # A fold with one tensor in it would only hide it.
    folded = [(beginning, one) for one in inside if counts[beginning := _beginning(one.name, prefix)] > 1]
    whole = [one for one in inside if counts[_beginning(one.name, prefix)] < 2]
    folds = sorted(_summed(folded), key=lambda found: natural(found.name))
    return Level(prefix, folds, sorted(whole, key=lambda one: natural(one.name)))


def matching(tensors: Sequence[Tensor], text: str) -> list[Tensor]:
    """Those in whose names, or as whose type, every word of a text occurs."""
    words = text.lower().split()[:MAX_WORDS]
    found = [one for one in tensors if all(word in one.name.lower() or word == one.dtype.lower() for word in words)]
    return sorted(found, key=lambda one: natural(one.name))


def steps_to(prefix: str) -> list[tuple[str, str]]:
    """The beginnings on the way to a prefix: the part and the beginning that ends with it."""
    parts = prefix.split(".")[:-1]
    return [(part, ".".join(parts[: index + 1]) + ".") for index, part in enumerate(parts)]


def natural(name: str) -> list[tuple[int, str]]:
    """A key that puts layer 2 before layer 10."""
    return [(int(part[:18]), "") if part.isdecimal() else (-1, part) for part in _NUMBERS.split(name)]


def _beginning(name: str, prefix: str) -> str:
    """The name up to the next dot after a prefix, with it; "" when there is none."""
    place = name.find(".", len(prefix))
    return name[: place + 1] if place >= 0 else ""


def _summed(named: Iterable[tuple[str, Tensor]]) -> list[Sum]:
    found: dict[str, list[int]] = {}
    for name, one in named:
        sums = found.setdefault(name, [0, 0])
        sums[0] += 1
        sums[1] += one.parameters
    return [Sum(name, count, parameters) for name, (count, parameters) in found.items()]
