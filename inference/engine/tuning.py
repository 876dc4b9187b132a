"""What a GPU does faster in another way: how pictures lie in memory, and with which kernels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


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
