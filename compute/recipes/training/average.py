"""The moving average of weights: what is sampled, judged and published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from compute.recipes.training import shards

TRUST_AFTER = 10  # the average follows closely at first, over about so many steps


class Average:
    """Follows `weights`, wherever their values lie. Of weights in shards each process keeps its part."""

    def __init__(self, weights: Sequence[nn.Parameter]) -> None:
        self._weights = list(weights)
        self._sharded = shards.is_sharded(self._weights)
        self.values = [weight.clone() for weight in self._own()]

    def follow(self, *, step: int, keep: float) -> None:
        """One step on; `keep` is the share of the average that stays."""
        kept = min(keep, step / (TRUST_AFTER + step))
        with torch.no_grad():
            torch._foreach_lerp_(self.values, self._own(), 1.0 - kept)

    def whole(self) -> list[Tensor]:
        """The average as it would be in one process: every process must ask."""
        return [shards.joined(value, weight) for value, weight in zip(self.values, self._weights, strict=True)]

    def load(self, values: Sequence[Tensor]) -> None:
        """Takes what `whole` gave."""
        parts = [shards.shared_out(value, weight) for value, weight in zip(values, self._weights, strict=True)]
        _copy_into(self.values, [shards.own(part) for part in parts])

    @contextmanager
    def in_place(self, module: nn.Module) -> Iterator[None]:
        """Within it, the weights of the module hold their average, whole. Every process must enter it."""
        if self._sharded:
            with shards.replaced(module, self._weights, self.whole()):
                yield
            return
        before = [weight.clone() for weight in self._own()]
        _copy_into(self._weights, self.values)
        try:
            yield
        finally:
            _copy_into(self._weights, before)

    def _own(self) -> list[Tensor]:
        # Looked up each time: libraries move shards about, and some give a weight another place when it is whole.
        return [shards.own(weight) if self._sharded else weight.data for weight in self._weights]


def _copy_into(targets: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    with torch.no_grad():
        for target, value in zip(targets, values, strict=True):
            target.copy_(value)
