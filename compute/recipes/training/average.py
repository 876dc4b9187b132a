"""The moving average of weights: what is sampled, judged and published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

TRUST_AFTER = 10  # the average follows closely at first, over about so many steps


class Average:
    """Follows `weights`, which stay where they are."""

    def __init__(self, weights: Sequence[Tensor]) -> None:
        self._weights = list(weights)
        self.values = [weight.detach().clone() for weight in self._weights]

    def follow(self, *, step: int, keep: float) -> None:
        """One step on; `keep` is the share of the average that stays."""
        kept = min(keep, step / (TRUST_AFTER + step))
        with torch.no_grad():
            torch._foreach_lerp_(self.values, self._weights, 1.0 - kept)

    def load(self, values: Sequence[Tensor]) -> None:
        _copy_into(self.values, values)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within it, the weights hold their average."""
        before = [weight.detach().clone() for weight in self._weights]
        _copy_into(self._weights, self.values)
        try:
            yield
        finally:
            _copy_into(self._weights, before)


def _copy_into(targets: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    with torch.no_grad():
        for target, value in zip(targets, values, strict=True):
            target.copy_(value)
