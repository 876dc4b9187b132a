"""Numbers out of TensorBoard's event files, read without its libraries: they may be of anybody's making.

A file is a row of records: length (8 bytes), its checksum (4), an Event in protobuf, its checksum (4). An
Event holds a step (field 2) and a summary (field 5) of values (field 1): tag (1), and the number as a float
(2) or as a tensor (8) of floats (content 4, values 5). Whatever is otherwise is left out.
"""

import struct
from collections.abc import Iterator
from contextlib import suppress

LONGEST_RECORD = 2**16  # pictures are longer; numbers never are
LONGEST_TAG = 100
VARINT, EIGHT, BYTES, FOUR = 0, 1, 2, 5

Point = tuple[int, float]


def scalars(data: bytes) -> dict[str, list[Point]]:
    """Tag to (step, value), in the order of the file. A record that is cut off ends it."""
    found: dict[str, list[Point]] = {}
    for record in _records(data):
        with suppress(ValueError, struct.error, UnicodeDecodeError):
            for tag, step, value in _event(record):
                found.setdefault(tag, []).append((step, value))
    return found


def _records(data: bytes) -> Iterator[bytes]:
    place = 0
    while place + 12 <= len(data):
        (length,) = struct.unpack_from("<Q", data, place)
        end = place + 12 + length + 4
        if end > len(data):
            return
        if length <= LONGEST_RECORD:
            yield data[place + 12 : end - 4]
        place = end


def _event(record: bytes) -> Iterator[tuple[str, int, float]]:
    step, summaries = 0, []
    for number, kind, value in _fields(record):
        if (number, kind) == (2, VARINT):
            step = int(value)
        elif (number, kind) == (5, BYTES):
            summaries.append(value)
    if not 0 <= step < 2**53:
        return
    for summary in summaries:
        for number, kind, value in _fields(bytes(summary)):
            if (number, kind) == (1, BYTES):
                tag, scalar = _value(bytes(value))
                if tag and scalar is not None:
                    yield tag, step, scalar


def _value(data: bytes) -> tuple[str, float | None]:
    tag, scalar = "", None
    for number, kind, value in _fields(data):
        if (number, kind) == (1, BYTES):
            tag = bytes(value).decode()[:LONGEST_TAG]
        elif (number, kind) == (2, FOUR):
            scalar = float(struct.unpack("<f", bytes(value))[0])
        elif (number, kind) == (8, BYTES):
            scalar = _tensor(bytes(value))
    return tag, scalar


def _tensor(data: bytes) -> float | None:
    """The number of a tensor that holds one float."""
    for number, _kind, value in _fields(data):
        if number in {4, 5} and isinstance(value, bytes) and len(value) == 4:
            return float(struct.unpack("<f", value)[0])
    return None


def _fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Number, wire type and value of each field. Raises ValueError for what is no protobuf."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, place = _varint(data, place)
            yield number, kind, value
            continue
        length = {EIGHT: 8, FOUR: 4}.get(kind)
        if kind == BYTES:
            length, place = _varint(data, place)
        if length is None or place + length > len(data):
            raise ValueError(kind)
        yield number, kind, data[place : place + length]
        place += length


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            break
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, place
    raise ValueError(place)
