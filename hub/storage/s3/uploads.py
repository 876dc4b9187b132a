"""Uploads that clients bring straight to the bucket, until their sha256 was verified here.

An object in one piece waits under ``staging/<key>``, one in parts as an upload of the
server's own, then under ``parts/<key>``. The link to one piece works for its whole
time, so the bytes behind it may change at any moment: what is verified is a copy that
no link leads to. Parts cannot change once they were put together.
"""

import fcntl
import hashlib
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from hub.storage.errors import DigestMismatch, ObjectMissing, TooLarge, UploadIncomplete
from hub.storage.objects import ObjectStore, Readable, locked, stage_in, sweep
from hub.storage.s3.bucket import MAX_PUT, Bucket
from hub.storage.s3.objects import S3Objects
from hub.storage.s3.reading import ObjectReader
from hub.storage.uploads import Part, Upload

SMALLEST_PART = 5 * 1024 * 1024  # bytes; S3 takes no smaller one but the last
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_BLOCK = 1024 * 1024


class S3Uploads:
    """Uploads below ``plans/``, ``parts/``, ``staging/`` and ``verifying/``; keys as in `PartialUploads`.

    ``objects`` is where they become objects; ``spool`` a local folder for parts that pass
    through this process and for locks; ``is_linked`` tells whether clients reach the bucket.
    """

    def __init__(self, bucket: Bucket, objects: S3Objects, spool: Path, *, is_linked: bool = True) -> None:
        self._bucket = bucket
        self._objects = objects
        self._spool = spool
        self._is_linked = is_linked

    def begin(self, key: str, *, size: int, part_size: int) -> Upload:
        """Start an upload in parts, or take up the one that is there with the same sizes."""
        wanted = Upload(key, size, max(part_size, SMALLEST_PART))
        plan = self._plan(key)
        if plan is not None and plan[0] == wanted:
            self._bucket.put(_plans(key), _written(wanted, plan[1]))  # it is fresh again
            return wanted
        if plan is not None:
            self.abort(key)
        upload = self._bucket.begin_parts(_parts(key))
        if not self._bucket.put(_plans(key), _written(wanted, upload), if_absent=True):
            # Somebody began it at the same moment: theirs counts for both.
            self._bucket.abort_parts(_parts(key), upload)
        return self.find(key)

    def find(self, key: str) -> Upload:
        """An upload in parts under way. Raises ObjectMissing."""
        return self._known(key)[0]

    def put_part(self, key: str, number: int, source: Readable) -> Part:
        """Store one part that comes through this process; sending it again replaces it.

        Raises DigestMismatch when it is short, TooLarge when it is long, ValueError for
        a wrong number, ObjectMissing when there is no such upload.
        """
        plan, upload = self._known(key)
        length = plan.length_of(number)
        try:
            staged = stage_in(self._spool, source, length)
        except TooLarge as error:
            raise TooLarge(f"part {number} has more than {length} bytes") from error
        with staged:
            if staged.size != length:
                raise DigestMismatch(f"part {number} has {staged.size} bytes instead of {length}")
            with staged.path.open("rb") as file:
                etag = self._bucket.put_part(_parts(key), upload, number, file)
        return Part(number, length, etag)

    def parts(self, key: str) -> list[Part]:
        """The parts that are there, by number. Raises ObjectMissing."""
        _plan, upload = self._known(key)
        return [Part(*row) for row in self._bucket.parts(_parts(key), upload)]

    def whole_url(self, key: str, size: int, seconds: int) -> str | None:
        """A link by which a client brings the object in one piece; None when it must come through the site."""
        _check(key)
        if not self._is_linked or not 0 < size <= MAX_PUT:
            return None
        return self._bucket.url_to_put(_staging(key), seconds, size)

    def part_urls(self, key: str, seconds: int) -> list[str] | None:
        """Links for the parts of an upload under way, from the first; None when they must come through the site."""
        if not self._is_linked:
            return None
        plan, upload = self._known(key)
        numbers = range(1, plan.count + 1)
        return [
            self._bucket.url_to_put_part(_parts(key), upload, number, seconds, plan.length_of(number))
            for number in numbers
        ]

    def complete(self, key: str, sha256: str, store: ObjectStore) -> int:
        """Verify what arrived and make it the object ``sha256``; gives its length. Repeating it is harmless.

        What arrived is kept until `abort`, so that nothing is lost when the process dies before
        it noted the object. Raises ObjectMissing, UploadIncomplete, or DigestMismatch (then the
        upload is gone: no part of it can be trusted).
        """
        with self._alone(key), self._arrived(key) as source:
            digest, size = self._digest(source)
            if digest != sha256:
                self.abort(key)
                raise DigestMismatch(f"the bytes that arrived make up {digest}, not the object {sha256}")
            if not store.touch(sha256):
                self._objects.adopt_copy(source, sha256)
        return size

    def abort(self, key: str) -> None:
        """Forget an upload; harmless when it is gone."""
        plan = self._plan(key)
        if plan is not None:
            self._bucket.abort_parts(_parts(key), plan[1])
        for place in (_parts(key), _staging(key), _plans(key)):
            self._bucket.delete(place)

    def idle(self, idle_since: float) -> Iterator[tuple[str, int]]:
        """Uploads that nobody began or brought since (Unix seconds): key, and bytes."""
        newest: dict[str, float] = {}
        sizes: dict[str, int] = defaultdict(int)
        for folder in ("plans/", "parts/", "staging/"):
            for item in self._bucket.items(folder):
                key = item.key.rpartition("/")[2]
                newest[key] = max(newest.get(key, 0.0), item.modified)
                sizes[key] += item.size
        for key, modified in newest.items():
            if modified < idle_since:
                yield key, sizes[key] + self._waiting(key)

    def discard(self, key: str, trash: Path, *, idle_since: float) -> bool:
        """Forget an idle upload for good: parts that are no object cannot be moved. False when it was taken up."""
        places = (self._bucket.head(place) for place in (_plans(key), _parts(key), _staging(key)))
        times = [found.modified for found in places if found is not None]
        if not times or max(times) >= idle_since:
            return False
        self.abort(key)
        return True

    def put_back(self, key: str, trash: Path) -> bool:
        """Uploads do not come back; their clients send them anew."""
        return False

    def sweep_stage(self, *, older_than: float = 86400.0) -> int:
        """Drop copies whose verification died, ``older_than`` seconds ago; gives their number."""
        limit = time.time() - older_than
        old = [item.key for item in self._bucket.items("verifying/") if item.modified < limit]
        for key in old:
            self._bucket.delete(key)
        sweep(self._spool / "uploads", 8 * 86400.0)
        return len(old)

    def _waiting(self, key: str) -> int:
        """Bytes of the parts that are not one object yet."""
        try:
            return sum(part.size for part in self.parts(key))
        except ObjectMissing:
            return 0

    @contextmanager
    def _arrived(self, key: str) -> Iterator[str]:
        """Where the bytes lie that cannot change any more. Raises ObjectMissing, UploadIncomplete."""
        plan = self._plan(key)
        if plan is not None:
            self._put_together(*plan)
            yield _parts(key)
            return
        snapshot = f"verifying/{uuid4().hex}"
        self._bucket.copy(_staging(key), snapshot)
        try:
            yield snapshot
        finally:
            self._bucket.delete(snapshot)

    def _put_together(self, plan: Upload, upload: str) -> None:
        place = _parts(plan.key)
        try:
            there = {number for number, size, _etag in self._bucket.parts(place, upload) if _fits(plan, number, size)}
            missing = [number for number in range(1, plan.count + 1) if number not in there]
            if missing:
                raise UploadIncomplete(missing)
            self._bucket.complete_parts(place, upload)
        except ObjectMissing:
            # The process died after this step: the parts are one object already.
            if self._bucket.head(place) is None:
                raise

    def _digest(self, source: str) -> tuple[str, int]:
        digest, size = hashlib.sha256(), 0
        with ObjectReader(self._bucket, source) as reader:
            while block := reader.read(_BLOCK):
                digest.update(block)
                size += len(block)
        return digest.hexdigest(), size

    def _known(self, key: str) -> tuple[Upload, str]:
        plan = self._plan(key)
        if plan is None:
            raise ObjectMissing("there is no such upload; it may be finished or too old")
        return plan

    def _plan(self, key: str) -> tuple[Upload, str] | None:
        """Sizes of an upload in parts, and its id at the server."""
        _check(key)
        try:
            size, part_size, upload = self._bucket.read(_plans(key)).decode().split(" ", 2)
        except ObjectMissing:
            return None
        return Upload(key, int(size), int(part_size)), upload

    @contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        """Clients that lose patience ask again: the second waits for the first instead of reading all again."""
        with locked(self._spool / "uploads" / key, fcntl.LOCK_EX):
            yield


def _written(plan: Upload, upload: str) -> bytes:
    return f"{plan.size} {plan.part_size} {upload}".encode()


def _fits(plan: Upload, number: int, size: int) -> bool:
    return 1 <= number <= plan.count and plan.length_of(number) == size


def _check(key: str) -> None:
    if not _KEY.fullmatch(key):
        raise ValueError("the key of an upload is made of letters, digits, '-' and '_'")


def _plans(key: str) -> str:
    return f"plans/{key}"


def _parts(key: str) -> str:
    return f"parts/{key}"


def _staging(key: str) -> str:
    return f"staging/{key}"
