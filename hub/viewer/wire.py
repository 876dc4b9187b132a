"""Messages between the two sides: a JSON head and a body, each preceded by its length."""

import json
import os
import struct
from typing import Any

MOST_HEAD = 64 * 2**20
MOST_BODY = 64 * 2**20
NUMBER = struct.Struct(">i")  # of a process
_LENGTHS = struct.Struct(">II")


class ConnectionEnded(Exception):
    """The other side is gone, or says what no side of ours would say."""


def send(fd: int, head: dict[str, Any], body: bytes | memoryview = b"") -> None:
    """Raises ConnectionEnded."""
    text = json.dumps(head, separators=(",", ":")).encode()
    try:
        _write(fd, _LENGTHS.pack(len(text), len(body)) + text)
        _write(fd, body)
    except OSError as error:
        raise ConnectionEnded(str(error)) from error


def receive(fd: int) -> tuple[dict[str, Any], bytes]:
    """The next message. Raises ConnectionEnded."""
    head_length, body_length = _LENGTHS.unpack(_read(fd, _LENGTHS.size))
    if head_length > MOST_HEAD or body_length > MOST_BODY:
        raise ConnectionEnded("a message is too long")
    try:
        head = json.loads(_read(fd, head_length))
    except (ValueError, RecursionError) as error:
        raise ConnectionEnded(f"a message is no JSON: {error}") from error
    if not isinstance(head, dict):
        raise ConnectionEnded("a message is no JSON object")
    return head, _read(fd, body_length)


def _write(fd: int, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _read(fd: int, length: int) -> bytes:
    blocks = []
    while length > 0:
        try:
            block = os.read(fd, min(length, 2**20))
        except OSError as error:
            raise ConnectionEnded(str(error)) from error
        if not block:
            raise ConnectionEnded("the other side hung up")
        blocks.append(block)
        length -= len(block)
    return b"".join(blocks)
