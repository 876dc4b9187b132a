"""What a Xet client is told in order to fetch a file: terms, and where their bytes lie.

Two forms exist on the wire: version 1 with one link a range (``fetch_info``) and version
2 with links that may cover several ranges (``xorbs``). Here each link covers one range
in both, so that plain Range requests serve either.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hub.storage.errors import RangeBeyondEnd
from hub.storage.xet.cas import XetStore
from hub.storage.xet.hashing import to_hex
from hub.storage.xet.recipes import XetFile
from hub.storage.xet.shard import Term


@dataclass(frozen=True, slots=True)
class Fetch:
    """Bytes of a xorb to fetch: chunks ``start`` to ``end`` (not included), bytes ``first`` to ``last`` (included)."""

    xorb: str
    start: int
    end: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """Terms that cover a range of a file, and the fetches that cover the terms.

    The range starts ``offset`` bytes into the first term.
    """

    offset: int
    terms: tuple[Term, ...]
    fetches: tuple[Fetch, ...]

    def version_1(self, url: Callable[[Fetch], str]) -> dict[str, Any]:
        """The JSON of ``GET /v1/reconstructions/{file}``; ``url`` makes the signed links."""
        links: dict[str, list[dict[str, Any]]] = {}
        for fetch in self.fetches:
            links.setdefault(fetch.xorb, []).append(
                {
                    "range": {"start": fetch.start, "end": fetch.end},
                    "url": url(fetch),
                    "url_range": {"start": fetch.first, "end": fetch.last},
                }
            )
        return {"offset_into_first_range": self.offset, "terms": self._terms(), "fetch_info": links}

    def version_2(self, url: Callable[[Fetch], str]) -> dict[str, Any]:
        """The JSON of ``GET /v2/reconstructions/{file}``; ``url`` makes the signed links."""
        links: dict[str, list[dict[str, Any]]] = {}
        for fetch in self.fetches:
            links.setdefault(fetch.xorb, []).append(
                {
                    "url": url(fetch),
                    "ranges": [
                        {
                            "chunks": {"start": fetch.start, "end": fetch.end},
                            "bytes": {"start": fetch.first, "end": fetch.last},
                        }
                    ],
                }
            )
        return {"offset_into_first_range": self.offset, "terms": self._terms(), "xorbs": links}

    def _terms(self) -> list[dict[str, Any]]:
        return [
            {
                "hash": to_hex(term.xorb),
                "unpacked_length": term.length,
                "range": {"start": term.start, "end": term.end},
            }
            for term in self.terms
        ]


def reconstruct(store: XetStore, file: XetFile, first: int = 0, last: int | None = None) -> Reconstruction:
    """How to fetch bytes ``first`` to ``last`` (included, by default the last one) of a file.

    Raises RangeBeyondEnd when the range starts past the end; XetMissing for a lost xorb.
    """
    if first > 0 and first >= file.size:
        raise RangeBeyondEnd(f"the file has {file.size} bytes")
    end = file.size if last is None else min(file.size, last + 1)
    terms: list[Term] = []
    offset = position = 0
    for term in file.terms:
        if position + term.length > first and position < end:
            cut, skipped = _cut(store, term, max(0, first - position), min(term.length, end - position))
            if not terms:
                offset = first - position - skipped
            terms.append(cut)
        position += term.length
    return Reconstruction(offset, tuple(terms), tuple(_fetches(store, terms)))


def _cut(store: XetStore, term: Term, start: int, end: int) -> tuple[Term, int]:
    """The chunks of a term that bytes ``start`` to ``end`` touch, and the bytes skipped before them."""
    if start == 0 and end == term.length:
        return term, 0
    run = store.index(to_hex(term.xorb)).run(term.start, term.end)
    base = run[0].plain_start
    touched = [
        number for number, chunk in enumerate(run) if chunk.plain_end - base > start and chunk.plain_start - base < end
    ]
    first, last = touched[0], touched[-1]
    length = run[last].plain_end - run[first].plain_start
    cut = Term(term.xorb, term.start + first, term.start + last + 1, length)
    return cut, run[first].plain_start - base


def _fetches(store: XetStore, terms: list[Term]) -> list[Fetch]:
    """One fetch for each connected run of chunks: nothing is sent twice."""
    spans: dict[bytes, list[tuple[int, int]]] = {}
    for term in terms:
        spans.setdefault(term.xorb, []).append((term.start, term.end))
    fetches = []
    for xorb, wanted in spans.items():
        name = to_hex(xorb)
        index = store.index(name)
        for start, end in _merged(wanted):
            run = index.run(start, end)
            fetches.append(Fetch(name, start, end, run[0].packed_start, run[-1].packed_end - 1))
    return fetches


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
