"""Files as the reader sees them: by range, from the near side."""

import io
import threading
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any

from fsspec.spec import AbstractFileSystem

from hub.viewer import wire

_BLOCK = 256 * 1024
_KEPT_BLOCKS = 64
_LONGEST = 16 * 2**20
_lock = threading.Lock()


class RemoteFile(io.RawIOBase):
    """A file of which bytes are asked for when they are read."""

    def __init__(self, fd: int, number: int, size: int) -> None:
        super().__init__()
        self._fd = fd
        self._number = number
        self._size = size
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def size(self) -> int:
        return self._size

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def read(self, size: int = -1, /) -> bytes:
        left = max(0, self._size - self._position)
        length = left if size is None or size < 0 else min(size, left)
        data = self._range(self._position, length)
        self._position += len(data)
        return data

    def readinto(self, buffer: Any, /) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _range(self, start: int, length: int) -> bytes:
        if length > _BLOCK:
            return b"".join(
                self._fetch(at, min(_LONGEST, start + length - at)) for at in range(start, start + length, _LONGEST)
            )
        parts = []
        while length > 0:
            number, within = divmod(start, _BLOCK)
            part = self._block(number)[within : within + length]
            if not part:
                break
            parts.append(part)
            start += len(part)
            length -= len(part)
        return b"".join(parts)

    def _block(self, number: int) -> bytes:
        if number in self._blocks:
            self._blocks.move_to_end(number)
            return self._blocks[number]
        at = number * _BLOCK
        self._blocks[number] = self._fetch(at, min(_BLOCK, self._size - at))
        if len(self._blocks) > _KEPT_BLOCKS:
            self._blocks.popitem(last=False)
        return self._blocks[number]

    def _fetch(self, start: int, length: int) -> bytes:
        with _lock:
            wire.send(self._fd, {"read": self._number, "start": start, "length": length})
            _head, body = wire.receive(self._fd)
        if len(body) != length:
            raise OSError("the file could not be read from the store")
        return body


class RemoteFiles(AbstractFileSystem):
    """The same files under the addresses `data://<number>.<ending>`, for DuckDB."""

    protocol = "data"
    cachable = False

    def __init__(self, fd: int, sizes: list[int]) -> None:
        super().__init__()
        self._fd = fd
        self._sizes = sizes

    def _open(self, path: str, mode: str = "rb", **_options: Any) -> RemoteFile:
        if mode != "rb":
            raise PermissionError("these files can only be read")
        number = self._number(path)
        return RemoteFile(self._fd, number, self._sizes[number])

    def info(self, path: str, **_options: Any) -> dict[str, Any]:
        return {"name": path, "size": self._sizes[self._number(path)], "type": "file"}

    def glob(self, path: str, **_options: Any) -> list[str]:
        return [path] if self.exists(path) else []

    def exists(self, path: str, **_options: Any) -> bool:
        try:
            self._number(path)
        except FileNotFoundError:
            return False
        return True

    def modified(self, path: str) -> datetime:
        return datetime.fromtimestamp(0, UTC)

    def _number(self, path: str) -> int:
        text = path.removeprefix("data://").partition(".")[0]
        if not text.isdecimal() or int(text) >= len(self._sizes):
            raise FileNotFoundError(path)
        return int(text)
