"""Lines for an SVG chart: scaled, thinned out, with round marks on the axes. No drawing library."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

MOST_POINTS = 300
SMALL = 400  # up to this width a chart is one of several in a row


@dataclass(frozen=True)
class Mark:
    """A value on an axis and where it lies, in SVG units. `anchor`: the label does not stick out at the end."""

    position: float
    label: str
    anchor: str = "middle"


@dataclass(frozen=True)
class Chart:
    """`lines` are the attributes of polylines; the plot spans left..right, top..bottom. `last` and `lowest` are of the
    first line, and `count` is its number of points."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    lines: list[str]
    across: list[Mark]
    up: list[Mark]
    last: float
    lowest: float
    count: int


def chart(values: Sequence[tuple[float, float]], *, width: int = 640, height: int = 220) -> Chart | None:
    """A line through (x, y) pairs; None when there are fewer than two finite ones."""
    return chart_of([values], width=width, height=height)


def chart_of(series: Sequence[Sequence[tuple[float, float]]], *, width: int = 640, height: int = 220) -> Chart | None:
    """A line for each of the series, on common axes; an empty one for what has no finite points. None when none has
    two."""
    finite = [[(x, y) for x, y in values if math.isfinite(x) and math.isfinite(y)] for values in series]
    if max(map(len, finite), default=0) < 2:
        return None
    drawn = [thin_out(sorted(values)) for values in finite]
    kept = [point for values in drawn for point in values]
    low_x, high_x = min(x for x, _y in kept), max(x for x, _y in kept)
    low_y, high_y = min(y for _x, y in kept), max(y for _x, y in kept)
    first = next(place for place, values in enumerate(finite) if len(values) > 1)
    low_y = min(low_y, 0.0) if low_y > 0 and low_y < 0.5 * high_y else low_y
    span_x, span_y = (high_x - low_x) or 1.0, (high_y - low_y) or 1.0
    marks_up = labelled(round_marks(low_y, high_y))
    # Wide charts have larger letters where the screen is narrow.
    letter = 12 if width > SMALL else 8
    left = min(max(36, 12 + letter * max((len(text) for _y, text in marks_up), default=0)), width // 3)
    right, top, bottom = width - 12, 10, height - 28

    def across(x: float) -> float:
        return round(left + (x - low_x) / span_x * (right - left), 1)

    def up(y: float) -> float:
        return round(bottom - (y - low_y) / span_y * (bottom - top), 1)

    return Chart(
        width=width,
        height=height,
        left=left,
        right=right,
        top=top,
        bottom=bottom,
        lines=[" ".join(f"{across(x)},{up(y)}" for x, y in values) for values in drawn],
        across=[
            Mark(across(x), text, "end" if across(x) > right - letter * len(text) / 2 else "middle")
            for x, text in labelled(round_marks(low_x, high_x))
        ],
        up=[Mark(up(y), text) for y, text in marks_up],
        last=drawn[first][-1][1],
        lowest=min(y for _x, y in finite[first]),
        count=len(finite[first]),
    )


def thin_out(values: Sequence[tuple[float, float]], *, most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """At most `most` points: means of equal runs, the last point as it is."""
    if len(values) <= most:
        return list(values)
    size = -(-(len(values) - 1) // (most - 1))
    runs = [values[start : start + size] for start in range(0, len(values) - 1, size)]
    return [(sum(x for x, _y in run) / len(run), sum(y for _x, y in run) / len(run)) for run in runs] + [values[-1]]


def labelled(marks: Sequence[float]) -> list[tuple[float, str]]:
    """With as many digits as tell them apart."""
    if len(marks) < 2:
        return [(mark, f"{mark:.4g}") for mark in marks]
    step, largest = abs(marks[1] - marks[0]), max(abs(mark) for mark in marks)
    places = math.floor(math.log10(largest)) + 1
    digits = max(1, places - math.floor(math.log10(step) + 1e-9), places if places < 8 else 1)
    return [(mark, "0" if abs(mark) < step / 2 else f"{mark:.{digits}g}") for mark in marks]


def round_marks(low: float, high: float, *, about: int = 4) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten within the range."""
    span = high - low
    if span <= 0:
        return [low]
    raw = span / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((factor * power for factor in (1, 2, 5) if factor * power >= raw), 10 * power)
    first = math.ceil(low / step)
    return [number * step for number in range(first, math.floor(high / step) + 1)]
