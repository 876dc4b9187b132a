"""Student against teacher: how much of what was asked is drawn, and in what time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image
from torch import Tensor

from compute.recipes.evaluation.distances import kernel_distance

FEWER = (4, 2, 1)  # steps that a student is tried with, beside those it was taught


@dataclass(frozen=True)
class Drawn:
    """What one model drew with these steps; `right` is the share that shows what was asked, if that was checked."""

    who: str
    steps: int
    guidance: float
    seconds: float  # a picture
    right: float | None

    @property
    def name(self) -> str:
        """Of its metric."""
        return f"{self.who}_{self.steps}_steps_guidance_{self.guidance:g}"


def timed(
    who: str,
    steps: int,
    guidance: float,
    draw: Callable[[], Sequence[Image.Image]],
    check: Callable[[Sequence[Image.Image]], float | None],
) -> Drawn:
    started = time.monotonic()
    pictures = draw()
    seconds = (time.monotonic() - started) / len(pictures)
    return Drawn(who, steps, guidance, seconds, check(pictures))


def table(rows: Sequence[Drawn]) -> str:
    """For the card, in Markdown."""
    is_judged = any(row.right is not None for row in rows)
    titles = ["", "steps", "guidance", *(["colour and shape as asked"] if is_judged else []), "seconds a picture"]
    lines = [titles, ["---"] * len(titles)]
    for row in rows:
        right = ["" if row.right is None else f"{row.right:.0%}"] if is_judged else []
        lines.append([row.who, str(row.steps), f"{row.guidance:g}", *right, f"{row.seconds:.3f}"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def mean_over_places(features: Tensor) -> Tensor:
    """Features (n, channels, height, width) to (n, channels)."""
    return features.float().mean(dim=(2, 3))


def distance(ours: Tensor, theirs: Tensor) -> float:
    """The kernel distance of features (n, width) and (m, width): about 0 for one and the same distribution."""
    return kernel_distance(*(features.cpu().double().numpy() for features in (ours, theirs)))
