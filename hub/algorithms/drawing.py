"""Where the nodes of a lineage graph stand: one row per generation, ancestors above, sizes in pixels."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

WIDTH, HEIGHT, GAP, ROW, MARGIN = 184, 46, 20, 104, 12


@dataclass(frozen=True)
class Picture:
    """Left upper corners of nodes by key, and the size of the whole."""

    places: dict[str, tuple[int, int]]
    width: int
    height: int

    def ends(self, parent: str, child: str) -> tuple[int, int, int, int]:
        """From the middle of the side of one that faces the other, to the other's."""
        (px, py), (cx, cy) = self.places[parent], self.places[child]
        below, above = (HEIGHT, 0) if py <= cy else (0, HEIGHT)
        return px + WIDTH // 2, py + below, cx + WIDTH // 2, cy + above


def place(levels: Mapping[str, int], lines: Iterable[tuple[str, str]]) -> Picture:
    """`levels` gives the generation of each node, `lines` are (parent, child): neighbours stand near each other."""
    rows: dict[int, list[str]] = defaultdict(list)
    for key, level in levels.items():
        rows[level].append(key)
    neighbours: dict[str, list[str]] = defaultdict(list)
    for parent, child in lines:
        neighbours[parent].append(child)
        neighbours[child].append(parent)
    order: dict[str, float] = {}
    for level in sorted(rows, key=abs):
        rows[level].sort(key=lambda key: (_mean([order[one] for one in neighbours[key] if one in order]), key))
        for index, key in enumerate(rows[level]):
            order[key] = index / max(1, len(rows[level]) - 1) if len(rows[level]) > 1 else 0.5
    width = max(len(row) for row in rows.values()) * (WIDTH + GAP) - GAP + 2 * MARGIN
    top = min(rows)
    places = {}
    for level, row in rows.items():
        left = (width - (len(row) * (WIDTH + GAP) - GAP)) // 2
        for index, key in enumerate(row):
            places[key] = (left + index * (WIDTH + GAP), MARGIN + (level - top) * ROW)
    return Picture(places, width, MARGIN * 2 + (max(rows) - top) * ROW + HEIGHT)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.5
