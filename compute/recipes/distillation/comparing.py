"""Student against teacher: how much of what was asked is drawn, and in what time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

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
    lines = [
        f"| {row.who} | {row.steps} | {row.guidance:g} | {'' if row.right is None else f'{row.right:.0%}'} "
        f"| {row.seconds:.3f} |"
        for row in rows
    ]
    head = "| | steps | guidance | colour and shape as asked | seconds a picture |\n|---|---|---|---|---|"
    return "\n".join([head, *lines])


def kernel_distance(ours: Tensor, theirs: Tensor) -> float:
    """KID (arXiv 1801.01401) of features (n, width) and (m, width): 0 for one and the same distribution.

    The unbiased estimate of the squared maximum mean discrepancy with the kernel (x . y / width + 1)³; it may
    fall a little below 0.
    """
    one, other = ours.double(), theirs.double()

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return (a @ b.T / a.shape[1] + 1.0) ** 3

    def within(a: Tensor) -> Tensor:
        all_pairs = kernel(a, a)
        return (all_pairs.sum() - all_pairs.diagonal().sum()) / (len(a) * (len(a) - 1))

    return float(within(one) + within(other) - 2.0 * kernel(one, other).mean())


def mean_over_places(features: Tensor) -> Tensor:
    """Features (n, channels, height, width) to (n, channels)."""
    return torch.flatten(features.float(), 2).mean(dim=2)
