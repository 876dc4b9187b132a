"""The Xet store: xorbs, and files as recipes of terms over them.

What is kept, all of it verified before it is acknowledged:

* a xorb, as the client packed it, in an object store under its hash;
* its index, 40 bytes a chunk;
* a recipe for each file: sha256, length and terms, 44 bytes a term.

A database needs one row a file (hash, sha256, size) and none a chunk. Plain bytes are
rebuilt while they are read; nothing is stored twice.
"""

import fcntl
import hashlib
import mmap
import os
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from hub.storage.errors import ObjectMissing, RangeBeyondEnd, XetError, XetMissing
from hub.storage.objects import LocalObjects, ObjectStore, Readable, StoredObject, locked
from hub.storage.records import LocalRecords, Records
from hub.storage.xet import hashing, shard
from hub.storage.xet.recipes import Recipes, XetFile
from hub.storage.xet.shard import FileRecord, Term
from hub.storage.xet.xorb import MAX_UPLOAD, Chunk, XorbIndex, parse, unpack_run

_READ_AHEAD = 1024 * 1024  # packed bytes read at a time
_CACHED_INDEXES = 128
MAX_FILE = 2**39  # bytes


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

    def __init__(
        self,
        root: Path,
        xorbs: ObjectStore | None = None,
        *,
        indexes: Records | None = None,
        recipes: Records | None = None,
    ) -> None:
        """Everything lies under ``root``, but for what is given other places. The lock always does."""
        self.xorbs: ObjectStore = xorbs or LocalObjects(root / "xorbs")
        self.indexes: Records = indexes or LocalRecords(root / "indexes")
        self.recipes = Recipes(recipes or LocalRecords(root / "files"))
        self._lock = root / "sweep.lock"
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
                index = _parse_file(file)
                if index.packed_size != staged.size:
                    # Footers of older clients repeat what the index says.
                    file.truncate(index.packed_size)
                    os.fsync(file.fileno())
            if index.hash() != wanted:
                raise XetError(f"the bytes that arrived are not the xorb {xorb_hash}")
            inserted = self.xorbs.adopt(staged, xorb_hash)
        is_indexed = not inserted and self.indexes.version(xorb_hash) is not None
        if not inserted and not is_indexed:
            # Its writer died between xorb and index, and may have packed it differently.
            with self.xorbs.open(xorb_hash) as file:
                index = parse(memoryview(file.read()))
        if not is_indexed:
            self.indexes.put(xorb_hash, index.data)
        return StoredXorb(xorb_hash, index.packed_size, index.plain_size, len(index), inserted)

    def has_xorb(self, xorb_hash: str) -> bool:
        """Is a xorb there, complete with its index?"""
        hashing.from_hex(xorb_hash)
        return self.indexes.version(xorb_hash) is not None and self.xorbs.exists(xorb_hash)

    def index(self, xorb_hash: str) -> XorbIndex:
        """Where the chunks of a xorb lie. Raises XetMissing."""
        hashing.from_hex(xorb_hash)
        version = self.indexes.version(xorb_hash)
        if version is None:
            raise XetMissing(f"the xorb {xorb_hash} is not in the store; upload it before the shard")
        return self._cached_index(xorb_hash, version)

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
        if total > MAX_FILE:
            raise XetError(f"the files of the shard are larger than {MAX_FILE} bytes; announce them in several shards")
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
        self.keep(accepted)
        return accepted

    def keep(self, files: Sequence[XetFile]) -> None:
        """Write the recipes of verified files, with the sweeper shut out. Raises XetMissing for a lost xorb."""
        with locked(self._lock, fcntl.LOCK_SH):
            for name in {name for file in files for name in file.xorbs}:
                if not self.xorbs.touch(name):
                    raise XetMissing(f"the xorb {name} is not in the store; upload it before the shard")
            for file in files:
                if not self.recipes.touch(file.hash):
                    self.recipes.put(file)

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

    def dedup_chunks(self, file: XetFile) -> dict[str, str]:
        """Chunks by which clients may ask for this file's xorbs (chunk → xorb, hex).

        Its first chunk, and one in 1024 of the others.
        """
        found = {}
        for position, term in enumerate(file.terms):
            xorb = hashing.to_hex(term.xorb)
            for number, chunk in enumerate(self.index(xorb).run(term.start, term.end)):
                if hashing.is_dedup_eligible(chunk.hash) or position == number == 0:
                    found[hashing.to_hex(chunk.hash)] = xorb
        return found

    def dedup_answer(self, xorbs: Iterable[str], *, key: bytes, expires: int) -> bytes:
        """The body for ``GET /v1/chunks/…/{chunk}``: what these xorbs hold, hidden under ``key``.

        The caller sees to it that the asker may read something of these xorbs.
        """
        rows = [(hashing.from_hex(name), self.index(name)) for name in xorbs]
        return shard.write_dedup_answer(rows, key=key, expires=expires)

    def delete_file(self, file_hash: str) -> bool:
        """Forget a recipe; its xorbs stay until they are swept."""
        return self.recipes.delete(file_hash)

    def discard_file(self, file_hash: str, trash: Path, *, idle_since: float) -> bool:
        """Move a recipe into a folder, unless a shard announced the file at ``idle_since`` or later."""
        with locked(self._lock, fcntl.LOCK_EX):
            return self.recipes.discard(file_hash, trash, idle_since=idle_since)

    def put_back_file(self, file_hash: str, trash: Path) -> bool:
        """Undo `discard_file`; False when the folder has no such recipe."""
        with locked(self._lock, fcntl.LOCK_EX):
            return self.recipes.put_back(file_hash, trash)

    def idle_xorbs(self, *, idle_since: float, forgotten: Collection[str] = ()) -> list[StoredObject]:
        """Xorbs that no recipe needs (those in ``forgotten`` do not count) and nobody offered since.

        Raises XetError when a recipe is damaged: what it needs is not known then.
        """
        idle = [xorb for xorb in self.xorbs.names() if xorb.stored_at < idle_since]
        needed = {name for file in self.recipes if file.hash not in forgotten for name in file.xorbs}
        return [xorb for xorb in idle if xorb.name not in needed]

    def discard_xorb(self, xorb: StoredObject, trash: Path) -> bool:
        """Move a xorb that `idle_xorbs` gave into a folder, with its index, unless a shard took it up meanwhile.

        Clients remember for three weeks what they uploaded and do not send it again: a
        xorb should be idle for a month.
        """
        with locked(self._lock, fcntl.LOCK_EX):
            if self.xorbs.stored_at(xorb.name) != xorb.stored_at:
                return False
            # The index goes first: who uploads the xorb just now finds none and writes it.
            self.indexes.discard(xorb.name, trash / "indexes")
            if self.xorbs.discard(xorb.name, trash, idle_since=xorb.stored_at + 1e-6):
                return True
            self.indexes.put_back(xorb.name, trash / "indexes")
        return False

    def put_back_xorb(self, xorb_hash: str, trash: Path) -> bool:
        """Undo `discard_xorb`; False when the folder has no such xorb."""
        with locked(self._lock, fcntl.LOCK_EX):
            self.indexes.put_back(xorb_hash, trash / "indexes")
            return self.xorbs.put_back(xorb_hash, trash)

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
            # A term of 48 bytes may stand for 64 MiB that are read here: few bytes must not buy days.
            if size > MAX_FILE:
                raise XetError(f"the file {name} is larger than {MAX_FILE} bytes")
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
        first = wanted[0].packed_start
        try:
            with self.xorbs.open(name, first, wanted[-1].packed_end - first) as file:
                for batch in _batches(wanted):
                    packed = file.read(batch[-1].packed_end - batch[0].packed_start)
                    for chunk, plain in zip(batch, unpack_run(memoryview(packed), batch), strict=True):
                        at = chunk.plain_start - base
                        if at >= start and at + chunk.length <= end:
                            yield plain
                        else:
                            yield plain[max(0, start - at) : end - at]
        except ObjectMissing:
            raise XetMissing(f"the xorb {name} is not in the store") from None

    def _read_index(self, xorb_hash: str, version: str) -> XorbIndex:
        """``version`` keeps apart what stood under the same name at different times."""
        data = self.indexes.get(xorb_hash)
        if data is None:
            raise XetMissing(f"the xorb {xorb_hash} is not in the store; upload it before the shard")
        return XorbIndex(data)


def _parse_file(file: BinaryIO) -> XorbIndex:
    """Read a xorb that lies in a file, without holding it in memory."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return parse(memoryview(data))
        except XetError as error:
            fault = str(error)
    # Raised anew out here: the first one's frames would keep the map from being closed.
    raise XetError(fault)


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
