"""Captions that are longer than what reads them: the end of each is cut, and nothing learned from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

COUNTED = 100_000  # captions: more would only delay the first step
TOGETHER = 1000


@dataclass(frozen=True)
class Reading:
    """`captions` as a tokenizer takes them apart, up to `most` tokens of each, start and end marks included.

    `encoders` says which encoders hear so much where several hear differently, and `key` which key makes it more.
    """

    captions: Sequence[str]
    tokenizer: Any
    most: int
    encoders: str = ""
    key: str = ""


@dataclass(frozen=True)
class Cut:
    """How many `of` the captions are cut; the longest has `longest` tokens."""

    reading: Reading
    count: int
    of: int
    longest: int

    def __str__(self) -> str:
        of = f"the first {self.of:,}" if self.of < len(self.reading.captions) else f"{self.of:,}"
        hears = f" for {self.reading.encoders}" if self.reading.encoders else ""
        return (
            f"{self.count:,} of {of} captions are longer than {self.reading.most} tokens (pieces of words) and are "
            f"cut there{hears}; the longest has {self.longest}."
        )

    @property
    def advice(self) -> str:
        return f"Shorten them, or raise {self.reading.key!r}." if self.reading.key else "Shorten them."


def cuts_in(readings: Iterable[Reading]) -> list[Cut]:
    """Those readings in which captions are cut."""
    cuts = [_cut(reading) for reading in readings]
    return [cut for cut in cuts if cut.count]


def _cut(reading: Reading) -> Cut:
    read = reading.captions[:COUNTED]
    different = iter(Counter(read).items())
    count = longest = 0
    while some := list(islice(different, TOGETHER)):
        pieces = reading.tokenizer([caption for caption, _times in some], truncation=False).input_ids
        for (_caption, times), tokens in zip(some, pieces, strict=True):
            longest = max(longest, len(tokens))
            count += times if len(tokens) > reading.most else 0
    return Cut(reading, count, len(read), longest)
