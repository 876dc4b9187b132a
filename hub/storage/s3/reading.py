"""Reading an object of a bucket like a file: one request as long as one reads on, another after each jump."""

import io
from contextlib import suppress
from typing import Any

from hub.storage.errors import StoreUnavailable
from hub.storage.s3.bucket import Bucket

_ATTEMPTS = 3


class ObjectReader(io.RawIOBase):
    """Seekable; opening it asks for the first bytes, so that a missing object is noticed at once.

    ``length`` is how much is wanted, from ``first`` on: the request asks for no more.
    """

    def __init__(self, bucket: Bucket, key: str, first: int = 0, length: int | None = None) -> None:
        super().__init__()
        self._bucket = bucket
        self._key = key
        self._position = first
        self._end = None if length is None else first + length
        self._body: Any = None
        self._size = self._open()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, position: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + position < 0:
            raise ValueError("a position is not negative")
        if start + position != self._position:
            self._drop()
            self._end = None
            self._position = start + position
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        if not buffer or self._position >= self._size:
            return 0
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                block = self._next(len(buffer))
            except StoreUnavailable:
                if attempt == _ATTEMPTS:
                    raise
                self._drop()
                continue
            buffer[: len(block)] = block
            self._position += len(block)
            return len(block)
        raise AssertionError("unreachable")

    def close(self) -> None:
        self._drop()
        super().close()

    def _next(self, length: int) -> bytes:
        if self._body is not None and self._end is not None and self._position >= self._end:
            self._drop()
            self._end = None
        if self._body is None:
            self._open()
        block = self._bucket.read_block(self._key, self._body, length)
        if not block:
            raise StoreUnavailable("the object store broke off")
        return block

    def _open(self) -> int:
        last = None if self._end is None else self._end - 1
        self._body, size = self._bucket.get(self._key, self._position, last)
        return size

    def _drop(self) -> None:
        if self._body is not None:
            with suppress(Exception):
                self._body.close()
            self._body = None
