"""Xorbs: runs of compressed chunks, as clients upload and fetch them.

Each chunk is preceded by eight bytes: version 0, compressed length (3), scheme (1),
plain length (3), little-endian. Older clients append a footer that starts with
``XETBLOB``; it repeats what the chunks say and is cut off.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import lz4.frame

from hub.storage.errors import XetError
from hub.storage.xet import hashing

MAX_XORB_SIZE = 64 * 1024 * 1024
MAX_CHUNKS = 8192
MAX_CHUNK = 128 * 1024
# A chunk that does not shrink is stored as it is; its header comes on top.
MAX_UPLOAD = MAX_XORB_SIZE + MAX_CHUNKS * 48 + 64 * 1024

HEADER_SIZE = 8
PLAIN, LZ4, GROUPED_LZ4 = 0, 1, 2

_FOOTER = b"XETBLOB"
_MAGIC = b"XORBIDX1"
_ROW = struct.Struct("<32sII")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk in its xorb: where its header starts and its body ends, and the plain length before its end."""

    hash: bytes
    packed_start: int
    packed_end: int
    plain_start: int
    plain_end: int

    @property
    def length(self) -> int:
        """Plain bytes."""
        return self.plain_end - self.plain_start


class XorbIndex:
    """Where each chunk of a xorb lies; 40 bytes a chunk, on disk and in memory.

    Raises XetError when ``data`` is not an index.
    """

    def __init__(self, data: bytes) -> None:
        rows = len(data) - len(_MAGIC)
        if not data.startswith(_MAGIC) or rows <= 0 or rows % _ROW.size:
            raise XetError("the index of a xorb is damaged")
        self.data = data
        self._count = rows // _ROW.size

    @classmethod
    def build(cls, rows: Iterable[tuple[bytes, int, int]]) -> "XorbIndex":
        """From (hash, packed end, plain end) of each chunk."""
        return cls(_MAGIC + b"".join(_ROW.pack(*row) for row in rows))

    def __len__(self) -> int:
        return self._count

    @property
    def packed_size(self) -> int:
        """Bytes of the stored xorb."""
        return self._row(self._count - 1)[1]

    @property
    def plain_size(self) -> int:
        """Bytes of all chunks together, unpacked."""
        return self._row(self._count - 1)[2]

    def hash(self) -> bytes:
        """The hash that the xorb goes by."""
        tree = hashing.TreeHasher()
        for chunk in self.run(0, self._count):
            tree.add(chunk.hash, chunk.length)
        return tree.tree_hash()

    def run(self, start: int, end: int) -> list[Chunk]:
        """Chunks ``start`` to ``end`` (not included). Raises XetError when there are none such."""
        if not 0 <= start < end <= self._count:
            raise XetError(f"the xorb has {self._count} chunks, not {start} to {end}")
        packed, plain = self._row(start - 1)[1:] if start else (0, 0)
        found = []
        for position in range(start, end):
            raw, packed_end, plain_end = self._row(position)
            found.append(Chunk(raw, packed, packed_end, plain, plain_end))
            packed, plain = packed_end, plain_end
        return found

    def _row(self, position: int) -> tuple[bytes, int, int]:
        return _ROW.unpack_from(self.data, len(_MAGIC) + position * _ROW.size)


def parse(data: bytes | memoryview) -> XorbIndex:
    """Read an uploaded xorb: every chunk is unpacked and hashed, with bounded memory.

    Raises XetError for anything malformed. The caller compares ``index.hash()`` with the
    name under which the xorb came, and keeps ``index.packed_size`` bytes of it.
    """
    view = memoryview(data)
    rows: list[tuple[bytes, int, int]] = []
    position = plain = 0
    while position < len(view):
        if bytes(view[position : position + len(_FOOTER)]) == _FOOTER:
            break
        if len(rows) == MAX_CHUNKS:
            raise XetError(f"a xorb has at most {MAX_CHUNKS} chunks")
        body, scheme, length = read_header(view, position)
        start = position + HEADER_SIZE
        position = start + body
        chunk = unpack(view[start:position], scheme, length)
        plain += length
        rows.append((hashing.chunk_hash(chunk), position, plain))
    if not rows:
        raise XetError("a xorb has at least one chunk")
    if plain > MAX_XORB_SIZE or position > MAX_XORB_SIZE + HEADER_SIZE * len(rows):
        raise XetError(f"a xorb holds at most {MAX_XORB_SIZE} bytes")
    return XorbIndex.build(rows)


