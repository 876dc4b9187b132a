"""What a GPU does faster in another way: how pictures lie in memory, and with which kernels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from diffusers.models.activations import GELU
from torch import Tensor, nn


@contextmanager
def kernels_tried_out() -> Iterator[None]:
    """Within it the first convolution of each form tries all kernels and keeps the fastest. It takes a second or
    two for each number of rows: worth it for calls that come again and again."""
    before, torch.backends.cudnn.benchmark = torch.backends.cudnn.benchmark, True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def channels_last(pipeline: Any) -> None:
    """Convolutions on matrix units read channels that lie side by side, and compiled networks keep them so."""
    for part in pipeline.components.values():
        if isinstance(part, nn.Module) and any(isinstance(layer, nn.Conv2d) for layer in part.modules()):
            part.to(memory_format=torch.channels_last)


def gelu_in_the_product(network: nn.Module) -> None:
    """Where a layer's product is followed by a GELU (as its tanh), the product's own kernel ends with it: what is
    widest in a transformer is then written once and not read again in between."""
    for part in network.modules():
        if isinstance(part, GELU) and part.approximate == "tanh" and part.proj.bias is not None:
            part.forward = partial(_product_with_gelu, part)


def _product_with_gelu(layer: GELU, states: Tensor) -> Tensor:
    product = layer.proj
    if product._forward_hooks:  # noqa: SLF001 - a request's own adapter changes it
        return layer.gelu(product(states))
    wide = torch._addmm_activation(product.bias, states.flatten(0, -2), product.weight.t(), use_gelu=True)  # noqa: SLF001
    return wide.unflatten(0, states.shape[:-1])
