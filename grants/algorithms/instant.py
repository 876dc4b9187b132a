"""The instant rule: a small grant, decided in the moment it is asked for.

The text for people is docs/reference/instant-rule-v1.md. Text and code change together, under a new
version: old decisions must stay recomputable, so a released version is never edited.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from grants.algorithms.verdicts import AWARDED, DECLINED, PARTLY_AWARDED, WAITING_LIST, Reason, Verdict, reason

RULE_NAME = "instant"
RULE_VERSION = 1
RULE_TEXT = "instant-rule-v1.md"
RULE_TEXT_SHA256 = "f62c7275f0e1041f2da0e99909f7ab29b1cedc241ac68f96a68f18c347c7a146"


@dataclass(frozen=True)
class InstantInputs:
    """All that the rule looks at. Amounts in GPU-seconds."""

    asked_gpu_seconds: int
    largest_gpu_seconds: int
    smallest_gpu_seconds: int
    remaining_gpu_seconds: int
    abstract_characters: int
    least_abstract_characters: int
    publishes_openly: bool
    has_email: bool
    needs_email: bool
    open_awards: int
    most_open_awards: int
    reports_due: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "InstantInputs":
        return cls(**values)


def decide(inputs: InstantInputs) -> Verdict:
    """Decline with every obstacle named; else give min(asked, remaining), or a place on the waiting list."""
    obstacles = tuple(_obstacles(inputs))
    if obstacles:
        return Verdict(DECLINED, 0, obstacles)
    amount = min(inputs.asked_gpu_seconds, inputs.remaining_gpu_seconds)
    least = min(inputs.asked_gpu_seconds, inputs.smallest_gpu_seconds)
    if amount < max(least, 1):
        return Verdict(WAITING_LIST, 0, (reason("budget_spent", remaining_gpu_seconds=inputs.remaining_gpu_seconds),))
    if amount < inputs.asked_gpu_seconds:
        partly = reason("budget_short", asked_gpu_seconds=inputs.asked_gpu_seconds, given_gpu_seconds=amount)
        return Verdict(PARTLY_AWARDED, amount, (partly,))
    return Verdict(AWARDED, amount, (reason("all_conditions_met"),))


def _obstacles(inputs: InstantInputs) -> Iterator[Reason]:
    if inputs.asked_gpu_seconds <= 0:
        yield reason("asked_nothing")
    if inputs.asked_gpu_seconds > inputs.largest_gpu_seconds:
        yield reason(
            "asked_too_much",
            asked_gpu_seconds=inputs.asked_gpu_seconds,
            largest_gpu_seconds=inputs.largest_gpu_seconds,
        )
    if inputs.abstract_characters < inputs.least_abstract_characters:
        yield reason(
            "abstract_too_short", characters=inputs.abstract_characters, least=inputs.least_abstract_characters
        )
    if not inputs.publishes_openly:
        yield reason("not_published_openly")
    if inputs.needs_email and not inputs.has_email:
        yield reason("no_email")
    if inputs.open_awards >= inputs.most_open_awards:
        yield reason("too_many_open_awards", open=inputs.open_awards, most=inputs.most_open_awards)
    if inputs.reports_due > 0:
        yield reason("reports_due", reports=inputs.reports_due)
