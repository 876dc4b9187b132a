"""Giving a file that came through another door its Xet form: same chunks, same id as a client's."""

import hashlib
import io

from hub.storage.errors import DigestMismatch
from hub.storage.objects import Readable
from hub.storage.xet import chunking, hashing, xorb
from hub.storage.xet.cas import XetStore
from hub.storage.xet.recipes import XetFile
from hub.storage.xet.shard import Term

_XORB_SIZE = 16 * 1024 * 1024  # plain bytes; smaller than a client's, to spare memory


def ingest(store: XetStore, source: Readable, *, sha256: str | None = None) -> XetFile:
    """Chunk a stream, store its xorbs and its recipe, durably; gives the file.

    About 50 MB/s: for background work. Raises DigestMismatch when the bytes do not have
    the given sha256; xorbs stored so far are left to the sweep.
    """
    digest = hashlib.sha256()
    tree = hashing.TreeHasher()
    terms: list[Term] = []
    packing = _Packing()
    size = 0
    for chunk in chunking.chunks(source):
        digest.update(chunk)
        size += len(chunk)
        raw = hashing.chunk_hash(chunk)
        tree.add(raw, len(chunk))
        if packing.length + len(chunk) > _XORB_SIZE:
            terms.append(packing.store(store))
            packing = _Packing()
        packing.add(raw, chunk)
    if packing.count:
        terms.append(packing.store(store))
    if sha256 not in (None, digest.hexdigest()):
        raise DigestMismatch(f"the bytes have the sha256 {digest.hexdigest()}, not {sha256}")
    file = XetFile(hashing.to_hex(tree.file_hash()), digest.hexdigest(), size, tuple(terms))
    store.keep([file])
    return store.file(file.hash)


class _Packing:
    """A xorb that is being filled."""

    def __init__(self) -> None:
        self.count = 0
        self.length = 0
        self._packed = io.BytesIO()
        self._tree = hashing.TreeHasher()

    def add(self, raw: bytes, chunk: bytes) -> None:
        self._packed.write(xorb.pack(chunk))
        self._tree.add(raw, len(chunk))
        self.count += 1
        self.length += len(chunk)

    def store(self, store: XetStore) -> Term:
        """Hand the xorb to the store; the term that covers all of it."""
        raw = self._tree.tree_hash()
        self._packed.seek(0)
        store.put_xorb(hashing.to_hex(raw), self._packed)
        return Term(raw, 0, self.count, self.length)
