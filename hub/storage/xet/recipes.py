"""Recipes: what a file is made of. A few dozen bytes a file, kept beside the xorbs."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hub.storage.errors import XetError
from hub.storage.objects import StoredObject
from hub.storage.records import Records
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
    """Recipes by the hash of their file."""

    def __init__(self, records: Records) -> None:
        self.records = records

    def put(self, file: XetFile) -> None:
        """Keep a recipe, durably."""
        from_hex(file.hash)  # refuses anything but a hash
        head = _HEAD.pack(bytes.fromhex(file.sha256), file.size, len(file.terms))
        rows = (_TERM.pack(term.xorb, term.start, term.end, term.length) for term in file.terms)
        self.records.put(file.hash, _MAGIC + head + b"".join(rows))

    def get(self, file_hash: str) -> XetFile | None:
        """A recipe, or None. Raises XetError when the hash is malformed or the recipe damaged."""
        from_hex(file_hash)
        data = self.records.get(file_hash)
        if data is None:
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
        from_hex(file_hash)
        return self.records.delete(file_hash)

    def touch(self, file_hash: str) -> bool:
        """Let a recipe count as fresh; False when there is none that can be read."""
        return self.get(file_hash) is not None and self.records.touch(file_hash)

    def idle(self, idle_since: float) -> Iterator[StoredObject]:
        """Recipes of files that nobody announced at ``idle_since`` (Unix seconds) or later; `size` is the file's."""
        for item in self.records.items():
            found = self.get(item.name) if item.stored_at < idle_since else None
            if found is not None:
                yield StoredObject(found.hash, found.size, item.stored_at)

    def discard(self, file_hash: str, trash: Path, *, idle_since: float) -> bool:
        """Move an idle recipe into a folder. The store's lock is the caller's business."""
        from_hex(file_hash)
        stored = self.records.stored_at(file_hash)
        return stored is not None and stored < idle_since and self.records.discard(file_hash, trash)

    def put_back(self, file_hash: str, trash: Path) -> bool:
        """Undo `discard`."""
        from_hex(file_hash)
        return self.records.put_back(file_hash, trash)

    def __iter__(self) -> Iterator[XetFile]:
        """All recipes, for sweeps and checks; those that vanish meanwhile are left out."""
        for item in self.records.items():
            found = self.get(item.name)
            if found is not None:
                yield found
