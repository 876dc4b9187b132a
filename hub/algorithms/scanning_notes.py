"""What an inspection writes down, and how much it may do."""

from dataclasses import dataclass, field

from hub.algorithms.pickles import Import

MAX_DEPTH = 4  # archives in archives
MAX_FILES = 20_000  # looked at, in all archives of one file
MAX_BYTES = 4 * 2**30  # unpacked and read, of all archives of one file
MAX_REASONS = 50


@dataclass
class Notes:
    """`reasons` are (code, detail), `imports` are those of all pickles with the level of each."""

    reasons: dict[tuple[str, str], None] = field(default_factory=dict)
    imports: dict[Import, str] = field(default_factory=dict)
    files: int = 0
    bytes: int = 0

    def add(self, code: str, detail: str = "") -> None:
        if len(self.reasons) < MAX_REASONS:
            # What is written by strangers is shown to people: no control characters, no NUL for PostgreSQL.
            clean = "".join(char if char.isprintable() else "�" for char in detail)
            self.reasons[code, clean[:200]] = None

    def codes(self) -> set[str]:
        return {code for code, _detail in self.reasons}
