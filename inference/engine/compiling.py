"""A denoiser compiled by torch: faster after the first slow calls of each form, where a GPU waits for Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


class Compiled:
    """Stands in for a network's `forward`: the compiled one, or the plain one where asked."""

    def __init__(self, plain: Callable[..., Any], backend: str) -> None:
        self.plain = plain
        # Its first call fixes every size; the first call of another number of rows makes that number free.
        self.fast = torch.compile(plain, backend=backend)
        self.rests = False

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return (self.plain if self.rests else self.fast)(*arguments, **named)


def compile_network(network: nn.Module, backend: str) -> None:
    """`backend` is one of torch's, such as `inductor` or `cudagraphs`."""
    network.__dict__["forward"] = Compiled(network.forward, backend)


@contextmanager
def as_written(network: Any, *, where: bool) -> Iterator[None]:
    """Within it, and if `where`, a compiled network computes as it was written: layers changed for single
    requests are not seen by what was compiled before."""
    forward = vars(network).get("forward") if where else None
    if not isinstance(forward, Compiled):
        yield
        return
    forward.rests = True
    try:
        yield
    finally:
        forward.rests = False
