"""Chance that depends on the seed and the place in training alone, so that a resumed run repeats it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

# Each use of chance has a stream of its own: numbers drawn for one never shift another.
BATCHES, ORDERS, NETWORKS, VALIDATION = 1, 2, 3, 4


def mixed_seed(seed: int, stream: int, index: int) -> int:
    mixed = np.random.SeedSequence([seed, stream, index]).generate_state(1, np.uint64)[0]
    return int(mixed) & 0x7FFF_FFFF_FFFF_FFFF


def generator(seed: int, stream: int, index: int) -> torch.Generator:
    return torch.Generator().manual_seed(mixed_seed(seed, stream, index))


def reseed(seed: int) -> None:
    """What networks draw from begins anew. `torch.manual_seed` asks every kind of device there is: 0.7 ms a time."""
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)


class Order:
    """Walks through `size` rows again and again, in a new random order each epoch."""

    def __init__(self, size: int, *, seed: int) -> None:
        self._size = size
        self._seed = seed
        self._orders: dict[int, Tensor] = {}

    def rows(self, start: int, count: int) -> Tensor:
        """The rows at places `start` to `start + count` of the endless walk."""
        places: Sequence[int] = range(start, start + count)
        return torch.stack([self._order(place // self._size)[place % self._size] for place in places])

    def _order(self, epoch: int) -> Tensor:
        if epoch not in self._orders:
            self._orders = {e: o for e, o in self._orders.items() if e == epoch - 1}
            random = generator(self._seed, ORDERS, epoch)
            self._orders[epoch] = torch.randperm(self._size, generator=random)
        return self._orders[epoch]
