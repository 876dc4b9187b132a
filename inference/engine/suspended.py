"""A stock pipeline that stops whenever it needs a network, and goes on when it is given the answer.

The pipeline's own code runs in a greenlet: a stack of its own inside the engine's one thread.
Networks in it are replaced by `Shared`, which hands each call to the engine and waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from diffusers import AutoencoderKL, AutoencoderTiny
from greenlet import getcurrent, greenlet
from torch import nn

from inference.engine.calls import Call


class Shared(nn.Module):
    """Looks like the network it stands for; a call to it suspends the pipeline that makes it."""

    def __init__(self, part: str, network: nn.Module) -> None:
        super().__init__()
        # Past nn.Module's own book-keeping: the network's weights are not this stand-in's. Pipelines ask several
        # times where it lies, and the stock answer looks at every layer.
        self.__dict__.update(_part=part, _network=network, device=network.device, dtype=network.dtype)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return suspend(Call(self._part, self._network, "__call__", arguments, named))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_network"], name)

    def to(self, *arguments: Any, **named: Any) -> Any:
        return self._network.to(*arguments, **named)

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:  # noqa: FBT002 - as stock
        """Pipelines ask the first one for its type."""
        found: Iterator[nn.Parameter] = self._network.parameters(recurse)
        return found


class SharedDecoder(Shared):
    """An autoencoder whose decoding is shared; encoding draws from the request's own generator and is not."""

    def decode(self, latents: Any, return_dict: bool = True, generator: Any = None) -> Any:  # noqa: FBT002 - as stock
        return suspend(Call(self._part, self._network, "decode", (latents,), {"return_dict": return_dict}))


def shared(part: str, network: nn.Module) -> nn.Module:
    """The stand-in for a part of a pipeline, or the part itself where calls are not worth sharing."""
    if part in ("unet", "transformer") or part.startswith(("text_encoder", "bert")):
        return Shared(part, network)
    if isinstance(network, AutoencoderKL | AutoencoderTiny):
        return SharedDecoder(part, network)
    return network


def suspend(call: Call) -> Any:
    """Give this call to whoever resumed the pipeline, and come back with its output."""
    return getcurrent().parent.switch(call)


class Suspended:
    """Runs `work` from one call into a network to the next.

    `call` is the call that it waits for, None when it has ended; then `output` is what it returned.
    """

    def __init__(self, work: Callable[[], Any]) -> None:
        self.call: Call | None = None
        self.output: Any = None
        self._greenlet = greenlet(work)

    def start(self) -> None:
        """Raises what the work raises, as `resume` does."""
        self._take(self._greenlet.switch())

    def resume(self, output: Any) -> None:
        """Go on with the answer to `call`."""
        self._take(self._greenlet.switch(output))

    def drop(self) -> None:
        """Unwind the work where it stands."""
        self.call = None
        self._greenlet.throw()

    def _take(self, value: Any) -> None:
        if self._greenlet.dead:
            self.call, self.output = None, value
        else:
            self.call = value
