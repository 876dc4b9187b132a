"""Layers compiled by torch: what repeats in a network is compiled once for all its places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import nn

# Layers of one class share a count of compiled forms; beyond torch's own limit they would silently be slow.
FORMS = 256


def compile_layers(networks: Iterable[nn.Module], backend: str) -> None:
    """`backend` is one of torch's, such as `inductor`. Networks without repeated layers run as they are written."""
    torch._dynamo.config.recompile_limit = FORMS  # noqa: SLF001 - documented under this name
    for network in networks:
        for layer in repeated_layers(network):
            layer.compile(backend=backend)


def repeated_layers(network: nn.Module) -> Iterator[nn.Module]:
    """The outermost layers that stand in a list with others of their class."""
    for child in network.children():
        if isinstance(child, nn.ModuleList) and len(child) > 1 and len({type(layer) for layer in child}) == 1:
            yield from child
        else:
            yield from repeated_layers(child)
