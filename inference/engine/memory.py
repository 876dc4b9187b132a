"""How much memory a call takes, measured once for each form, and how many rows therefore fit into one."""

from __future__ import annotations

import weakref
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from inference.engine.calls import tensors_in


class Memory:
    """`max_bytes` bounds what a call takes beside weights; None is no bound.

    A form that has not been seen runs with one request, and is measured: on a GPU by its allocator,
    elsewhere by the tensors that live at the same time (what a kernel takes for itself is not seen).
    """

    def __init__(self, max_bytes: int | None, device: str) -> None:
        self.max_bytes = max_bytes
        self._on_gpu = device.startswith("cuda")
        self._each: dict[Hashable, float] = {}

    def of_each(self, form: Hashable) -> float | None:
        """Measured bytes for one row of the batch."""
        return self._each.get(form)

    def fitting(self, form: Hashable, sizes: list[int]) -> int:
        """How many of these calls, each with so many rows, go through one: from the first, and at least that."""
        if self.max_bytes is None:
            return len(sizes)
        each = self._each.get(form)
        if each is None:
            return 1
        count, total = 1, sizes[0]
        while count < len(sizes) and (total + sizes[count]) * each <= self.max_bytes:
            total += sizes[count]
            count += 1
        return count

    @contextmanager
    def watching(self, form: Hashable, rows: int) -> Iterator[None]:
        if self.max_bytes is None or form in self._each:
            yield
            return
        if self._on_gpu:
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
            yield
            peak = torch.cuda.max_memory_allocated() - before
        else:
            with _Living() as living:
                yield
            peak = living.peak
        self._each[form] = peak / rows


class _Living(TorchDispatchMode):
    """The most bytes of tensors made within this that lived at one time."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._now = 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self, function: Any, types: Any, arguments: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        named = named or {}
        # Weights and inputs come from outside; what merely looks at them is no new memory.
        for tensor in tensors_in((arguments, named)):
            self._know(tensor, size=0)
        output = function(*arguments, **named)
        for tensor in tensors_in(output):
            self._know(tensor, size=tensor.untyped_storage().nbytes())
        return output

    def _know(self, tensor: Tensor, *, size: int) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata  # noqa: SLF001 - the one identity a storage has
        if key in self._known:
            return
        self._known.add(key)
        self._now += size
        self.peak = max(self.peak, self._now)
        weakref.finalize(storage, self._gone, key, size)

    def _gone(self, key: int, size: int) -> None:
        self._known.discard(key)
        self._now -= size
