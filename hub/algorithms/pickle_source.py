"""Reading the bytes of a pickle, a block ahead, to their end and no further."""

from typing import BinaryIO

_MAX_LINE = 64 * 1024
_BLOCK = 1024 * 1024


class Broken(Exception):
    """The stream cannot be followed from here on."""


class Source:
    """Bytes with one block of reading ahead."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._block = b""
        self._at = 0
        self._ahead = 4096  # most files are no pickles, which shows at once

    def more(self) -> bool:
        """Whether anything is left."""
        if self._at >= len(self._block):
            self._block, self._at = self._file.read(self._ahead) or b"", 0
            self._ahead = min(4 * self._ahead, _BLOCK)
        return self._at < len(self._block)

    def take(self, size: int) -> bytes:
        end = self._at + size
        if end <= len(self._block):
            part = self._block[self._at : end]
            self._at = end
            return part
        parts = []
        while size > 0:
            if not self.more():
                raise Broken("it ends in the middle of an instruction")
            part = self._block[self._at : self._at + size]
            self._at += len(part)
            size -= len(part)
            parts.append(part)
        return b"".join(parts)

    def skip(self, size: int) -> None:
        while size > 0:
            if not self.more():
                raise Broken("it ends in the middle of an instruction")
            step = min(size, len(self._block) - self._at)
            self._at += step
            size -= step

    def line(self) -> bytes:
        parts = []
        length = 0
        while self.more():
            end = self._block.find(b"\n", self._at)
            part = self._block[self._at : end if end >= 0 else None]
            self._at += len(part) + (end >= 0)
            length += len(part)
            parts.append(part)
            if length > _MAX_LINE:
                raise Broken("a line is too long")
            if end >= 0:
                return b"".join(parts)
        raise Broken("it ends in the middle of a line")

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")
