"""Stores for the tests of the object layer."""

import io
from pathlib import Path

import pytest

from hub.storage.objects import LocalObjects
from hub.storage.xet import hashing, shard, xorb
from hub.storage.xet.cas import XetStore
from hub.storage.xet.shard import FileRecord, Term


@pytest.fixture
def objects(tmp_path: Path) -> LocalObjects:
    """An empty store of plain objects."""
    return LocalObjects(tmp_path / "objects")


@pytest.fixture
def store(tmp_path: Path) -> XetStore:
    """An empty Xet store."""
    return XetStore(tmp_path / "xet")


class PackedXorb:
    """A xorb made of given chunks, as a client would pack it."""

    def __init__(self, chunks: list[bytes], scheme: int = xorb.LZ4) -> None:
        self.chunks = chunks
        self.body = b"".join(xorb.pack(chunk, scheme) for chunk in chunks)
        self.hashes = [hashing.chunk_hash(chunk) for chunk in chunks]
        tree = hashing.TreeHasher()
        for raw, chunk in zip(self.hashes, chunks, strict=True):
            tree.add(raw, len(chunk))
        self.raw = tree.tree_hash()
        self.name = hashing.to_hex(self.raw)

    def term(self, start: int, end: int) -> Term:
        """The term that covers some chunks."""
        return Term(self.raw, start, end, sum(len(chunk) for chunk in self.chunks[start:end]))

    def proof(self, start: int, end: int) -> bytes:
        """What shows that one knows them."""
        return hashing.range_hash(self.hashes[start:end])

    def put(self, store: XetStore):
        """Upload it."""
        return store.put_xorb(self.name, io.BytesIO(self.body))


def file_record(*parts: tuple[PackedXorb, int, int], sha256: str | None = None) -> FileRecord:
    """An honest announcement of a file made of runs of chunks."""
    tree = hashing.TreeHasher()
    for packed, start, end in parts:
        for number in range(start, end):
            tree.add(packed.hashes[number], len(packed.chunks[number]))
    return FileRecord(
        tree.file_hash(),
        tuple(packed.term(start, end) for packed, start, end in parts),
        tuple(packed.proof(start, end) for packed, start, end in parts),
        sha256,
    )


def shard_of(*files: FileRecord) -> bytes:
    """A shard that announces files."""
    return shard.write(files)
