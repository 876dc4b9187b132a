"""Whose job goes next: the one whose holder used least lately.

Usage decays by half every `half_life` days, as in Slurm's multifactor plug-in. With equal shares its
factor 2^(-usage/share) orders holders exactly as their decayed usage does, so that is what is compared.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

HALF_LIFE_DAYS = 7.0


@dataclass(frozen=True)
class Waiting:
    """A job that waits: `cost` is what it has reserved, `place` its place by time of submission."""

    job: str
    holder: int
    cost: int
    place: int


def decayed_usage(history: Iterable[tuple[int, int, float]], *, half_life: float = HALF_LIFE_DAYS) -> dict[int, float]:
    """Usage per holder from (holder, GPU-seconds, age in days)."""
    usage: dict[int, float] = defaultdict(float)
    for holder, amount, age in history:
        usage[holder] += amount * 0.5 ** (max(age, 0.0) / half_life)
    return dict(usage)


def order(waiting: Sequence[Waiting], usage: Mapping[int, float]) -> list[str]:
    """All jobs in the order in which they should start.

    Each step takes the oldest job of the holder with the least usage; what a job reserves counts
    as used from then on, so holders with many jobs take turns with those who have few.
    """
    queues: dict[int, list[Waiting]] = defaultdict(list)
    for job in sorted(waiting, key=lambda each: each.place, reverse=True):
        queues[job.holder].append(job)
    used = {holder: usage.get(holder, 0.0) for holder in queues}
    ordered = []
    while queues:
        holder = min(queues, key=lambda each: (used[each], queues[each][-1].place))
        job = queues[holder].pop()
        used[holder] += job.cost
        ordered.append(job.job)
        if not queues[holder]:
            del queues[holder]
    return ordered
