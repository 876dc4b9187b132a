"""Small values by name in a bucket: ``<folder>/<name>``."""

import time
from collections.abc import Iterator
from pathlib import Path

from hub.storage.errors import ObjectMissing
from hub.storage.objects import StoredObject, check_name
from hub.storage.s3.bucket import Bucket, trash_key

# Seconds for which an answer is believed. A stale one does no harm: chunks are hashed whenever they are read.
_BELIEVED = 5.0
_MAX_BELIEVED = 10_000


class S3Records:
    """Records below one folder of a bucket."""

    def __init__(self, bucket: Bucket, folder: str) -> None:
        self._bucket = bucket
        self._folder = folder
        self._versions: dict[str, tuple[float, str]] = {}

    def get(self, name: str) -> bytes | None:
        """A value, or None."""
        try:
            return self._bucket.read(self._key(name))
        except ObjectMissing:
            return None

    def put(self, name: str, data: bytes) -> None:
        """Keep a value in the place of what was there."""
        self._bucket.put(self._key(name), data)
        self._versions.pop(name, None)

    def version(self, name: str) -> str | None:
        """Tells apart what stood under the same name at different times; None when there is nothing."""
        now = time.monotonic()
        asked, version = self._versions.get(name, (0.0, ""))
        if version and now - asked < _BELIEVED:
            return version
        found = self._bucket.head(self._key(name))
        if found is None:
            return None
        version = found.etag
        if len(self._versions) >= _MAX_BELIEVED:
            self._versions.clear()
        self._versions[name] = (now, version)
        return version

    def delete(self, name: str) -> bool:
        """Forget a value; False when it was gone."""
        there = self._bucket.head(self._key(name)) is not None
        self._bucket.delete(self._key(name))
        self._versions.pop(name, None)
        return there

    def touch(self, name: str) -> bool:
        """Let a value count as fresh; False when it is not there."""
        data = self.get(name)
        if data is None:
            return False
        self.put(name, data)
        return True

    def stored_at(self, name: str) -> float | None:
        """When it was put or touched (whole Unix seconds), or None."""
        found = self._bucket.head(self._key(name))
        return None if found is None else found.modified

    def items(self) -> Iterator[StoredObject]:
        """All of them, in the order of their names."""
        for item in self._bucket.items(f"{self._folder}/"):
            yield StoredObject(item.key.rpartition("/")[2], item.size, item.modified)

    def discard(self, name: str, trash: Path) -> bool:
        """Move a value into the bucket's trash; False when it is gone."""
        self._versions.pop(name, None)
        return self._bucket.move(self._key(name), trash_key(trash, name))

    def put_back(self, name: str, trash: Path) -> bool:
        """Undo `discard`; False when the trash has none. One that came anew meanwhile stays."""
        if self._bucket.head(trash_key(trash, name)) is None:
            return False
        if self._bucket.head(self._key(name)) is not None:
            self._bucket.delete(trash_key(trash, name))
            return True
        return self._bucket.move(trash_key(trash, name), self._key(name))

    def _key(self, name: str) -> str:
        check_name(name)
        return f"{self._folder}/{name}"
