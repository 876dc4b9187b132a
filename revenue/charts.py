"""Bars for the public books, as numbers that an SVG takes."""

from dataclasses import dataclass

from revenue.selectors import RevenueMonth

WIDTH, HEIGHT, FLOOR, TOP, LEFT = 640, 200, 170, 26, 8
MONTHS = 12


@dataclass(frozen=True)
class Bar:
    """One month: licences at the bottom, generation on top of them."""

    x: int
    width: int
    middle: int
    licence_y: int
    licence_height: int
    usage_y: int
    usage_height: int
    month: RevenueMonth


def revenue_bars(months: list[RevenueMonth]) -> list[Bar]:
    """The last twelve months; the highest reaches the top. Months below zero show no bar."""
    shown = months[-MONTHS:]
    highest = max((max(month.licence, 0) + max(month.usage, 0) for month in shown), default=0) or 1
    step = (WIDTH - 2 * LEFT) // MONTHS
    bars = []
    for index, month in enumerate(shown):
        licence = max(month.licence, 0) * (FLOOR - TOP) // highest
        usage = max(month.usage, 0) * (FLOOR - TOP) // highest
        x = LEFT + index * step
        bars.append(
            Bar(x, step - 10, x + (step - 10) // 2, FLOOR - licence, licence, FLOOR - licence - usage, usage, month)
        )
    return bars
