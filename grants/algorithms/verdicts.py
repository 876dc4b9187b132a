"""What a rule answers: an outcome, an amount and the reasons."""

from dataclasses import dataclass
from typing import Any

AWARDED = "awarded"
PARTLY_AWARDED = "partly_awarded"
WAITING_LIST = "waiting_list"
DECLINED = "declined"


@dataclass(frozen=True)
class Reason:
    """A code that the pages turn into a sentence, and the numbers in that sentence."""

    code: str
    values: tuple[tuple[str, int], ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {"code": self.code, "values": dict(self.values)}


def reason(code: str, **values: int) -> Reason:
    return Reason(code, tuple(sorted(values.items())))


@dataclass(frozen=True)
class Verdict:
    """`gpu_seconds` is 0 unless the outcome is an award."""

    outcome: str
    gpu_seconds: int
    reasons: tuple[Reason, ...]

    def to_json(self) -> dict[str, Any]:
        reasons = [reason.to_json() for reason in self.reasons]
        return {"outcome": self.outcome, "gpu_seconds": self.gpu_seconds, "reasons": reasons}
