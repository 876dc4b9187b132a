"""Reading the public trace of a call or a round."""

from dataclasses import dataclass
from datetime import datetime

from common.quantities import format_gpu_seconds
from grants.enums import CHANGES, ChangeKind
from grants.models import Call, Round


@dataclass(frozen=True)
class ShownChange:
    """A change in the reader's words; `person` is empty for the operator and for the site itself."""

    words: str
    reason: str
    person: str
    at: datetime


def changes_of(of: Call | Round) -> list[ShownChange]:
    """The newest first."""
    shown = []
    for row in of.changes.select_related("by"):
        values = {
            name: format_gpu_seconds(value) if name.endswith("gpu_seconds") else value
            for name, value in row.values.items()
        }
        words = str(CHANGES[ChangeKind(row.kind)]) % values
        shown.append(ShownChange(words, row.reason, row.by.username if row.by else "", row.at))
    return shown
