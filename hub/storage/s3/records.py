"""Small values by name in a bucket: ``<folder>/<name>``."""

import time
from collections.abc import Iterator

from hub.storage.errors import ObjectMissing
from hub.storage.objects import check_name
from hub.storage.s3.bucket import Bucket

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

    def names(self) -> Iterator[str]:
        """All names, in their order."""
        for item in self._bucket.items(f"{self._folder}/"):
            yield item.key.rpartition("/")[2]

    def _key(self, name: str) -> str:
        check_name(name)
        return f"{self._folder}/{name}"
