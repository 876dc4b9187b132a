"""Two stores that look like one: new things go to the first, old ones are found in either.

This is how objects are moved from files to S3 or back while everything goes on.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from hub.storage.errors import ObjectMissing
from hub.storage.objects import ObjectStore, Readable, Shown, Staged, StoredObject, put_verified
from hub.storage.records import Records


class LayeredObjects:
    """Objects of two stores."""

    def __init__(self, first: ObjectStore, other: ObjectStore) -> None:
        self.first = first
        self.other = other

    def stage(self, source: Readable, *, limit: int | None = None) -> Staged:
        """Take in bytes for the first store."""
        return self.first.stage(source, limit=limit)

    def adopt(self, staged: Staged, name: str) -> bool:
        """Make staged bytes an object of the first store, unless the other has it."""
        if not self.first.exists(name) and self.other.touch(name):
            staged.drop()
            return False
        return self.first.adopt(staged, name)

    def put(self, source: Readable, sha256: str, *, size: int | None = None) -> int:
        """Store bytes that must have this sha256 (and length). Raises DigestMismatch, TooLarge."""
        return put_verified(self, source, sha256, size)

    def touch(self, name: str) -> bool:
        """Let an object count as fresh; False when neither store has it."""
        return self.first.touch(name) or self.other.touch(name)

    def exists(self, name: str) -> bool:
        """Is it in either?"""
        return self.first.exists(name) or self.other.exists(name)

    def size(self, name: str) -> int | None:
        """Its length in bytes, or None."""
        size = self.first.size(name)
        return self.other.size(name) if size is None else size

    def stored_at(self, name: str) -> float | None:
        """When it came, as the store tells that is asked first."""
        time = self.first.stored_at(name)
        return self.other.stored_at(name) if time is None else time

    def open(self, name: str, first: int = 0, length: int | None = None) -> BinaryIO:
        """The object for reading. Raises ObjectMissing."""
        try:
            return self.first.open(name, first, length)
        except ObjectMissing:
            return self.other.open(name, first, length)

    def path(self, name: str) -> Path | None:
        """Its file, when one of the stores has one."""
        return self.first.path(name) or self.other.path(name)

    def url(self, name: str, seconds: int, shown: Shown | None = None) -> str | None:
        """A link for clients. An object that is a file here has none: the site is sure to have it."""
        if self.path(name) is not None:
            return None
        return self.first.url(name, seconds, shown) or self.other.url(name, seconds, shown)

    def delete(self, name: str) -> bool:
        """Remove it from both."""
        found = [store.delete(name) for store in (self.first, self.other)]
        return any(found)

    def names(self) -> Iterator[StoredObject]:
        """All objects, each once."""
        yield from self.first.names()
        for found in self.other.names():
            if not self.first.exists(found.name):
                yield found

    def discard(self, name: str, trash: Path, *, idle_since: float) -> bool:
        """Move it into the trash of either store, unless it was offered since."""
        stored = self.stored_at(name)
        if stored is None or stored >= idle_since:
            return False
        found = [store.discard(name, trash, idle_since=idle_since) for store in (self.first, self.other)]
        return any(found)

    def put_back(self, name: str, trash: Path) -> bool:
        """Undo `discard`."""
        found = [store.put_back(name, trash) for store in (self.first, self.other)]
        return any(found)

    def sweep_stage(self, *, older_than: float = 86400.0) -> int:
        """Drop what dead writers staged."""
        return self.first.sweep_stage(older_than=older_than) + self.other.sweep_stage(older_than=older_than)


class LayeredRecords:
    """Records of two stores."""

    def __init__(self, first: Records, other: Records) -> None:
        self.first = first
        self.other = other

    def get(self, name: str) -> bytes | None:
        """A value, or None."""
        data = self.first.get(name)
        return self.other.get(name) if data is None else data

    def put(self, name: str, data: bytes) -> None:
        """Keep a value in the first store."""
        self.first.put(name, data)

    def version(self, name: str) -> str | None:
        """Tells apart what stood under the same name at different times."""
        return self.first.version(name) or self.other.version(name)

    def delete(self, name: str) -> bool:
        """Forget it in both."""
        found = [records.delete(name) for records in (self.first, self.other)]
        return any(found)

    def touch(self, name: str) -> bool:
        """Let it count as fresh; False when neither has it."""
        return self.first.touch(name) or self.other.touch(name)

    def stored_at(self, name: str) -> float | None:
        """When it was put or touched, as the one tells that is asked first."""
        time = self.first.stored_at(name)
        return self.other.stored_at(name) if time is None else time

    def items(self) -> Iterator[StoredObject]:
        """All of them, each once."""
        yield from self.first.items()
        for found in self.other.items():
            if self.first.version(found.name) is None:
                yield found

    def discard(self, name: str, trash: Path) -> bool:
        """Move it into the trash of either."""
        found = [records.discard(name, trash) for records in (self.first, self.other)]
        return any(found)

    def put_back(self, name: str, trash: Path) -> bool:
        """Undo `discard`."""
        found = [records.put_back(name, trash) for records in (self.first, self.other)]
        return any(found)
