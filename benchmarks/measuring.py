"""A measure: what was seen, the floor or peer seen in the same run, their ratio and the goal."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """`goal` bounds `value / floor`, from above unless `at_least`. Without a floor it bounds the value itself."""

    name: str
    value: float
    unit: str
    goal: float
    floor: float | None = None
    floor_name: str = ""
    at_least: bool = False

    @property
    def ratio(self) -> float:
        return self.value if self.floor is None else self.value / self.floor

    @property
    def is_reached(self) -> bool:
        return self.ratio >= self.goal if self.at_least else self.ratio <= self.goal

    def row(self) -> str:
        sign = "≥" if self.at_least else "≤"
        floor = "" if self.floor is None else f"{self.floor_name}: {self.floor:.4g} {self.unit}"
        ratio = f"{self.ratio:.3g}" if self.floor is not None else ""
        verdict = "reached" if self.is_reached else "**missed**"
        return f"| {self.name} | {self.value:.4g} {self.unit} | {floor} | {ratio} | {sign} {self.goal:g} | {verdict} |"


HEAD = "| what | measured | floor | ratio | goal | |\n|---|---|---|---|---|---|"


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def alternately(one: Callable[[], float], other: Callable[[], float], times: int) -> tuple[float, float]:
    """The medians of two measurements that take turns, so that a busy machine is unfair to neither."""
    pairs = [(one(), other()) for _turn in range(times)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)
