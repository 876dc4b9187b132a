"""What each step of the loop did, how long it took, and what to look at next."""

import json
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Outcome:
    """One row of the table. `look` is the page to open next, relative to the site."""

    step: str
    ok: bool
    seconds: float
    figures: dict[str, Any] = field(default_factory=dict)
    look: str = ""


class Report:
    """Kept in `demo-report.json` after every step, so that an interrupted demo goes on where it was."""

    def __init__(self, data: Path) -> None:
        self.file = data / "demo-report.json"
        self.outcomes: list[Outcome] = []
        self.expected = 0
        if self.file.exists():
            stored = json.loads(self.file.read_text())
            self.outcomes = [Outcome(**entry) for entry in stored["steps"]]
            self.expected = stored["expected"]

    @property
    def is_complete(self) -> bool:
        return bool(self.outcomes) and len(self.outcomes) == self.expected and all(o.ok for o in self.outcomes)

    def run(self, name: str, step: Callable[[], tuple[dict[str, Any], str]]) -> bool:
        """Do a step unless an earlier run did it; print its name, time and figures."""
        if any(outcome.step == name and outcome.ok for outcome in self.outcomes):
            print(f"── {name}: done before", flush=True)
            return True
        self.outcomes = [outcome for outcome in self.outcomes if outcome.step != name]
        print(f"── {name}", flush=True)
        began = time.monotonic()
        try:
            figures, look = step()
            ok = True
        except Exception as error:
            traceback.print_exc()
            figures, look, ok = {"error": str(error)[:500]}, "", False
        outcome = Outcome(name, ok, round(time.monotonic() - began, 1), figures, look)
        self.outcomes.append(outcome)
        self.save()
        shown = ", ".join(f"{name} {value}" for name, value in figures.items())
        print(f"   {'ok' if ok else 'FAILED'} in {outcome.seconds} s: {shown}\n", flush=True)
        return ok

    def save(self) -> None:
        content = {"expected": self.expected, "steps": [asdict(outcome) for outcome in self.outcomes]}
        own = self.file.with_suffix(".new")
        own.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        own.replace(self.file)

    def print_table(self, base_url: str) -> None:
        width = max(len(outcome.step) for outcome in self.outcomes)
        print(f"{'step':<{width}}  {'':<6}  {'seconds':>7}  next")
        for outcome in self.outcomes:
            look = base_url + outcome.look if outcome.look else ""
            print(f"{outcome.step:<{width}}  {'ok' if outcome.ok else 'FAILED':<6}  {outcome.seconds:>7.1f}  {look}")
        total = sum(outcome.seconds for outcome in self.outcomes)
        print(f"{'in all':<{width}}  {'':<6}  {total:>7.1f}", flush=True)
