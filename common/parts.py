"""Parts of open files, as web servers send them."""

import io
import os
from typing import BinaryIO


class FilePart(io.RawIOBase):
    """A part of an open file. Servers with sendfile take descriptor and position, others read."""

    def __init__(self, file: BinaryIO, first: int, length: int) -> None:
        super().__init__()
        file.seek(first)
        # sendfile starts where the descriptor stands, not where Python's buffer does.
        os.lseek(file.fileno(), first, os.SEEK_SET)
        self._file = file
        self._end = first + length
        self._left = length

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._file.fileno()

    def read(self, size: int = -1, /) -> bytes:
        block = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(block)
        return block

    def seek(self, position: int, whence: int = os.SEEK_SET, /) -> int:
        """To a position of the file, as servers do after sendfile."""
        self._left = max(0, self._end - position)
        return self._file.seek(position, whence)

    def close(self) -> None:
        self._file.close()
        super().close()
