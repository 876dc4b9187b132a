"""A store of immutable objects in a bucket: ``<folder>/<name>``.

S3 cannot change the time of an object, so ``touch`` leaves an empty mark under
``touched/`` beside it; the younger of the two counts.
"""

import fcntl
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from hub.storage.objects import (
    Readable,
    Shown,
    Staged,
    StoredObject,
    check_name,
    locked,
    put_verified,
    stage_in,
    sweep,
)
from hub.storage.s3.bucket import PART, Bucket, Item, trash_key
from hub.storage.s3.reading import ObjectReader

_BUFFER = 256 * 1024


class S3Objects:
    """Objects below one folder of a bucket. ``spool`` is a local folder for what passes through this process.

    ``is_linked`` tells whether clients reach the bucket themselves, by signed links.
    """

    def __init__(self, bucket: Bucket, folder: str, spool: Path, *, is_linked: bool = True) -> None:
        self.bucket = bucket
        self._folder = folder
        self._spool = spool
        self._is_linked = is_linked
        self._lock = spool / "locks" / f"{folder}.lock"

    def stage(self, source: Readable, *, limit: int | None = None) -> Staged:
        """Take in bytes, hashing on the way. Raises TooLarge past ``limit`` bytes."""
        return stage_in(self._spool, source, limit)

    def adopt(self, staged: Staged, name: str) -> bool:
        """Make staged bytes the object ``name``; False when it was there already (it then counts as fresh).

        The caller has verified that the bytes deserve the name. Of two writers at once
        exactly one is told True, and its bytes are those that stay; beyond 64 MiB both may
        be told so, but such objects are named by their bytes.
        """
        key = self._key(name)
        with locked(self._lock, fcntl.LOCK_SH):
            inserted = False
            if not self._touch(name):
                if staged.size <= PART:
                    with staged.path.open("rb") as file:
                        inserted = self.bucket.put(key, file, if_absent=True)
                else:
                    self.bucket.put_file(key, staged.path)
                    inserted = True
        staged.drop()
        return inserted

    def adopt_copy(self, key: str, name: str) -> None:
        """Make what lies under a key of the same bucket the object ``name``; the caller has verified it."""
        with locked(self._lock, fcntl.LOCK_SH):
            self.bucket.copy(key, self._key(name))

    def put(self, source: Readable, sha256: str, *, size: int | None = None) -> int:
        """Store bytes that must have this sha256 (and length); gives the length. Raises DigestMismatch, TooLarge."""
        return put_verified(self, source, sha256, size)

    def touch(self, name: str) -> bool:
        """Let an object count as fresh, so that no sweep takes it; False when it is not there."""
        with locked(self._lock, fcntl.LOCK_SH):
            return self._touch(name)

    def discard(self, name: str, trash: Path, *, idle_since: float) -> bool:
        """Move an object into the bucket's trash; ``trash`` is the folder that files would go to.

        False, and nothing happens, when it is gone or was offered at ``idle_since`` (Unix
        seconds) or later.
        """
        with locked(self._lock, fcntl.LOCK_EX):
            stored = self.stored_at(name)
            if stored is None or stored >= idle_since:
                return False
            self.bucket.move(self._key(name), trash_key(trash, name))
            self.bucket.delete(self._mark(name))
        return True

    def put_back(self, name: str, trash: Path) -> bool:
        """Undo `discard`; False when the trash has no such object. One that came anew meanwhile stays."""
        with locked(self._lock, fcntl.LOCK_EX):
            if self.bucket.head(trash_key(trash, name)) is None:
                return False
            if self.exists(name):
                self.bucket.delete(trash_key(trash, name))
            else:
                self.bucket.move(trash_key(trash, name), self._key(name))
        return True

    def exists(self, name: str) -> bool:
        """Is the object there?"""
        return self.bucket.head(self._key(name)) is not None

    def size(self, name: str) -> int | None:
        """Its length in bytes, or None."""
        found = self.bucket.head(self._key(name))
        return None if found is None else found.size

    def stored_at(self, name: str) -> float | None:
        """When the object came or was last offered again (whole Unix seconds), or None."""
        found = self.bucket.head(self._key(name))
        if found is None:
            return None
        mark = self.bucket.head(self._mark(name))
        return found.modified if mark is None else max(found.modified, mark.modified)

    def open(self, name: str, first: int = 0, length: int | None = None) -> BinaryIO:
        """The object for reading from byte ``first``, seekable; ``length`` is how much of it is wanted.

        Raises ObjectMissing.
        """
        if length == 0:
            return io.BytesIO()
        reader = ObjectReader(self.bucket, self._key(name), first, length)
        return cast("BinaryIO", io.BufferedReader(reader, _BUFFER))

    def path(self, name: str) -> Path | None:
        """Nowhere on this machine."""
        return None

    def url(self, name: str, seconds: int, shown: Shown | None = None) -> str | None:
        """A link by which clients fetch the object (or a part of it) from the bucket; None when they cannot."""
        if not self._is_linked:
            return None
        return self.bucket.url_to_get(self._key(name), seconds, shown or Shown())

    def delete(self, name: str) -> bool:
        """Remove an object; False when it was gone."""
        there = self.exists(name)
        self.bucket.delete(self._key(name))
        self.bucket.delete(self._mark(name))
        return there

    def names(self) -> Iterator[StoredObject]:
        """All objects, by name."""
        marks = self.bucket.items(f"touched/{self._folder}/")
        mark = next(marks, None)
        for item in self.bucket.items(f"{self._folder}/"):
            name = _name(item)
            while mark is not None and _name(mark) < name:
                mark = next(marks, None)
            touched = mark.modified if mark is not None and _name(mark) == name else 0.0
            yield StoredObject(name, item.size, max(item.modified, touched))

    def sweep_stage(self, *, older_than: float = 86400.0) -> int:
        """Drop staged bytes whose writer died, ``older_than`` seconds ago; gives their number."""
        return sweep(self._spool, older_than)

    def _touch(self, name: str) -> bool:
        if not self.exists(name):
            return False
        self.bucket.put(self._mark(name), b"")
        return True

    def _key(self, name: str) -> str:
        check_name(name)
        return f"{self._folder}/{name}"

    def _mark(self, name: str) -> str:
        return f"touched/{self._key(name)}"


def _name(item: Item) -> str:
    return item.key.rpartition("/")[2]
