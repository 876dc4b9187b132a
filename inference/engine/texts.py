"""Encoded texts, kept by bytes: prompts come again, and the empty negative prompt always does."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from torch import Tensor

from inference.engine.calls import tensors_in
from inference.engine.rows import Row

# Of a text encoder's layers pipelines read the last but one, when they do not read its output.
LAYERS_READ = 2


class Texts:
    """Outputs of one model's text encoders, least recently used out first."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.nbytes = 0
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()

    def answers(self, rows: list[Row], compute: Callable[[list[Row]], list[Any]]) -> list[Any]:
        """The output of each row's call; `compute` is asked once, for those that are new."""
        keys = [_key(row) for row in rows]
        new = {key: row for key, row in zip(keys, rows, strict=True) if key not in self._kept}
        found = {key: self._kept[key] for key in keys if key in self._kept}
        if new:
            found |= {key: _own(output) for key, output in zip(new, compute(list(new.values())), strict=True)}
        for key in dict.fromkeys(keys):
            self._keep(key, found[key])
        return [found[key] for key in keys]

    def _keep(self, key: Hashable, output: Any) -> None:
        if key not in self._kept:
            self.nbytes += _bytes(output)
        self._kept[key] = output
        self._kept.move_to_end(key)
        while self.nbytes > self.max_bytes:
            _key, oldest = self._kept.popitem(last=False)
            self.nbytes -= _bytes(oldest)


def _key(row: Row) -> Hashable:
    call = row.call
    given = tuple(tensor.cpu().numpy().tobytes() for tensor in tensors_in((call.arguments, call.named)))
    changed_by = [asked for asked, use in zip(row.request.loras, row.loras, strict=True) if call.part in use.lora.parts]
    return (call.form, given, tuple(changed_by))


def _own(output: Any) -> Any:
    """A copy of what will be read: an output of a shared call would hold on to all its rows."""
    if isinstance(output, Tensor):
        return output.clone()
    if isinstance(output, dict):
        return type(output)(**{name: _own(value) for name, value in output.items()})
    if isinstance(output, tuple | list):
        unread = len(output) - LAYERS_READ
        return type(output)(None if index < unread else _own(value) for index, value in enumerate(output))
    return output


def _bytes(output: Any) -> int:
    return sum(tensor.nbytes for tensor in tensors_in(output))
