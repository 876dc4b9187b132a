"""Words and fragments of texts, for search in English and Chinese.

Runs of letters and runs of digits are words. Chinese, Japanese and Korean are written
without spaces: of their runs every pair of neighbouring characters is a word.

Fragments are numbers that stand for pieces of a name. Two kinds share one set: each three
characters in a row (a text that holds another holds all its threes), and each word with no
or one letter left out (two words that differ by one slip have such a rest in common).
"""

import re
import unicodedata
import zlib
from dataclasses import dataclass

MAX_WORDS = 400  # of a text that is indexed
MAX_LETTERS = 40  # of a word; what is longer is cut
MIN_LETTERS = 4  # of a word that counts as misspelt: shorter ones resemble everything
_PADDING = "  "

_UNSPACED = r"\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_RUN = re.compile(rf"[{_UNSPACED}]+|\d+|[^\W\d_{_UNSPACED}]+")
_IS_UNSPACED = re.compile(rf"[{_UNSPACED}]")


@dataclass(frozen=True)
class Words:
    """`spaced` words of languages with spaces, `runs` of those without."""

    spaced: tuple[str, ...]
    runs: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.spaced or self.runs)


def plain(text: str) -> str:
    """One spelling of a text: small letters, composed, without what PostgreSQL cannot hold."""
    text = text.replace("\x00", " ").encode("utf-8", "replace").decode()
    return unicodedata.normalize("NFKC", text).lower()


def split(text: str, *, limit: int = MAX_WORDS) -> Words:
    """The first `limit` words of a text. `Llama3.2` is three words, however it is joined."""
    spaced, runs = [], []
    for count, found in enumerate(_RUN.finditer(plain(text))):
        if count >= limit:
            break
        run = found.group()
        if _IS_UNSPACED.match(run):
            runs.append(run[:MAX_WORDS])
        else:
            spaced.append(run[:MAX_LETTERS])
    return Words(tuple(spaced), tuple(runs))


def pairs(run: str) -> list[str]:
    """Neighbouring characters of a run, and its last one alone: each character begins a pair."""
    return [run[start : start + 2] for start in range(len(run))]


def indexed_pairs(runs: tuple[str, ...], weight: str) -> str:
    """The pairs in PostgreSQL's notation of a tsvector: `'扩散':1A '散':2A`."""
    words = [pair for run in runs for pair in pairs(run)]
    return " ".join(f"'{word}':{place}{weight}" for place, word in enumerate(words[:MAX_WORDS], 1))


def asked_pairs(runs: tuple[str, ...]) -> str:
    """A tsquery that wants all pairs of the runs; a single character may begin any pair."""
    words = [word for run in runs for word in (pairs(run)[:-1] if len(run) > 1 else [run])]
    return " & ".join(f"'{word}'" if len(word) > 1 else f"'{word}':*" for word in words[:20])


def name_fragments(name: str) -> list[int]:
    """What is kept of a full name, to find it by a part of it or in spite of a slip."""
    found = set(part_fragments(name))
    for word in split(name).spaced:
        found.update(misspelling_fragments(word))
    return sorted(found)


def part_fragments(part: str) -> list[int]:
    """What every name has that holds this part; nothing for parts below three characters."""
    text = plain(part)
    return sorted({_number("part", text[start : start + 3]) for start in range(len(text) - 2)})


def misspelling_fragments(word: str) -> list[int]:
    """The word and its rests without one letter, as numbers; nothing for short words."""
    if len(word) < MIN_LETTERS:
        return []
    rests = {word, *(word[:place] + word[place + 1 :] for place in range(len(word)))}
    return sorted({_number("rest", rest) for rest in rests})


def similarity(one: str, other: str) -> float:
    """Shared threes of both texts' words by all their threes: 1 for the same words, 0 for nothing in common."""
    left, right = _threes(one), _threes(other)
    return len(left & right) / len(left | right) if left | right else 0.0


def corrected(word: str, known: set[str]) -> str:
    """The known word that resembles a word most, itself when none does."""
    if word in known or len(word) < MIN_LETTERS:
        return word
    own = set(misspelling_fragments(word))
    near = [other for other in known if own & set(misspelling_fragments(other))]
    return max(near, key=lambda other: (similarity(word, other), other), default=word)


def _threes(text: str) -> set[str]:
    words = split(text)
    padded = [f"{_PADDING}{word} " for word in (*words.spaced, *words.runs)]
    return {word[start : start + 3] for word in padded for start in range(len(word) - 2)}


def _number(kind: str, piece: str) -> int:
    """A piece as PostgreSQL's integer. Two pieces may share one: whoever looks further compares the names."""
    return zlib.crc32(f"{kind}:{piece}".encode()) - 2**31