def read_header(view: memoryview, position: int) -> tuple[int, int, int]:
    """(compressed length, scheme, plain length) of the chunk at ``position``; bounds checked."""
    header = bytes(view[position : position + HEADER_SIZE])
    if len(header) < HEADER_SIZE:
        raise XetError("the xorb ends in the middle of a chunk header")
    body = int.from_bytes(header[1:4], "little")
    scheme = header[4]
    length = int.from_bytes(header[5:8], "little")
    if header[0] != 0:
        raise XetError(f"chunk version {header[0]} is not known here")
    if scheme not in (PLAIN, LZ4, GROUPED_LZ4):
        raise XetError(f"compression scheme {scheme} is not known here")
    if not 0 < length <= MAX_CHUNK or not 0 < body <= 2 * MAX_CHUNK:
        raise XetError("a chunk has an impossible length")
    if position + HEADER_SIZE + body > len(view):
        raise XetError("the xorb ends in the middle of a chunk")
    return body, scheme, length


def unpack(body: memoryview, scheme: int, length: int) -> bytes:
    """The plain bytes of a chunk; never more than ``length`` of them come into being."""
    if scheme == PLAIN:
        if len(body) != length:
            raise XetError("a plain chunk has two different lengths")
        return bytes(body)
    unpacker = lz4.frame.LZ4FrameDecompressor()
    try:
        plain = unpacker.decompress(body, max_length=length)
        whole = len(plain) == length and (unpacker.eof or unpacker.decompress(b"", max_length=1) == b"")
    except (RuntimeError, EOFError, ValueError) as error:
        raise XetError("a chunk is not valid LZ4") from error
    if not whole or not unpacker.eof or unpacker.unused_data:
        raise XetError("a chunk unpacks to another length than it says")
    return _ungroup(plain) if scheme == GROUPED_LZ4 else plain


def pack(data: bytes, scheme: int = LZ4) -> bytes:
    """A chunk with its header; stored plain when packing does not help."""
    body = b""
    if scheme != PLAIN:
        body = lz4.frame.compress(_group(data) if scheme == GROUPED_LZ4 else data)
    if scheme == PLAIN or len(body) >= len(data):
        scheme, body = PLAIN, data
    return bytes([0]) + len(body).to_bytes(3, "little") + bytes([scheme]) + len(data).to_bytes(3, "little") + body


def unpack_run(data: memoryview, chunks: Sequence[Chunk]) -> Iterator[bytes]:
    """The plain bytes of neighbouring chunks, whose packed bytes are ``data``.

    Each is hashed again (cheap beside unpacking): a damaged disk shows, it does not lie.
    """
    base = chunks[0].packed_start
    for chunk in chunks:
        position = chunk.packed_start - base
        body, scheme, length = read_header(data, position)
        if length != chunk.length or position + HEADER_SIZE + body != chunk.packed_end - base:
            raise XetError("a stored xorb does not match its index")
        start = position + HEADER_SIZE
        plain = unpack(data[start : start + body], scheme, length)
        if hashing.chunk_hash(plain) != chunk.hash:
            raise XetError("a stored xorb is damaged")
        yield plain


def _group(data: bytes) -> bytes:
    """Every fourth byte together: floats pack better when exponents are neighbours."""
    return data[0::4] + data[1::4] + data[2::4] + data[3::4]


def _ungroup(data: bytes) -> bytes:
    plain = bytearray(len(data))
    position = 0
    for lane in range(4):
        length = (len(data) - lane + 3) // 4
        plain[lane::4] = data[position : position + length]
        position += length
    return bytes(plain)
