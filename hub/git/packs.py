"""Putting new objects into a repository: a few loose, many as one pack.

Pack format: gitformat-pack(5). Objects are stored whole (no deltas); the
background repack finds deltas later.
"""

import hashlib
import struct
import subprocess
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pygit2.enums import ObjectType

from hub.git.errors import GitError
from hub.git.processes import environment
from hub.git.repositories import Repository

LOOSE_LIMIT = 20

_NAMES = {ObjectType.COMMIT: b"commit", ObjectType.TREE: b"tree", ObjectType.BLOB: b"blob"}
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class NewObject:
    """An object to write; ``data`` without git's header."""

    kind: ObjectType
    data: bytes


def object_id(kind: ObjectType, data: bytes) -> str:
    """The id git gives to an object."""
    header = b"%s %d\0" % (_NAMES[kind], len(data))
    return hashlib.sha1(header + data, usedforsecurity=False).hexdigest()


def write_objects(repo: Repository, objects: dict[str, NewObject]) -> None:
    """Store objects (by id) durably; those already there are left out."""
    # libgit2 claims to have the empty tree even where it is not on disk.
    fresh = {oid: new for oid, new in objects.items() if not new.data or oid not in repo}
    if len(fresh) < LOOSE_LIMIT:
        for new in fresh.values():
            repo.write(new.kind, new.data)
    else:
        _write_pack(repo, list(fresh.values()))


def _write_pack(repo: Repository, objects: list[NewObject]) -> None:
    """One pack through ``git index-pack``, which checks it and moves it into place."""
    with subprocess.Popen(
        ["git", "--git-dir", repo.path, "index-pack", "--stdin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        try:
            for block in pack_blocks(objects):
                process.stdin.write(block)
            process.stdin.close()
        except BrokenPipeError:
            pass  # its own words below say more
        words = process.stderr.read().decode("utf-8", "replace").strip()
    if process.returncode != 0:
        raise GitError(f"git index-pack failed: {words[-500:]}")


def pack_blocks(objects: list[NewObject]) -> Iterator[bytes]:
    """The bytes of a pack file, a megabyte or so at a time."""
    digest = hashlib.sha1(usedforsecurity=False)
    block = bytearray(struct.pack(">4sII", b"PACK", 2, len(objects)))
    for new in objects:
        block += _object_header(int(new.kind), len(new.data))
        block += zlib.compress(new.data)
        if len(block) >= _BLOCK:
            digest.update(block)
            yield bytes(block)
            block.clear()
    digest.update(block)
    yield bytes(block) + digest.digest()


def _object_header(kind: int, size: int) -> bytes:
    """Type and length, four bits and then seven at a time."""
    byte = (kind << 4) | (size & 15)
    size >>= 4
    header = bytearray()
    while size:
        header.append(byte | 0x80)
        byte = size & 0x7F
        size >>= 7
    header.append(byte)
    return bytes(header)


def pack_folder(repo: Repository) -> Path:
    """Where packs lie."""
    return Path(repo.path) / "objects" / "pack"
