"""Sizes that a model can draw."""


def nearest(width: int, height: int, *, unit: int, largest: int) -> tuple[int, int]:
    """Multiples of `unit`, no side longer than `largest`, as near as may be to these sides and their ratio."""
    scale = min(1.0, largest / max(width, height))
    return _multiple(width * scale, unit, largest), _multiple(height * scale, unit, largest)


def _multiple(side: float, unit: int, largest: int) -> int:
    return min(max(unit, round(side / unit) * unit), largest // unit * unit)
