"""The hashes of Xet: keyed BLAKE3 over chunks and over a tree of them.

Written for the wire, a hash is 32 bytes; for people and URLs it is 64 hex digits in
an order of its own: four little-endian words, each printed as a number.
"""

import re
import struct
from collections.abc import Iterable

from blake3 import blake3

from hub.storage.errors import XetError

HASH_SIZE = 32
NO_CHUNKS = bytes(HASH_SIZE)  # the hash of an empty file

# Fixed by the protocol ("Hashing" in the Xet specification).
DATA_KEY = bytes.fromhex("6697f5775b9550de3135cbaca597181c9de421109beb2b58b4d0b04b93adf229")
NODE_KEY = bytes.fromhex("017ec5c7a5472996fd946666b48a02e65ddd536f37c76dd2f86352e64a53713f")
RANGE_KEY = bytes.fromhex("7f1857d6ce56ed66127ff913e7a5c3f3a4cd26d5b5db49e64124987f28fb94c3")

_FEWEST_CHILDREN = 2
_MOST_CHILDREN = 9
_BRANCHING = 4
_DEDUP_MODULUS = 1024
_WORDS = struct.Struct("<4Q")
_HEX = re.compile(r"[0-9a-f]{64}")


def to_hex(raw: bytes) -> str:
    """32 bytes → the form used in URLs and JSON."""
    return "".join([f"{word:016x}" for word in _WORDS.unpack(raw)])


def from_hex(text: str) -> bytes:
    """The form used in URLs and JSON → 32 bytes. Raises XetError."""
    if not _HEX.fullmatch(text):
        raise XetError("a Xet hash is 64 lower-case hex digits")
    return _WORDS.pack(*(int(text[start : start + 16], 16) for start in (0, 16, 32, 48)))


def chunk_hash(data: bytes | memoryview) -> bytes:
    """The hash of a chunk, by its plain bytes."""
    return blake3(data, key=DATA_KEY).digest()


def range_hash(chunk_hashes: Iterable[bytes]) -> bytes:
    """The proof that somebody knows every chunk of a term."""
    return blake3(b"".join(chunk_hashes), key=RANGE_KEY).digest()


class TreeHasher:
    """The hash of a run of chunks, fed one by one: a tree over (hash, plain length).

    Each level groups two to nine nodes; a group ends early after a node whose last
    word is divisible by four, so that an insertion changes few groups. Only the open
    group of each level is held, so files of any length take no room.
    """

    def __init__(self) -> None:
        self._open: list[list[tuple[bytes, int]]] = [[]]
        self._counts = [0]

    def add(self, raw: bytes, length: int) -> None:
        """The next chunk: its hash and its plain length."""
        self._add(0, raw, length)

    def tree_hash(self) -> bytes:
        """The root, as xorbs use it. Nothing can be added afterwards."""
        if not self._counts[0]:
            return NO_CHUNKS
        level = 0
        while self._counts[level] > 1:
            if self._open[level]:
                self._close(level)
            level += 1
        return self._open[level][0][0]

    def file_hash(self) -> bytes:
        """The id of a file made of these chunks. Nothing can be added afterwards."""
        if not self._counts[0]:
            return NO_CHUNKS
        return blake3(self.tree_hash(), key=NO_CHUNKS).digest()

    def _add(self, level: int, raw: bytes, length: int) -> None:
        if level == len(self._open):
            self._open.append([])
            self._counts.append(0)
        group = self._open[level]
        group.append((raw, length))
        self._counts[level] += 1
        # The last word is little-endian: its lowest byte decides.
        natural_end = len(group) > _FEWEST_CHILDREN and raw[24] % _BRANCHING == 0
        if natural_end or len(group) == _MOST_CHILDREN:
            self._close(level)

    def _close(self, level: int) -> None:
        group = self._open[level]
        text = "".join(f"{to_hex(raw)} : {length}\n" for raw, length in group)
        total = sum(length for _, length in group)
        group.clear()
        self._add(level + 1, blake3(text.encode(), key=NODE_KEY).digest(), total)


def keyed(raw: bytes, key: bytes) -> bytes:
    """A chunk hash hidden under a key, as in answers to deduplication queries."""
    return blake3(raw, key=key).digest()


def is_dedup_eligible(raw: bytes) -> bool:
    """May clients ask for this chunk by its hash? One chunk in 1024."""
    return int.from_bytes(raw[24:], "little") % _DEDUP_MODULUS == 0
