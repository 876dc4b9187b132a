"""Steps that are not computed: the denoiser's last output is taken again. Faster, and another picture.

Near each other in time a denoiser says nearly the same, least so in the first steps and the last. Only for requests
that ask for it; what was left out stands in the parameters of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Of how many calls one is left out.
EVERY = {"light": 3, "strong": 2}
# Always computed: what is drawn is decided here.
FIRST = 2


@dataclass
class Reuse:
    """Of one request. `saved` of `calls` were not computed; `method` is a name of EVERY, or empty."""

    method: str = ""
    calls: int = 0
    saved: int = 0
    _last: Any = None

    def saw(self, output: Any) -> None:
        """The denoiser has computed this."""
        self.calls += 1
        if self.method:
            self._last = output

    def instead(self, *, steps: int) -> Any:
        """What to take instead of computing the next call; None when it has to be computed."""
        every = EVERY.get(self.method)
        is_last = self.calls >= steps - 1
        if every is None or self.calls < FIRST or is_last or self.calls % every != every - 1:
            return None
        self.calls += 1
        self.saved += 1
        return self._last

    def told(self) -> dict[str, Any]:
        """For the parameters of the picture."""
        return {"step_reuse": self.method, "calls_saved": self.saved, "calls": self.calls} if self.method else {}
