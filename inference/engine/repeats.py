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
from diffusers.models.attention_processor import Attention
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
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


def once_for_silence(transformer: Any, tokens: int) -> None:
    """The last `tokens` text tokens, which no encoder ever says anything with, are computed once."""
    for part in transformer.modules():
        if isinstance(part, Attention):
            part.set_processor(RepeatedKeys())
    forward = transformer.forward

    def once(*arguments: Any, **named: Any) -> Any:
        text = named["encoder_hidden_states"][:, : 1 - tokens]
        asked = (named.get("joint_attention_kwargs") or {}) | {"repeats": tokens}
        return forward(*arguments, **(named | {"encoder_hidden_states": text, "joint_attention_kwargs": asked}))

    transformer.forward = once


class RepeatedKeys:
    """The stock joint attention over keys of which the last is there `repeats` times."""

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        repeats: int = 1,
    ) -> Any:
        def heads(states: Tensor) -> Tensor:
            return states.unflatten(-1, (attn.heads, -1)).transpose(1, 2)

        query = _normed(attn.norm_q, heads(attn.to_q(hidden_states)))
        key = _normed(attn.norm_k, heads(attn.to_k(hidden_states)))
        value = heads(attn.to_v(hidden_states))
        if encoder_hidden_states is None:
            mixed = scaled_dot_product_attention(query, key, value)
            return attn.to_out[1](attn.to_out[0](mixed.transpose(1, 2).flatten(2)))
        text_key = _normed(attn.norm_added_k, heads(attn.add_k_proj(encoder_hidden_states)))
        text_value = heads(attn.add_v_proj(encoder_hidden_states))
        query = torch.cat([query, _normed(attn.norm_added_q, heads(attn.add_q_proj(encoder_hidden_states)))], dim=2)
        key = torch.cat([key, text_key, _again(text_key, repeats - 1)], dim=2)
        value = torch.cat([value, text_value, _again(text_value, repeats - 1)], dim=2)
        mixed = scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        picture, text = mixed[:, : hidden_states.shape[1]], mixed[:, hidden_states.shape[1] :]
        text = text if attn.context_pre_only else attn.to_add_out(text)
        return attn.to_out[1](attn.to_out[0](picture)), text


def _normed(norm: Any, states: Tensor) -> Tensor:
    normed: Tensor = states if norm is None else norm(states)
    return normed


def _again(states: Tensor, times: int) -> Tensor:
    return states[:, :, -1:].expand(-1, -1, times, -1)
