"""Request bodies that are read as they come: they are larger than memory should be."""

from collections.abc import Iterator

from django.db import connection
from django.http import HttpRequest

from common.errors import Invalid
from hub.storage.objects import Readable

_LONG = 8 * 1024 * 1024  # bytes
_BLOCK = 256 * 1024  # bytes


def body_of(request: HttpRequest) -> Readable:
    """The body as a stream, also when it is sent in chunks without a length (git does so)."""
    if "chunked" not in request.headers.get("Transfer-Encoding", "").lower():
        return request
    if not request.META.get("wsgi.input_terminated"):
        raise Invalid("This server cannot take a body without Content-Length.", hint="Send the length.")
    return request.META["wsgi.input"]


class Peeked:
    """A body whose first block was looked at already, and is read all the same."""

    def __init__(self, source: Readable) -> None:
        self.beginning = source.read(64 * 1024)
        self._unread = self.beginning
        self._source = source

    def read(self, size: int = 64 * 1024, /) -> bytes:
        if not self._unread:
            return self._source.read(size)
        block, self._unread = self._unread[:size], self._unread[size:]
        return block


class Awaited:
    """A long body; before its first bytes are waited for, the database connection is given back.

    For services that ask the database something first, and only then read.
    """

    def __init__(self, request: HttpRequest) -> None:
        self._source = body_of(request)
        self._request: HttpRequest | None = request

    def read(self, size: int = 64 * 1024, /) -> bytes:
        if self._request is not None:
            release_before(self._request)
            self._request = None
        return self._source.read(size)


def read_all(source: Readable, limit: int) -> bytes:
    """The whole body. Raises Invalid past `limit` bytes."""
    blocks = []
    total = 0
    while block := source.read(1024 * 1024):
        total += len(block)
        if total > limit:
            raise Invalid(f"The body is larger than {limit} bytes.")
        blocks.append(block)
    return b"".join(blocks)


def lines_of(source: Readable, *, longest: int, limit: int) -> Iterator[bytes]:
    """The lines of a body without their ends, as they come. Raises Invalid past these many bytes of a line, or of all.

    Large blocks are split here: the web server's own `readline` copies what it has read again for each line.
    """
    begun: list[bytes] = []
    total = waiting = 0
    while block := source.read(_BLOCK):
        total += len(block)
        first, *others = block.split(b"\n")
        begun.append(first)
        waiting += len(first)
        if waiting > longest or total > limit:
            raise Invalid("The body is too large.", hint="Upload large files by Xet or LFS, or split it.")
        if others:
            yield b"".join(begun)
            yield from others[:-1]
            begun, waiting = others[-1:], len(others[-1])
    yield b"".join(begun)


def release_connection() -> None:
    """Give the database connection back before a long transfer; the next query opens one."""
    if not connection.in_atomic_block:
        connection.close()


def release_before(request: HttpRequest) -> None:
    """The same, if the body is long or of unknown length."""
    if int(request.headers.get("Content-Length") or _LONG) >= _LONG:
        release_connection()
