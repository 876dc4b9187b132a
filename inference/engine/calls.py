"""Calls into a network that several requests make at once: many calls become one, one output becomes many.

A call is kept as the stock pipeline made it (positional and named arguments). Two calls may be
stacked when their arguments have the same form: tensors that differ in the first dimension only,
equal plain values, the same names.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

# Positions are the same for all rows of one size and have no dimension for the batch.
WITHOUT_BATCH = frozenset(["img_ids", "txt_ids"])


@dataclass(frozen=True)
class Call:
    """What a pipeline asks of one of its networks, `part`."""

    part: str
    network: Any
    method: str
    arguments: tuple[Any, ...]
    named: dict[str, Any]

    @property
    def form(self) -> Hashable:
        """Calls of equal forms may be stacked."""
        return (self.part, self.method, _form(self.arguments), _form(self.named))

    @property
    def rows(self) -> int:
        """The size of this call's batch: guidance makes it two or three."""
        return rows_in((self.arguments, self.named))


def answer(calls: list[Call]) -> list[Any]:
    """The output of each call, all computed by one call."""
    first = calls[0]
    function = getattr(first.network, first.method)
    if len(calls) == 1:
        arguments, named = _together((first.arguments, first.named))
        return [function(*arguments, **named)]
    sizes = [call.rows for call in calls]
    arguments = _stacked([call.arguments for call in calls], sizes)
    named = _stacked([call.named for call in calls], sizes)
    arguments, named = _together((arguments, named))
    return _split(function(*arguments, **named), sizes)


def rows_in(value: Any) -> int:
    """The size of the batch that these arguments have."""
    return next((tensor.shape[0] for tensor in tensors_in(value) if tensor.dim() > 1), 1)


def _together(given: tuple[Any, Any]) -> Any:
    """Times are kept by the processor (see samplers); the network wants them where the picture is."""
    device = next((tensor.device for tensor in tensors_in(given) if tensor.dim() > 1), None)
    return given if device is None or device.type == "cpu" else _moved(given, device)


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, Tensor):
        # Without waiting for the device, or it would have nothing to do while the next call is prepared.
        return value if value.device == device else value.to(device, non_blocking=True)
    if isinstance(value, dict):
        return {name: _moved(part, device) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_moved(part, device) for part in value)
    return value


def _form(value: Any) -> Hashable:
    if isinstance(value, Tensor):
        # Timesteps without a dimension come as whole or broken numbers; networks read both as float32.
        return "scalar" if value.dim() == 0 else (value.shape[1:], value.dtype)
    if isinstance(value, dict):
        return tuple((name, _form(part)) for name, part in sorted(value.items()))
    if isinstance(value, tuple | list):
        return tuple(_form(part) for part in value)
    return value if isinstance(value, Hashable) else id(value)


def tensors_in(value: Any) -> Iterable[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for name, part in value.items():
            if name not in WITHOUT_BATCH:
                yield from tensors_in(part)
    elif isinstance(value, tuple | list):
        for part in value:
            yield from tensors_in(part)


def _stacked(values: list[Any], sizes: list[int], name: str = "") -> Any:
    first = values[0]
    if isinstance(first, Tensor) and name not in WITHOUT_BATCH:
        if first.dim() == 0:
            values = [value.to(torch.float32).expand(size) for value, size in zip(values, sizes, strict=True)]
        return torch.cat(values)
    if isinstance(first, dict):
        return {name: _stacked([value[name] for value in values], sizes, name) for name in first}
    if isinstance(first, tuple | list):
        return type(first)(_stacked(list(parts), sizes) for parts in zip(*values, strict=True))
    return first


def _split(output: Any, sizes: list[int]) -> list[Any]:
    if isinstance(output, Tensor):
        return list(output.split(sizes))
    if isinstance(output, dict):  # also the named outputs of diffusers and transformers
        parts = {name: _split(value, sizes) for name, value in output.items()}
        return [type(output)(**{name: parts[name][index] for name in parts}) for index in range(len(sizes))]
    if isinstance(output, tuple | list):
        columns = [_split(value, sizes) for value in output]
        return [type(output)(column[index] for column in columns) for index in range(len(sizes))]
    return [output] * len(sizes)
