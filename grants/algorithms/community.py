"""The community rule: a panel's scores share out a round's part of the community pool.

The text for people is docs/reference/community-rule-v1.md; see instant.py on versions.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from grants.algorithms.verdicts import AWARDED, DECLINED, PARTLY_AWARDED, Reason, reason

RULE_NAME = "community"
RULE_VERSION = 1
RULE_TEXT = "community-rule-v1.md"
RULE_TEXT_SHA256 = "25106401dc0ca8cd21fce65a9ff89e1d090bfe92f058617cf3bdf0f770644e9c"


@dataclass(frozen=True)
class Candidate:
    """A nomination: its number, what it asks for, and the panel's scores from 1 to 5."""

    nomination: int
    asked_gpu_seconds: int
    scores: tuple[int, ...]

    @property
    def mean(self) -> Fraction:
        return Fraction(sum(self.scores), len(self.scores))


@dataclass(frozen=True)
class CommunityInputs:
    """`budget` in micros of the currency, `price` in micros per GPU-second."""

    budget: int
    price: int
    cap_permille: int
    seats: int
    least_scores: int
    least_mean: int
    candidates: tuple[Candidate, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "CommunityInputs":
        candidates = tuple(
            Candidate(row["nomination"], row["asked_gpu_seconds"], tuple(row["scores"])) for row in values["candidates"]
        )
        return cls(**{**values, "candidates": candidates})


@dataclass(frozen=True)
class Result:
    """`amount` = `gpu_seconds` x price, exactly; `rank` counts from 1, 0 for a candidate without enough scores."""

    nomination: int
    rank: int
    outcome: str
    gpu_seconds: int
    amount: int
    reason: Reason

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "reason": self.reason.to_json()}


def decide(inputs: CommunityInputs) -> tuple[Result, ...]:
    """Go down the ranking; each gets what it asks within the cap and what is left, until the seats are taken.

    Ties go to the candidate with more scores, then to the earlier nomination.
    The amounts never add up to more than the budget; what is not given stays in the pool.
    """
    ranked = sorted((c for c in inputs.candidates if len(c.scores) >= max(inputs.least_scores, 1)), key=_order)
    results: list[Result] = []
    left, seats = inputs.budget, inputs.seats
    for rank, candidate in enumerate(ranked, start=1):
        result = _fund(candidate, rank, inputs, left, seats)
        left -= result.amount
        seats -= result.amount > 0
        results.append(result)
    results.extend(_unscored(inputs))
    return tuple(results)


def _order(candidate: Candidate) -> tuple[Fraction, int, int]:
    return -candidate.mean, -len(candidate.scores), candidate.nomination


def _fund(candidate: Candidate, rank: int, inputs: CommunityInputs, left: int, seats: int) -> Result:
    cap = inputs.budget * inputs.cap_permille // 1000
    if candidate.mean < inputs.least_mean:
        return Result(candidate.nomination, rank, DECLINED, 0, 0, reason("score_too_low", least=inputs.least_mean))
    if seats <= 0:
        return Result(candidate.nomination, rank, DECLINED, 0, 0, reason("no_seat", seats=inputs.seats))
    gpu_seconds = min(candidate.asked_gpu_seconds, min(cap, left) // inputs.price)
    if gpu_seconds <= 0:
        return Result(candidate.nomination, rank, DECLINED, 0, 0, reason("round_spent"))
    amount = gpu_seconds * inputs.price
    if gpu_seconds < candidate.asked_gpu_seconds:
        code = "capped" if cap <= left else "round_short"
        partly = reason(code, asked_gpu_seconds=candidate.asked_gpu_seconds, given_gpu_seconds=gpu_seconds)
        return Result(candidate.nomination, rank, PARTLY_AWARDED, gpu_seconds, amount, partly)
    return Result(candidate.nomination, rank, AWARDED, gpu_seconds, amount, reason("ranked", rank=rank))


def _unscored(inputs: CommunityInputs) -> Iterator[Result]:
    least = max(inputs.least_scores, 1)
    for candidate in inputs.candidates:
        count = len(candidate.scores)
        if count < least:
            yield Result(candidate.nomination, 0, DECLINED, 0, 0, reason("too_few_scores", scores=count, least=least))
