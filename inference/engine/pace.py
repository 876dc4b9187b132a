"""How long waiting will take, from how long steps took."""

from __future__ import annotations

from inference.engine.requests import ModelKey, Request
from inference.engine.rows import Row

# How much the newest call tells against all before it.
FRESH = 0.2


class Pace:
    """Seconds of one step of one request, for each model, sharing included."""

    def __init__(self) -> None:
        self._seconds: dict[ModelKey, float] = {}

    def saw(self, model: ModelKey, seconds: float, rows: int) -> None:
        """A call for so many rows, with the rows' own work, took so long."""
        share = seconds / rows
        before = self._seconds.get(model, share)
        self._seconds[model] = before + FRESH * (share - before)

    def until_one_ends(self, rows: list[Row]) -> float | None:
        """Seconds until the first of these is done; None before anything was measured."""
        return self.until_begun(rows, [], free=0)

    def until_begun(self, rows: list[Row], before: list[Request], free: int) -> float | None:
        """Seconds until one who waits behind `before` begins, with `free` places now.

        Every round takes each of the rows one step further; a place that becomes free is taken by the next.
        """
        if not self._seconds:
            return None
        under_way = [(row.steps - row.step, self._of(row.request.model)) for row in rows]
        coming = [(request.steps, self._of(request.model)) for request in before]
        seconds = 0.0
        while True:
            taken, coming = coming[:free], coming[free:]
            if len(taken) < free or not (under_way or taken):
                return seconds
            under_way += taken
            rounds = max(min(steps for steps, _each in under_way), 0)
            seconds += rounds * sum(each for _steps, each in under_way)
            left = [(steps - rounds, each) for steps, each in under_way if steps > rounds]
            free, under_way = len(under_way) - len(left), left

    def _of(self, model: ModelKey) -> float:
        """A model that has not stepped yet is taken for an average one."""
        return self._seconds.get(model, sum(self._seconds.values()) / len(self._seconds))
