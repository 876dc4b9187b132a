"""Uploads in parts that outlive the client: LFS multipart.

Parts are written to their place in one file, each followed by a small receipt
once it is durable. After a crash, on either side, the receipts say what is there.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hub.storage.errors import DigestMismatch, ObjectMissing, TooLarge, UploadIncomplete
from hub.storage.objects import BLOCK, ObjectStore, Readable, Staged, move_file, write_file

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


@dataclass(frozen=True, slots=True)
class Part:
    """A part that arrived: number from 1, length in bytes, sha256 as its ETag."""

    number: int
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload under way: the length of the whole and of each part but the last."""

    key: str
    size: int
    part_size: int

    @property
    def count(self) -> int:
        """How many parts there must be."""
        return max(1, -(-self.size // self.part_size))

    def length_of(self, number: int) -> int:
        """How long a part must be. Raises ValueError for a number that does not exist."""
        if not 1 <= number <= self.count:
            raise ValueError(f"this upload has the parts 1 to {self.count}")
        return min(self.part_size, self.size - (number - 1) * self.part_size)


class Uploads(Protocol):
    """What the hub needs of uploads that are not objects yet: files here, S3 in ``hub.storage.s3.uploads``."""

    def begin(self, key: str, *, size: int, part_size: int) -> Upload: ...
    def find(self, key: str) -> Upload: ...
    def put_part(self, key: str, number: int, source: Readable) -> Part: ...
    def parts(self, key: str) -> list[Part]: ...
    def whole_url(self, key: str, size: int, seconds: int) -> str | None: ...
    def part_urls(self, key: str, seconds: int) -> list[str] | None: ...
    def complete(self, key: str, sha256: str, store: ObjectStore) -> int: ...
    def abort(self, key: str) -> None: ...
    def idle(self, idle_since: float) -> Iterator[tuple[str, int]]: ...
    def discard(self, key: str, trash: Path, *, idle_since: float) -> bool: ...
    def put_back(self, key: str, trash: Path) -> bool: ...
    def sweep_stage(self, *, older_than: float = ...) -> int: ...


class PartialUploads:
    """Uploads in parts under ``root``, on the file system of the objects they become.

    A key is the caller's (letters, digits, ``-`` and ``_``) and must be bound to one
    person and one object, so that nobody writes into another's upload.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def begin(self, key: str, *, size: int, part_size: int) -> Upload:
        """Start an upload, or take up the one that is there with the same sizes."""
        wanted = Upload(key, size, part_size)
        try:
            found = self.find(key)
        except ObjectMissing:
            found = None
        if found == wanted:
            return wanted
        if found is not None:
            self.abort(key)
        write_file(self._folder(key) / "plan", f"{size} {part_size}".encode())
        return wanted

    def find(self, key: str) -> Upload:
        """An upload under way. Raises ObjectMissing."""
        try:
            size, part_size = (self._folder(key) / "plan").read_text().split()
        except FileNotFoundError:
            raise ObjectMissing("there is no such upload; it may be finished or too old") from None
        return Upload(key, int(size), int(part_size))

    def put_part(self, key: str, number: int, source: Readable) -> Part:
        """Store one part; sending it again replaces it.

        Raises DigestMismatch when it is short, TooLarge when it is long, ValueError for
        a wrong number, ObjectMissing when there is no such upload.
        """
        upload = self.find(key)
        length = upload.length_of(number)
        folder = self._folder(key)
        receipt = folder / f"{number}.part"
        receipt.unlink(missing_ok=True)
        digest = hashlib.sha256()
        position = (number - 1) * upload.part_size
        done = 0
        handle = os.open(folder / "data", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while block := source.read(BLOCK):
                if done + len(block) > length:
                    raise TooLarge(f"part {number} has more than {length} bytes")
                digest.update(block)
                _write_at(handle, block, position + done)
                done += len(block)
            if done != length:
                raise DigestMismatch(f"part {number} has {done} bytes instead of {length}")
            os.fdatasync(handle)
        finally:
            os.close(handle)
        part = Part(number, length, digest.hexdigest())
        write_file(receipt, part.etag.encode())
        return part

    def parts(self, key: str) -> list[Part]:
        """The parts that are there, by number."""
        upload = self.find(key)
        found = []
        for number in range(1, upload.count + 1):
            try:
                etag = (self._folder(key) / f"{number}.part").read_text()
            except FileNotFoundError:
                continue
            found.append(Part(number, upload.length_of(number), etag))
        return found

    def whole_url(self, key: str, size: int, seconds: int) -> str | None:
        """Files are brought through the site."""
        return None

    def part_urls(self, key: str, seconds: int) -> list[str] | None:
        """Files are brought through the site."""
        return None

    def complete(self, key: str, sha256: str, store: ObjectStore) -> int:
        """Turn a finished upload into the object ``sha256``; gives its length.

        Raises UploadIncomplete, or DigestMismatch (then the upload is gone: no part of it
        can be trusted).
        """
        upload = self.find(key)
        there = {part.number for part in self.parts(key)}
        missing = [number for number in range(1, upload.count + 1) if number not in there]
        if missing:
            raise UploadIncomplete(missing)
        data = self._folder(key) / "data"
        with data.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != sha256 or data.stat().st_size != upload.size:
            self.abort(key)
            raise DigestMismatch(f"the parts make up {digest}, not the object {sha256}")
        store.adopt(Staged(data, upload.size, digest), sha256)
        self.abort(key)
        return upload.size

    def abort(self, key: str) -> None:
        """Forget an upload; harmless when it is gone."""
        shutil.rmtree(self._folder(key), ignore_errors=True)

    def idle(self, idle_since: float) -> Iterator[tuple[str, int]]:
        """Uploads that nobody touched since (Unix seconds): key, and bytes on disk."""
        if not self.root.is_dir():
            return
        for folder in self.root.iterdir():
            with suppress(FileNotFoundError):
                if folder.stat().st_mtime < idle_since and _KEY.fullmatch(folder.name):
                    yield folder.name, sum(file.stat().st_blocks * 512 for file in folder.iterdir())

    def discard(self, key: str, trash: Path, *, idle_since: float) -> bool:
        """Move an idle upload into a folder of the same file system; False when it was taken up meanwhile."""
        folder = self._folder(key)
        with suppress(FileNotFoundError):
            if folder.stat().st_mtime < idle_since:
                move_file(folder, trash / key)
                return True
        return False

    def put_back(self, key: str, trash: Path) -> bool:
        """Undo `discard`; False when it is not there, or the upload began anew."""
        if not (trash / key).is_dir() or self._folder(key).exists():
            return False
        move_file(trash / key, self._folder(key))
        return True

    def sweep_stage(self, *, older_than: float = 86400.0) -> int:
        """Nothing lies here but uploads."""
        return 0

    def _folder(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError("the key of an upload is made of letters, digits, '-' and '_'")
        return self.root / key


def _write_at(handle: int, block: bytes, position: int) -> None:
    view = memoryview(block)
    while view:
        written = os.pwrite(handle, view, position)
        view = view[written:]
        position += written
