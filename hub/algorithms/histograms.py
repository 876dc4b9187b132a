"""Bars for small SVG pictures of what the values of a column are like. No drawing library."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

WIDTH, HEIGHT = 120, 36
_GAP = 1.5
_MOST_BARS = 12


@dataclass(frozen=True)
class Bar:
    """A rectangle in SVG units, and what it stands for."""

    x: float
    y: float
    width: float
    height: float
    label: str
    count: int


def bars_of(statistics: Mapping[str, Any]) -> list[Bar]:
    """From `column_statistics`: one bar a bin of the histogram, or one a common value."""
    histogram = statistics.get("histogram")
    if histogram:
        edges = histogram["bin_edges"]
        labels = [f"{number(low)} – {number(high)}" for low, high in pairwise(edges)]
        return _bars(list(zip(labels, histogram["hist"], strict=False)))
    frequencies = statistics.get("frequencies")
    if frequencies:
        return _bars(common_values(frequencies, most=_MOST_BARS))
    return []


def common_values(frequencies: Mapping[str, int], *, most: int = 5) -> list[tuple[str, int]]:
    return sorted(frequencies.items(), key=lambda entry: (-entry[1], entry[0]))[:most]


def number(value: Any) -> str:
    """A number in few signs: 3, 0.25, 1.2e+09."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) and abs(value) < 10**7:
        return str(value)
    return f"{value:.4g}"


def _bars(counted: Sequence[tuple[str, int]]) -> list[Bar]:
    most = max((count for _label, count in counted), default=0)
    if most <= 0:
        return []
    step = WIDTH / len(counted)
    bars = []
    for at, (label, count) in enumerate(counted):
        # What is there at all is seen: one unit at least.
        height = max(1.0, count / most * HEIGHT) if count else 0.0
        bars.append(
            Bar(
                x=round(at * step, 2),
                y=round(HEIGHT - height, 2),
                width=round(max(1.0, step - _GAP), 2),
                height=round(height, 2),
                label=label,
                count=count,
            )
        )
    return bars
