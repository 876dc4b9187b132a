"""Stores of immutable objects by name: what one must do, and the one on a file system.

Names are 64 hex digits: the sha256 for plain objects, the Xet hash for xorbs. An
object appears whole or not at all, and what ``adopt`` returned survives a power
cut: file and folder are flushed before and after the rename.
"""

import fcntl
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

from hub.storage.errors import DigestMismatch, ObjectMissing, StorageError, TooLarge

BLOCK = 1024 * 1024

_NAME = re.compile(r"[0-9a-f]{64}")


class Readable(Protocol):
    """A source of bytes; ``read`` gives b"" at its end."""

    def read(self, size: int = ..., /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Shown:
    """How a link shows an object: the only bytes it gives (first and last), its type, what to do with it."""

    byte_range: tuple[int, int] | None = None
    content_type: str = "application/octet-stream"
    disposition: str = ""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in a store: length in bytes, time of arrival in Unix seconds."""

    name: str
    size: int
    stored_at: float


class Staged:
    """Bytes that arrived but are not an object yet. Leaving the ``with`` drops what was not adopted."""

    def __init__(self, path: Path, size: int, sha256: str) -> None:
        self.path = path
        self.size = size
        self.sha256 = sha256

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.drop()

    def drop(self) -> None:
        """Forget the bytes; harmless after ``adopt``."""
        self.path.unlink(missing_ok=True)


class ObjectStore(Protocol):
    """What the hub needs of a store: files here, S3 in ``hub.storage.s3``, both in ``hub.storage.layered``."""

    def stage(self, source: Readable, *, limit: int | None = None) -> Staged: ...
    def adopt(self, staged: Staged, name: str) -> bool: ...
    def put(self, source: Readable, sha256: str, *, size: int | None = None) -> int: ...
    def touch(self, name: str) -> bool: ...
    def exists(self, name: str) -> bool: ...
    def size(self, name: str) -> int | None: ...
    def stored_at(self, name: str) -> float | None: ...
    def open(self, name: str, first: int = 0, length: int | None = None) -> BinaryIO: ...
    def path(self, name: str) -> Path | None: ...
    def url(self, name: str, seconds: int, shown: Shown | None = None) -> str | None: ...
    def delete(self, name: str) -> bool: ...
    def names(self) -> Iterator[StoredObject]: ...
    def discard(self, name: str, trash: Path, *, idle_since: float) -> bool: ...
    def put_back(self, name: str, trash: Path) -> bool: ...
    def sweep_stage(self, *, older_than: float = ...) -> int: ...


class LocalObjects:
    """Objects as files: ``root/ab/cd/<name>``, with ``root/stage`` on the same file system."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._stage = root / "stage"
        self._lock = root / "sweep.lock"

    def stage(self, source: Readable, *, limit: int | None = None) -> Staged:
        """Take in bytes, hashing on the way. Raises TooLarge past ``limit`` bytes."""
        return stage_in(self._stage, source, limit)

    def adopt(self, staged: Staged, name: str) -> bool:
        """Make staged bytes the object ``name``; False when it was there already (it then counts as fresh).

        The caller has verified that the bytes deserve the name. Of two writers at once
        exactly one is told True, and its bytes are those that stay.
        """
        target = self._place(name)
        make_folder(target.parent)
        staged.path.chmod(0o444)
        for _ in range(3):
            with locked(self._lock, fcntl.LOCK_SH):
                try:
                    target.hardlink_to(staged.path)
                except FileExistsError:
                    if not self._touch(name):
                        continue  # deleted in between
                    inserted = False
                else:
                    inserted = True
                    # Another name's time says when its bytes came, not when they were offered.
                    os.utime(target)
            staged.drop()
            flush_folder(target.parent)
            return inserted
        raise StorageError(f"the object {name} comes and goes")

    def put(self, source: Readable, sha256: str, *, size: int | None = None) -> int:
        """Store bytes that must have this sha256 (and length); gives the length.

        Raises DigestMismatch, or TooLarge as soon as more than ``size`` bytes arrive.
        """
        return put_verified(self, source, sha256, size)

    def touch(self, name: str) -> bool:
        """Let an object count as fresh, so that no sweep takes it; False when it is not there."""
        with locked(self._lock, fcntl.LOCK_SH):
            return self._touch(name)

    def discard(self, name: str, trash: Path, *, idle_since: float) -> bool:
        """Move an object into a folder of the same file system, from where `put_back` brings it back.

        False, and nothing happens, when it is gone or was offered at ``idle_since`` (Unix
        seconds) or later. Whoever stores or touches it at the same time comes before, and
        keeps it, or after, and stores it anew.
        """
        with locked(self._lock, fcntl.LOCK_EX):
            stored = self.stored_at(name)
            if stored is None or stored >= idle_since:
                return False
            move_file(self._place(name), trash / name)
        return True

    def put_back(self, name: str, trash: Path) -> bool:
        """Undo `discard`; False when the folder has no such object. One that came anew meanwhile stays."""
        if not (trash / name).is_file():
            return False
        with locked(self._lock, fcntl.LOCK_EX):
            if self.exists(name):
                (trash / name).unlink()
            else:
                move_file(trash / name, self._place(name))
        return True

    def _touch(self, name: str) -> bool:
        try:
            os.utime(self._place(name))
        except FileNotFoundError:
            return False
        return True

    def exists(self, name: str) -> bool:
        """Is the object there?"""
        return self._place(name).is_file()

    def size(self, name: str) -> int | None:
        """Its length in bytes, or None."""
        try:
            return self._place(name).stat().st_size
        except FileNotFoundError:
            return None

    def stored_at(self, name: str) -> float | None:
        """When the object came or was last offered again (Unix seconds), or None."""
        try:
            return self._place(name).stat().st_mtime
        except FileNotFoundError:
            return None

    def open(self, name: str, first: int = 0, length: int | None = None) -> BinaryIO:
        """The object for reading from byte ``first``, seekable; ``length`` says how much of it is wanted.

        Raises ObjectMissing.
        """
        try:
            file = self._place(name).open("rb")
        except FileNotFoundError:
            raise ObjectMissing(f"the object {name} is not in the store") from None
        file.seek(first)
        return file

    def path(self, name: str) -> Path | None:
        """Where the object's file lies, for sendfile; None when there is no object."""
        place = self._place(name)
        return place if place.is_file() else None

    def url(self, name: str, seconds: int, shown: Shown | None = None) -> str | None:
        """Where clients may fetch the object by themselves: nowhere, files are sent by the site."""
        return None

    def delete(self, name: str) -> bool:
        """Remove an object; False when it was gone."""
        try:
            self._place(name).unlink()
        except FileNotFoundError:
            return False
        return True

    def names(self) -> Iterator[StoredObject]:
        """All objects, in no order; those that vanish meanwhile are left out."""
        for first in _folders(self.root):
            for second in _folders(first):
                for file in second.iterdir():
                    if not _NAME.fullmatch(file.name):
                        continue
                    with suppress(FileNotFoundError):
                        facts = file.stat()
                        yield StoredObject(file.name, facts.st_size, facts.st_mtime)

    def sweep_stage(self, *, older_than: float = 86400.0) -> int:
        """Drop staged bytes whose writer died, ``older_than`` seconds ago; gives their number."""
        return sweep(self._stage, older_than)

    def _place(self, name: str) -> Path:
        check_name(name)
        return self.root / name[:2] / name[2:4] / name


def check_name(name: str) -> None:
    """Raises ValueError for anything but 64 lower-case hex digits."""
    if not _NAME.fullmatch(name):
        raise ValueError("the name of an object is 64 lower-case hex digits")


def stage_in(folder: Path, source: Readable, limit: int | None = None) -> Staged:
    """Take bytes into a new file of a folder, durably, hashing on the way. Raises TooLarge past ``limit`` bytes."""
    make_folder(folder)
    digest = hashlib.sha256()
    size = 0
    handle, name = tempfile.mkstemp(dir=folder)
    staged = Staged(Path(name), 0, "")
    try:
        with os.fdopen(handle, "wb", buffering=0) as file:
            while block := source.read(BLOCK):
                size += len(block)
                if limit is not None and size > limit:
                    raise TooLarge(f"more than the allowed {limit} bytes arrived")
                digest.update(block)
                _write_all(file, block)
            os.fsync(file.fileno())
    except BaseException:
        staged.drop()
        raise
    staged.size = size
    staged.sha256 = digest.hexdigest()
    return staged


def put_verified(store: ObjectStore, source: Readable, sha256: str, size: int | None = None) -> int:
    """Store bytes that must have this sha256 (and length); gives the length. Raises DigestMismatch, TooLarge."""
    check_name(sha256)
    with store.stage(source, limit=size) as staged:
        if staged.sha256 != sha256 or (size is not None and staged.size != size):
            raise DigestMismatch(
                f"the bytes that arrived ({staged.size}, sha256 {staged.sha256}) are not the object {sha256}"
            )
        store.adopt(staged, sha256)
        return staged.size


def write_file(path: Path, data: bytes) -> None:
    """Write a small file durably: all of it or nothing, whatever happens."""
    make_folder(path.parent)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).rename(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def sweep(folder: Path, older_than: float) -> int:
    """Remove files not touched for ``older_than`` seconds from one folder; gives their number."""
    if not folder.is_dir():
        return 0
    limit = time.time() - older_than
    count = 0
    for file in folder.iterdir():
        with suppress(FileNotFoundError):
            if file.is_file() and file.stat().st_mtime < limit:
                file.unlink()
                count += 1
    return count


def move_file(source: Path, target: Path) -> None:
    """Rename durably within a file system, making the folder."""
    make_folder(target.parent)
    source.rename(target)
    flush_folder(target.parent)
    flush_folder(source.parent)


@contextmanager
def locked(file: Path, kind: int) -> Iterator[None]:
    """Hold a lock that ends with its process: fcntl.LOCK_SH with others, fcntl.LOCK_EX alone."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as lock:
        fcntl.flock(lock, kind)
        yield


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, durably: what is flushed inside would be lost with it."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    flush_folder(folder.parent)


def flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return [entry for entry in parent.iterdir() if len(entry.name) == 2 and entry.is_dir()]


def _write_all(file: BinaryIO, block: bytes) -> None:
    """Unbuffered writes may be short."""
    view = memoryview(block)
    while view:
        view = view[file.write(view) :]
