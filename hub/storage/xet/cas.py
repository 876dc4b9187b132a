"""The Xet store: xorbs, and files as recipes of terms over them.

What is kept, all of it verified before it is acknowledged:

* a xorb, as the client packed it, in an object store under its hash;
* its index, 40 bytes a chunk;
* a recipe for each file: sha256, length and terms, 44 bytes a term.

A database needs one row a file (hash, sha256, size) and none a chunk. Plain bytes are
rebuilt while they are read; nothing is stored twice.
"""

import hashlib
import mmap
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from hub.storage.errors import ObjectMissing, RangeBeyondEnd, XetError, XetMissing
from hub.storage.objects import LocalObjects, ObjectStore, Readable, StoredObject, write_file
from hub.storage.xet import hashing, shard
from hub.storage.xet.recipes import Recipes, XetFile
from hub.storage.xet.shard import FileRecord, Term
from hub.storage.xet.xorb import MAX_UPLOAD, Chunk, XorbIndex, parse, unpack_run

_READ_AHEAD = 1024 * 1024  # packed bytes read at a time
_CACHED_INDEXES = 128


@dataclass(frozen=True, slots=True)
class StoredXorb:
    """A xorb in the store: packed and plain length in bytes; ``inserted`` tells whether it is new."""

    hash: str
    packed_size: int
    plain_size: int
    chunks: int
    inserted: bool


