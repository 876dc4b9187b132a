"""What any ref of a repository reaches: commits, and the large objects that pointers name."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hub.git.errors import GitError
from hub.git.lfs_pointer import MAX_POINTER_SIZE, Pointer, parse_pointer
from hub.git.processes import run_git

_HOUR = 3600.0
_BATCH = 10_000  # blobs read at a time, 1 KiB each at most


@dataclass(frozen=True, slots=True)
class Named:
    """A large object that some commit names: its pointer, the pointer's blob, one path where it lay."""

    pointer: Pointer
    blob: str
    path: str


def named_objects(path: Path) -> dict[str, Named]:
    """All large objects that any commit of any ref names, by sha256.

    Walks the whole history, of hidden refs too: for background work and rare requests.
    Raises GitError when something cannot be read; half an answer would be taken for all of it.
    """
    listing = run_git(path, "rev-list", "--objects", "--all", "--reflog", timeout=_HOUR, low_priority=True)
    paths: dict[str, str] = {}
    for line in listing.splitlines():
        oid, _, where = line.partition(b" ")
        paths[oid.decode()] = where.decode("utf-8", "surrogateescape")
    found: dict[str, Named] = {}
    for blob, data in _small_blobs(path, list(paths)):
        pointer = parse_pointer(data)
        if pointer is not None:
            found.setdefault(pointer.sha256, Named(pointer, blob, paths[blob]))
    return found


def _small_blobs(path: Path, oids: list[str]) -> Iterator[tuple[str, bytes]]:
    """Those of the objects that are blobs no longer than a pointer."""
    request = "".join(f"{oid}\n" for oid in oids).encode()
    sizes = run_git(
        path, "cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)", stdin=request, timeout=_HOUR
    )
    small = []
    for line in sizes.decode().splitlines():
        oid, kind, *size = line.split(" ")
        if kind == "missing":
            raise GitError(f"the object {oid} is missing")
        if kind == "blob" and int(size[0]) <= MAX_POINTER_SIZE:
            small.append(oid)
    if small:
        yield from _contents(path, small)


def _contents(path: Path, oids: list[str]) -> Iterator[tuple[str, bytes]]:
    for start in range(0, len(oids), _BATCH):
        batch = oids[start : start + _BATCH]
        request = "".join(f"{oid}\n" for oid in batch).encode()
        output = run_git(path, "cat-file", "--batch", "--buffer", stdin=request, timeout=_HOUR)
        position = 0
        for oid in batch:
            end = output.index(b"\n", position)
            size = int(output[position:end].split(b" ")[2])
            yield oid, output[end + 1 : end + 1 + size]
            position = end + 1 + size + 1
