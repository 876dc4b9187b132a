"""Sizes that a model can draw."""

import math


def nearest(width: int, height: int, *, unit: int, largest: int) -> tuple[int, int]:
    """Multiples of `unit`, no side longer than `largest`, as near as may be to these sides and their ratio."""
    scale = min(1.0, largest / max(width, height))
    return _multiple(width * scale, unit, largest), _multiple(height * scale, unit, largest)


def of_ratio(ratio: tuple[int, int], *, width: int, height: int, unit: int, largest: int) -> tuple[int, int]:
    """Sides of this ratio with about as many pixels as the given ones."""
    wide = math.sqrt(width * height * ratio[0] / ratio[1])
    return nearest(round(wide), round(wide * ratio[1] / ratio[0]), unit=unit, largest=largest)


def _multiple(side: float, unit: int, largest: int) -> int:
    return min(max(unit, round(side / unit) * unit), largest // unit * unit)
