"""Shards: the message that registers files, and the answer to deduplication queries.

All records are 48 bytes, little-endian. A header (tag, version, footer length) is
followed by file blocks, a bookend of all ones, xorb blocks, a bookend, and in
complete shards look-up tables and a footer, which readers here ignore.
"""

import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass

from hub.storage.errors import XetError
from hub.storage.xet import hashing
from hub.storage.xet.xorb import MAX_CHUNKS, XorbIndex

MAX_SHARD_SIZE = 128 * 1024 * 1024

TAG = b"HFRepoMetaData\0" + bytes.fromhex("556967456a7b815783a5bdd95ccdd14aa9")
VERSION = 2
FOOTER_VERSION = 1
RECORD = 48
FOOTER_SIZE = 200

WITH_PROOFS = 1 << 31
WITH_SHA256 = 1 << 30
DEDUP_CHUNK = 1 << 31

_BOOKEND = b"\xff" * 32
_HEADER = struct.Struct("<32sQQ")
_FILE = struct.Struct("<32sIIQ")
_TERM = struct.Struct("<32sIIII")
_XORB = struct.Struct("<32sIIII")
_CHUNK = struct.Struct("<32sIIII")
_FOOTER = struct.Struct("<9Q32sQQ48s4Q")  # no look-up tables: readers then scan


@dataclass(frozen=True, slots=True)
class Term:
    """A run of chunks (``end`` not included) of one xorb, ``length`` plain bytes."""

    xorb: bytes
    start: int
    end: int
    length: int


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file as a shard announces it: nothing of it is verified yet.

    ``proofs`` has one hash a term, or is empty; ``sha256`` is what the client claims.
    """

    hash: bytes
    terms: tuple[Term, ...]
    proofs: tuple[bytes, ...]
    sha256: str | None


@dataclass(frozen=True, slots=True)
class XorbRecord:
    """A xorb as a shard announces it: (hash, plain start, plain length) of each chunk."""

    hash: bytes
    chunks: tuple[tuple[bytes, int, int], ...]


@dataclass(frozen=True, slots=True)
class Shard:
    """What a shard says."""

    files: tuple[FileRecord, ...]
    xorbs: tuple[XorbRecord, ...]


class _Records:
    """Reads records one after the other, never past the end."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = memoryview(data)
        self._position = 0

    def take(self) -> bytes:
        record = bytes(self._data[self._position : self._position + RECORD])
        if len(record) < RECORD:
            raise XetError("the shard ends in the middle of a record")
        self._position += RECORD
        return record

    def left(self) -> int:
        """Whole records that are left."""
        return (len(self._data) - self._position) // RECORD


def parse(data: bytes | memoryview) -> Shard:
    """Read a shard. Raises XetError for anything malformed; memory stays within the input's size."""
    if len(data) > MAX_SHARD_SIZE:
        raise XetError("the shard is too large")
    records = _Records(data)
    tag, version, _ = _HEADER.unpack(records.take())
    if tag != TAG or version != VERSION:
        raise XetError("this is not a shard of version 2")
    files = []
    while (record := records.take())[:32] != _BOOKEND:
        files.append(_file(record, records))
    xorbs = []
    while (record := records.take())[:32] != _BOOKEND:
        xorbs.append(_xorb(record, records))
    return Shard(tuple(files), tuple(xorbs))


def _file(record: bytes, records: _Records) -> FileRecord:
    raw, flags, count, _ = _FILE.unpack(record)
    proven = bool(flags & WITH_PROOFS)
    if count * (2 if proven else 1) > records.left():
        raise XetError("a file in the shard has more terms than the shard has records")
    terms = []
    for _ in range(count):
        xorb, _, length, start, end = _TERM.unpack(records.take())
        if not start < end <= MAX_CHUNKS or length == 0:
            raise XetError("a term in the shard covers no chunks")
        terms.append(Term(xorb, start, end, length))
    proofs = tuple(records.take()[:32] for _ in range(count)) if proven else ()
    sha256 = hashing.to_hex(records.take()[:32]) if flags & WITH_SHA256 else None
    return FileRecord(raw, tuple(terms), proofs, sha256)


def _xorb(record: bytes, records: _Records) -> XorbRecord:
    raw, _, count, _, _ = _XORB.unpack(record)
    if not 0 < count <= min(MAX_CHUNKS, records.left()):
        raise XetError("a xorb in the shard has an impossible number of chunks")
    chunks = []
    for _ in range(count):
        chunk, start, length, _, _ = _CHUNK.unpack(records.take())
        chunks.append((chunk, start, length))
    return XorbRecord(raw, tuple(chunks))


def write(files: Iterable[FileRecord], xorbs: Iterable[XorbRecord] = ()) -> bytes:
    """A shard as clients upload it: no tables, no footer."""
    parts = [_HEADER.pack(TAG, VERSION, 0)]
    for file in files:
        flags = (WITH_PROOFS if file.proofs else 0) | (WITH_SHA256 if file.sha256 else 0)
        parts.append(_FILE.pack(file.hash, flags, len(file.terms), 0))
        parts += [_TERM.pack(term.xorb, 0, term.length, term.start, term.end) for term in file.terms]
        parts += [proof + bytes(16) for proof in file.proofs]
        if file.sha256:
            parts.append(hashing.from_hex(file.sha256) + bytes(16))
    parts.append(_BOOKEND + bytes(16))
    for xorb in xorbs:
        length = sum(chunk[2] for chunk in xorb.chunks)
        parts.append(_XORB.pack(xorb.hash, 0, len(xorb.chunks), length, 0))
        parts += [_CHUNK.pack(raw, start, size, 0, 0) for raw, start, size in xorb.chunks]
    parts.append(_BOOKEND + bytes(16))
    return b"".join(parts)


def write_dedup_answer(xorbs: Iterable[tuple[bytes, XorbIndex]], *, key: bytes, expires: int) -> bytes:
    """A complete shard that tells a client which chunks are here already.

    Chunk hashes are hidden under ``key`` (32 random bytes): the answer helps only who has
    the chunks, and proves nothing by itself. ``expires`` is Unix time in seconds.
    """
    blocks = []
    for raw, index in xorbs:
        run = index.run(0, len(index))
        blocks.append(_XORB.pack(raw, 0, len(run), index.plain_size, index.packed_size))
        blocks += [_CHUNK.pack(hashing.keyed(chunk.hash, key), chunk.plain_start, chunk.length, 0, 0) for chunk in run]
    bookend = _BOOKEND + bytes(16)
    section = b"".join(blocks) + bookend
    end = 2 * RECORD + len(section)
    footer = _FOOTER.pack(
        FOOTER_VERSION,
        RECORD,
        2 * RECORD,
        end,
        0,
        end,
        0,
        end,
        0,
        key,
        int(time.time()),
        expires,
        bytes(48),
        0,
        0,
        0,
        end,
    )
    return _HEADER.pack(TAG, VERSION, FOOTER_SIZE) + bookend + section + footer
