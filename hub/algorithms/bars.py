"""Bars for an SVG chart of days, two stacked on each other. No drawing library."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 640, 200
LEFT, TOP, BOTTOM = 40, 12, 170


@dataclass(frozen=True)
class Bar:
    """In SVG units; `upper` stands on `lower`."""

    x: float
    width: float
    lower_y: float
    lower_height: float
    upper_y: float
    upper_height: float


def stacked(values: Sequence[tuple[int, int]]) -> tuple[list[Bar], int]:
    """A bar for each (lower, upper), and the number that the top of the chart stands for."""
    highest = max((lower + upper for lower, upper in values), default=0) or 1
    step = (WIDTH - LEFT) / max(1, len(values))
    scale = (BOTTOM - TOP) / highest
    bars = []
    for number, (lower, upper) in enumerate(values):
        low, high = lower * scale, upper * scale
        x = round(LEFT + number * step + step * 0.1, 1)
        bars.append(
            Bar(
                x,
                round(step * 0.8, 1),
                round(BOTTOM - low, 1),
                round(low, 1),
                round(BOTTOM - low - high, 1),
                round(high, 1),
            )
        )
    return bars, highest
