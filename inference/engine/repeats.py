"""Text tokens that are all the same are computed once.

Stable Diffusion 3 without its third text encoder is given zeros in that encoder's place: 256 tokens
without positions, so all of them are the same in every layer. One of them is enough, if attention
counts it as often as it was there: exp(q·k + log n) is n times exp(q·k). The result is the stock
pipeline's up to rounding; a small picture takes a fraction of the time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

# Fewer are not worth a mask in every attention.
WORTH = 32


class _CountingLast(TorchFunctionMode):
    """Attention over `length` keys counts the last of them `times` times."""

    def __init__(self, length: int, times: int, like: Tensor) -> None:
        super().__init__()
        self._length = length
        self._mask = torch.zeros(1, 1, 1, length, dtype=like.dtype, device=like.device)
        self._mask[..., -1] = math.log(times)

    def __torch_function__(
        self, function: Any, types: Any, arguments: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        named = dict(named or {})
        if function is torch.nn.functional.scaled_dot_product_attention and arguments[1].shape[-2] == self._length:
            named["attn_mask"] = self._mask
        return function(*arguments, **named)


def once_for_repeats(forward: Callable[..., Any], patch_size: int) -> Callable[..., Any]:
    """The forward of a transformer whose attention joins the picture's tokens with the text's after them."""

    def once(*arguments: Any, **named: Any) -> Any:
        text = named.get("encoder_hidden_states")
        repeats = _zeros_at_the_end(text) if isinstance(text, Tensor) else 0
        if repeats < WORTH:
            return forward(*arguments, **named)
        assert text is not None
        shorter = text[:, : text.shape[1] - repeats + 1]
        height, width = named["hidden_states"].shape[-2:]
        length = (height // patch_size) * (width // patch_size) + shorter.shape[1]
        with _CountingLast(length, repeats, text):
            return forward(*arguments, **(named | {"encoder_hidden_states": shorter}))

    return once


def _zeros_at_the_end(text: Tensor) -> int:
    says_something = text.ne(0).any(dim=2).any(dim=0).nonzero()
    return text.shape[1] - (int(says_something[-1]) + 1 if len(says_something) else 0)
