"""What the beginning of a file of weights says about it: safetensors and GGUF.

Both are written by strangers. Nothing is believed about lengths before they are compared
with a limit, and only the beginning of a file is ever read.
"""

import json
import math
import re
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# The limit that clients have as well.
MAX_HEADER = 25_000_000
_MAX_GGUF = 64_000_000
_MAX_GGUF_ITEMS = 200_000
_MAX_DIMENSIONS = 16
_DTYPE = re.compile(r"[A-Za-z0-9_]{1,20}")

# `read(first, length)` gives up to `length` bytes of a file from `first` on.
Read = Callable[[int, int], bytes]


class WeightsUnreadable(Exception):
    """The file is not what its name says; the text says why."""


class HeaderTooLong(WeightsUnreadable):
    """The header may be sound, but is longer than is read here."""


def safetensors_header(read: Read, *, limit: int = MAX_HEADER) -> dict[str, Any]:
    """The JSON header of a safetensors file, of at most `limit` bytes. Raises WeightsUnreadable.

    Source: the format's own description, 8 bytes of length (little endian) and that much JSON.
    """
    start = read(0, 8)
    if len(start) < 8:
        raise WeightsUnreadable("The file is too short to be safetensors.")
    (length,) = struct.unpack("<Q", start)
    if not 2 <= length <= limit:
        kind = HeaderTooLong if limit < length <= MAX_HEADER else WeightsUnreadable
        raise kind(f"The header would have {length} bytes; at most {limit} are read.")
    try:
        header = json.loads(read(8, length))
    except (ValueError, RecursionError) as error:
        raise WeightsUnreadable("The header is not JSON.") from error
    if not isinstance(header, dict) or not all(_is_tensor(name, one) for name, one in header.items()):
        raise WeightsUnreadable("The header does not describe tensors.")
    return header


def parameters_of(header: dict[str, Any]) -> dict[str, int]:
    """How many numbers of each type (`F32`, `BF16`, …) the tensors of a header hold."""
    found: Counter[str] = Counter()
    for name, tensor in header.items():
        if name != "__metadata__":
            found[tensor["dtype"]] += math.prod(tensor["shape"])
    return dict(found)


def _is_tensor(name: str, tensor: Any) -> bool:
    if name == "__metadata__":
        return isinstance(tensor, dict)
    return (
        isinstance(tensor, dict)
        and isinstance(tensor.get("dtype"), str)
        and _DTYPE.fullmatch(tensor["dtype"]) is not None
        and isinstance(tensor.get("shape"), list)
        and len(tensor["shape"]) <= _MAX_DIMENSIONS
        and all(isinstance(size, int) and 0 <= size < 2**48 for size in tensor["shape"])
        and isinstance(tensor.get("data_offsets"), list)
        and len(tensor["data_offsets"]) == 2
        and all(isinstance(place, int) for place in tensor["data_offsets"])
    )


def gguf_facts(read: Read) -> dict[str, Any]:
    """`total` parameters, `architecture` and `context_length` of a GGUF file. Raises WeightsUnreadable.

    Source: the specification of GGUF, versions 2 and 3.
    """
    reader = _Reader(read)
    if reader.take(4) != b"GGUF" or reader.number("<I") not in {2, 3}:
        raise WeightsUnreadable("The file is not GGUF of version 2 or 3.")
    tensors, values = reader.number("<Q"), reader.number("<Q")
    if tensors > _MAX_GGUF_ITEMS or values > _MAX_GGUF_ITEMS:
        raise WeightsUnreadable("The file names more tensors or values than are read.")
    facts = dict(reader.named_value() for _ in range(values))
    total = sum(reader.tensor_size() for _ in range(tensors))
    architecture = facts.get("general.architecture")
    found: dict[str, Any] = {"total": total}
    if isinstance(architecture, str):
        found["architecture"] = architecture.replace("\x00", "")[:100]
        context = facts.get(f"{architecture}.context_length")
        if isinstance(context, int):
            found["context_length"] = context
    return found


_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_TEXT, _LIST = 8, 9


@dataclass
class _Reader:
    """Reads a file in order, in blocks, and not further than its limit."""

    read: Read
    block: bytes = b""
    place: int = 0
    fetched: int = 0

    def take(self, length: int) -> bytes:
        missing = length - (len(self.block) - self.place)
        if missing > 0:
            if self.fetched + missing > _MAX_GGUF:
                raise WeightsUnreadable(f"The header is longer than {_MAX_GGUF} bytes.")
            more = self.read(self.fetched, max(missing, 1 << 20))
            self.fetched += len(more)
            self.block, self.place = self.block[self.place :] + more, 0
        if len(self.block) - self.place < length:
            raise WeightsUnreadable("The file ends within its header.")
        self.place += length
        return self.block[self.place - length : self.place]

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def text(self) -> str:
        return self.take(self.number("<Q")).decode("utf-8", "replace")

    def named_value(self) -> tuple[str, Any]:
        return self.text(), self.value(self.number("<I"))

    def value(self, kind: int) -> Any:
        """One value; of lists only the end is looked for."""
        if kind in _SCALARS:
            return self.number(_SCALARS[kind])
        if kind == _TEXT:
            return self.text()
        if kind != _LIST:
            raise WeightsUnreadable(f"Values of type {kind} are not known.")
        inner, count = self.number("<I"), self.number("<Q")
        if inner in _SCALARS:
            self.take(count * struct.calcsize(_SCALARS[inner]))
        elif inner == _TEXT:
            for _ in range(count):
                self.text()
        else:
            raise WeightsUnreadable("Lists of lists are not read.")
        return None

    def tensor_size(self) -> int:
        self.text()
        dimensions = self.number("<I")
        if dimensions > _MAX_DIMENSIONS:
            raise WeightsUnreadable("A tensor has too many dimensions.")
        size = math.prod(self.number("<Q") for _ in range(dimensions))
        self.take(12)  # its type and where its numbers lie
        return size
