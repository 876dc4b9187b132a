"""The header of a safetensors file: whether it describes the bytes that follow, all of them, each once."""

import json
import math
from itertools import pairwise
from typing import Any, BinaryIO

from hub.algorithms.scanning_notes import Notes

_MAX_HEADER = 100 * 1024 * 1024  # the format's own limit
_MAX_READ = 32 * 1024 * 1024
# Bits of a number. Source: the safetensors format, enum Dtype.
_BITS = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip


def look(notes: Notes, file: BinaryIO, size: int) -> None:
    """Note `tensors` with what is wrong, or `too_large` for a header that is not read."""
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > _MAX_HEADER or length + 8 > size:
        notes.add("tensors", "length of the header")
        return
    if length > _MAX_READ:
        notes.add("too_large")
        return
    fault = _fault(file.read(length), size - 8 - length)
    if fault:
        notes.add("tensors", fault)


def _fault(raw: bytes, room: int) -> str:
    try:
        header = json.loads(raw)
    except (ValueError, RecursionError):
        return "the header is no JSON"
    if not raw.startswith(b"{") or not isinstance(header, dict):
        return "the header is no object"
    parts = []
    for name, tensor in header.items():
        if name == "__metadata__":
            continue
        place = _place(tensor)
        if place is None:
            return name
        parts.append(place)
    parts.sort()
    if not parts:
        return "" if room == 0 else "bytes that no tensor names"
    if parts[0][0] != 0 or parts[-1][1] != room or any(one[1] != two[0] for one, two in pairwise(parts)):
        return "tensors overlap or leave gaps"
    return ""


def _place(tensor: Any) -> tuple[int, int] | None:
    """Begin and end of a tensor, None when they do not fit its type and shape."""
    if not isinstance(tensor, dict):
        return None
    shape: Any = tensor.get("shape")
    offsets: Any = tensor.get("data_offsets")
    bits = _BITS.get(str(tensor.get("dtype")))
    if bits is None or not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        return None
    begin, end = offsets
    return (begin, end) if 0 <= begin <= end and (end - begin) * 8 == math.prod(shape) * bits else None


def _are_sizes(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**63 for value in values)
