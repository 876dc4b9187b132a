"""Recipes: what a file is made of. A few dozen bytes a file, kept beside the xorbs."""

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hub.storage.errors import XetError, XetMissing
from hub.storage.objects import StoredObject, move_file, write_file
from hub.storage.xet.hashing import from_hex, to_hex
from hub.storage.xet.shard import Term

_MAGIC = b"XETFILE1"
_HEAD = struct.Struct("<32sQI")
_TERM = struct.Struct("<32sIII")


@dataclass(frozen=True, slots=True)
class XetFile:
    """A file in the store, verified: its Xet hash (hex), sha256 (hex), length in bytes, terms."""

    hash: str
    sha256: str
    size: int
    terms: tuple[Term, ...]

    @property
    def xorbs(self) -> set[str]:
        """The xorbs it needs (hex)."""
        return {to_hex(term.xorb) for term in self.terms}


class Recipes:
    """Recipes as small files under ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, file: XetFile) -> None:
        """Keep a recipe, durably."""
        head = _HEAD.pack(bytes.fromhex(file.sha256), file.size, len(file.terms))
        rows = (_TERM.pack(term.xorb, term.start, term.end, term.length) for term in file.terms)
        write_file(self._place(file.hash), _MAGIC + head + b"".join(rows))

    def get(self, file_hash: str) -> XetFile | None:
        """A recipe, or None. Raises XetError when the hash is malformed or the recipe damaged."""
        try:
            data = self._place(file_hash).read_bytes()
        except FileNotFoundError:
            return None
        body = memoryview(data)[len(_MAGIC) :]
        if not data.startswith(_MAGIC) or len(body) < _HEAD.size:
            raise XetError("the recipe of a file is damaged")
        sha256, size, count = _HEAD.unpack_from(body)
        rows = body[_HEAD.size :]
        if len(rows) != count * _TERM.size:
            raise XetError("the recipe of a file is damaged")
        terms = tuple(Term(*row) for row in _TERM.iter_unpack(rows))
        return XetFile(file_hash, sha256.hex(), size, terms)

    def delete(self, file_hash: str) -> bool:
        """Forget a recipe; False when it was gone."""
        try:
            self._place(file_hash).unlink()
        except FileNotFoundError:
            return False
        return True

    def touch(self, file_hash: str) -> bool:
        """Let a recipe count as fresh; False when there is none that can be read."""
        if self.get(file_hash) is None:
            return False
        os.utime(self._place(file_hash))
        return True

    def idle(self, idle_since: float) -> Iterator[StoredObject]:
        """Recipes of files that nobody announced at ``idle_since`` (Unix seconds) or later; `size` is the file's."""
        for path in self.root.glob("??/??/[0-9a-f]*"):
            with suppress(FileNotFoundError):
                written = path.stat().st_mtime
                found = self.get(path.name) if written < idle_since else None
                if found is not None:
                    yield StoredObject(found.hash, found.size, written)

    def discard(self, file_hash: str, trash: Path, *, idle_since: float) -> bool:
        """Move an idle recipe into a folder. The store's lock is the caller's business."""
        place = self._place(file_hash)
        if not place.exists() or place.stat().st_mtime >= idle_since:
            return False
        move_file(place, trash / file_hash)
        return True

    def put_back(self, file_hash: str, trash: Path) -> bool:
        """Undo `discard`."""
        if not (trash / file_hash).is_file():
            return False
        move_file(trash / file_hash, self._place(file_hash))
        return True

    def __iter__(self) -> Iterator[XetFile]:
        """All recipes, for sweeps and checks; those that vanish meanwhile are left out."""
        for path in self.root.glob("??/??/[0-9a-f]*"):
            with suppress(XetMissing):
                found = self.get(path.name)
                if found is not None:
                    yield found

    def _place(self, file_hash: str) -> Path:
        from_hex(file_hash)  # refuses anything but a hash
        return self.root / file_hash[:2] / file_hash[2:4] / file_hash
