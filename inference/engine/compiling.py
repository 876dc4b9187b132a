"""Networks compiled by torch: faster after slow first calls, where a GPU waits for Python or for its memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from inference.engine.calls import rows_in, tensors_in
from inference.engine.tuning import kernels_tried_out

# Networks that are little else than many of these: one of them is compiled, and serves for all.
REPEATED = frozenset(["JointTransformerBlock", "FluxTransformerBlock", "FluxSingleTransformerBlock"])
# All models of one class share a count of compiled forms; beyond torch's own limit calls would silently be slow.
FORMS = 256
# So many smaller calls are worth the wait for a form that serves all of them.
SMALLER_CALLS = 500
GUIDED = (1, 2, 3)  # rows of one request


class Compiled:
    """Stands in for a network's `forward`.

    Calls of as many requests as the engine takes have a form of their own, compiled at once. Smaller calls run as
    written until there were many; then one form serves any number of rows.
    """

    def __init__(self, plain: Callable[..., Any], backend: str, full: int) -> None:
        self.plain = plain
        self.rests = False
        self._full = {full * rows for rows in GUIDED}
        self._fixed = torch.compile(plain, backend=backend, dynamic=False)
        self._any = torch.compile(plain, backend=backend)
        self._smaller = 0

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if self.rests:
            return self.plain(*arguments, **named)
        rows = rows_in((arguments, named))
        arguments = tuple(_in_rows(value, rows) for value in arguments)
        named = {name: _in_rows(value, rows) for name, value in named.items()}
        if rows in self._full:
            with kernels_tried_out():
                return self._fixed(*arguments, **named)
        self._smaller += 1
        if self._smaller <= SMALLER_CALLS:
            return self.plain(*arguments, **named)
        for tensor in tensors_in((arguments, named)):
            torch._dynamo.maybe_mark_dynamic(tensor, 0)  # noqa: SLF001 - documented under this name
        return self._any(*arguments, **named)


def compile_network(network: nn.Module, backend: str, *, full: int) -> None:
    """`backend` is one of torch's, such as `inductor`; `full` is the number of requests in the largest call."""
    torch._dynamo.config.recompile_limit = FORMS  # noqa: SLF001 - documented under this name
    torch._dynamo.config.accumulated_recompile_limit = 16 * FORMS  # noqa: SLF001
    for part in _parts(network):
        part.__dict__["forward"] = Compiled(part.forward, backend, full)


@contextmanager
def as_written(network: Any, *, where: bool) -> Iterator[None]:
    """Within it, and if `where`, a compiled network computes as it was written: layers changed for single
    requests are not seen by what was compiled before."""
    compiled = [forward for part in _parts(network) if isinstance(forward := _forward(part), Compiled)] if where else []
    for forward in compiled:
        forward.rests = True
    try:
        yield
    finally:
        for forward in compiled:
            forward.rests = False


def _parts(network: nn.Module) -> list[nn.Module]:
    return [part for part in network.modules() if type(part).__name__ in REPEATED] or [network]


def _forward(part: nn.Module) -> Any:
    return vars(part).get("forward")


def _in_rows(value: Any, rows: int) -> Any:
    """A time without a dimension as calls that were stacked have it, so that one form serves both."""
    if isinstance(value, Tensor) and value.dim() == 0:
        return value.to(torch.float32).expand(rows).contiguous()
    return value