class XetStore:
    """Xorbs, their indexes and recipes under one root. Safe for many threads and processes."""

    def __init__(self, root: Path, xorbs: ObjectStore | None = None) -> None:
        self.xorbs: ObjectStore = xorbs or LocalObjects(root / "xorbs")
        self.recipes = Recipes(root / "files")
        self._indexes = root / "indexes"
        self._cached_index = lru_cache(maxsize=_CACHED_INDEXES)(self._read_index)

    def put_xorb(self, xorb_hash: str, source: Readable) -> StoredXorb:
        """Take in a xorb: each chunk is unpacked and hashed, then it is stored durably.

        Raises XetError when it is malformed or is not the xorb it is called; TooLarge.
        """
        wanted = hashing.from_hex(xorb_hash)
        with self.xorbs.stage(source, limit=MAX_UPLOAD) as staged:
            if staged.size == 0:
                raise XetError("a xorb has at least one chunk")
            with staged.path.open("r+b") as file:
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data, memoryview(data) as view:
                    index = parse(view)
                # Footers of older clients repeat what the index says.
                file.truncate(index.packed_size)
            if index.hash() != wanted:
                raise XetError(f"the bytes that arrived are not the xorb {xorb_hash}")
            inserted = self.xorbs.adopt(staged, xorb_hash)
        place = self._index_place(xorb_hash)
        if inserted or not place.exists():
            write_file(place, index.data)
        return StoredXorb(xorb_hash, index.packed_size, index.plain_size, len(index), inserted)

    def has_xorb(self, xorb_hash: str) -> bool:
        """Is a xorb there, complete with its index?"""
        hashing.from_hex(xorb_hash)
        return self._index_place(xorb_hash).exists() and self.xorbs.exists(xorb_hash)

    def index(self, xorb_hash: str) -> XorbIndex:
        """Where the chunks of a xorb lie. Raises XetMissing."""
        hashing.from_hex(xorb_hash)
        return self._cached_index(xorb_hash)

    def accept_shard(self, data: bytes | memoryview) -> list[XetFile]:
        """Verify the files that a shard announces and keep their recipes; gives them.

        A file is taken only if every xorb is here; every term comes with the proof that
        the sender knows its chunks (knowing the hash of a xorb is not enough to use it);
        its id follows from its chunks; and, after reading it all once, its sha256 is the
        one claimed. Nothing is kept when one file fails. Raises XetError.
        """
        steps = self.accepting_shard(data)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value

    def accepting_shard(self, data: bytes | memoryview) -> Generator[tuple[int, int], None, list[XetFile]]:
        """``accept_shard`` step by step: yields (bytes verified, bytes in all), returns the files."""
        message = shard.parse(data)
        for announced in message.xorbs:
            self._check_xorb(announced)
        sizes = [self._check_file(record) for record in message.files]
        done, total = 0, sum(sizes)
        accepted = []
        for record, size in zip(message.files, sizes, strict=True):
            file = self.recipes.get(hashing.to_hex(record.hash))
            if file is None:
                digest = hashlib.sha256()
                for block in self._read(record.terms, 0, size):
                    digest.update(block)
                    done += len(block)
                    yield done, total
                file = XetFile(hashing.to_hex(record.hash), digest.hexdigest(), size, record.terms)
            else:
                done += size
            if record.sha256 not in (None, file.sha256):
                raise XetError(f"the file {file.hash} has the sha256 {file.sha256}, not {record.sha256}")
            accepted.append(file)
        for file in accepted:
            if self.recipes.get(file.hash) is None:
                self.recipes.put(file)
        return accepted

    def file(self, file_hash: str) -> XetFile:
        """A file of the store. Raises XetMissing."""
        hashing.from_hex(file_hash)
        found = self.recipes.get(file_hash)
        if found is None:
            raise XetMissing(f"the file {file_hash} is not in the store")
        return found

    def read_file(self, file_hash: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The plain bytes of a file, or of a range of it, in blocks of up to 128 KiB.

        Raises XetMissing, or RangeBeyondEnd when ``offset`` is past the end, before the
        first block.
        """
        file = self.file(file_hash)
        start, end = _clip(file.size, offset, length)
        return self._read(file.terms, start, end)

    def delete_file(self, file_hash: str) -> bool:
        """Forget a recipe; its xorbs stay until they are swept."""
        return self.recipes.delete(file_hash)

    def delete_xorb(self, xorb_hash: str) -> bool:
        """Remove a xorb that no recipe needs; False when it was gone."""
        hashing.from_hex(xorb_hash)
        self._index_place(xorb_hash).unlink(missing_ok=True)
        self._cached_index.cache_clear()
        return self.xorbs.delete(xorb_hash)

    def all_xorbs(self) -> Iterator[StoredObject]:
        """All xorbs with their packed length and the time they were last offered."""
        return self.xorbs.names()

    def _check_xorb(self, record: shard.XorbRecord) -> None:
        index = self.index(hashing.to_hex(record.hash))
        announced = [(raw, start, start + length) for raw, start, length in record.chunks]
        stored = [(chunk.hash, chunk.plain_start, chunk.plain_end) for chunk in index.run(0, len(index))]
        if announced != stored:
            raise XetError(f"the shard describes the xorb {hashing.to_hex(record.hash)} wrongly")

    def _check_file(self, record: FileRecord) -> int:
        """Check proofs and id; gives the length of the file."""
        name = hashing.to_hex(record.hash)
        if len(record.proofs) != len(record.terms):
            raise XetError(f"the file {name} comes without proofs of its chunks")
        tree = hashing.TreeHasher()
        size = 0
        for term, proof in zip(record.terms, record.proofs, strict=True):
            run = self.index(hashing.to_hex(term.xorb)).run(term.start, term.end)
            if hashing.range_hash(chunk.hash for chunk in run) != proof:
                raise XetError(f"a term of the file {name} lacks the proof that its chunks are known")
            if run[-1].plain_end - run[0].plain_start != term.length:
                raise XetError(f"a term of the file {name} has another length than it says")
            for chunk in run:
                tree.add(chunk.hash, chunk.length)
            size += term.length
        if tree.file_hash() != record.hash:
            raise XetError(f"the chunks do not make up the file {name}")
        return size

    def _read(self, terms: Iterable[Term], start: int, end: int) -> Iterator[bytes]:
        position = 0
        for term in terms:
            if position + term.length > start and position < end:
                yield from self._read_term(term, max(0, start - position), min(term.length, end - position))
            position += term.length

    def _read_term(self, term: Term, start: int, end: int) -> Iterator[bytes]:
        """Plain bytes ``start`` to ``end`` of one term."""
        name = hashing.to_hex(term.xorb)
        run = self.index(name).run(term.start, term.end)
        base = run[0].plain_start
        wanted = [chunk for chunk in run if chunk.plain_end - base > start and chunk.plain_start - base < end]
        try:
            with self.xorbs.open(name) as file:
                for batch in _batches(wanted):
                    file.seek(batch[0].packed_start)
                    packed = file.read(batch[-1].packed_end - batch[0].packed_start)
                    for chunk, plain in zip(batch, unpack_run(memoryview(packed), batch), strict=True):
                        at = chunk.plain_start - base
                        if at >= start and at + chunk.length <= end:
                            yield plain
                        else:
                            yield plain[max(0, start - at) : end - at]
        except ObjectMissing:
            raise XetMissing(f"the xorb {name} is not in the store") from None

    def _read_index(self, xorb_hash: str) -> XorbIndex:
        try:
            return XorbIndex(self._index_place(xorb_hash).read_bytes())
        except FileNotFoundError:
            raise XetMissing(f"the xorb {xorb_hash} is not in the store; upload it before the shard") from None

    def _index_place(self, xorb_hash: str) -> Path:
        return self._indexes / xorb_hash[:2] / xorb_hash[2:4] / xorb_hash


def _clip(size: int, offset: int, length: int | None) -> tuple[int, int]:
    if offset < 0 or (length is not None and length < 0):
        raise ValueError("offset and length are not negative")
    if offset > size or (offset == size and size > 0):
        raise RangeBeyondEnd(f"the file has {size} bytes")
    return offset, size if length is None else min(size, offset + length)


def _batches(chunks: Sequence[Chunk]) -> Iterator[list[Chunk]]:
    """Neighbouring chunks that are read together."""
    batch: list[Chunk] = []
    for chunk in chunks:
        if batch and chunk.packed_end - batch[0].packed_start > _READ_AHEAD:
            yield batch
            batch = []
        batch.append(chunk)
    if batch:
        yield batch
