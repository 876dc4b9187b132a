"""The safety policy of this deployment: a visible, versioned list, and its verdict on a prompt.

The list is the file policies/default.json. It is matched on whole words, without regard to
case, accents, width or signs between letters of a word, so that spelling tricks do not
change the verdict. Prompts are never changed: they pass, or they are refused with the reason.
"""

import json
import re
import unicodedata
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parent.parent / "policies" / "default.json"


@dataclass(frozen=True)
class Category:
    """One thing the policy forbids: any of `terms`, or one word of each list of a `together`."""

    code: str
    title: str
    terms: tuple[str, ...]
    together: tuple[tuple[tuple[str, ...], ...], ...]


@dataclass(frozen=True)
class Policy:
    version: str
    title: str
    about: str
    categories: tuple[Category, ...]


@dataclass(frozen=True)
class Verdict:
    """What the policy said: told to the person and kept with the generation."""

    policy: str
    allowed: bool
    category: str = ""
    title: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@lru_cache
def policy() -> Policy:
    """The policy in force."""
    return read_policy(json.loads(FILE.read_text(encoding="utf-8")))


def read_policy(data: dict[str, Any]) -> Policy:
    categories = tuple(
        Category(
            code=item["code"],
            title=item["title"],
            terms=tuple(_plain(term) for term in item.get("terms", [])),
            together=tuple(
                tuple(tuple(_plain(word) for word in words) for words in lists) for lists in item.get("together", [])
            ),
        )
        for item in data["categories"]
    )
    return Policy(data["version"], data["title"], data["about"], categories)


def verdict(prompt: str, *, by: Policy | None = None) -> Verdict:
    """The first category that the prompt falls under, or that it is allowed."""
    by = by or policy()
    text = f" {_plain(prompt)} "
    for category in by.categories:
        if _falls_under(text, category):
            return Verdict(by.version, False, category.code, category.title)
    return Verdict(by.version, True)


def _falls_under(text: str, category: Category) -> bool:
    if any(f" {term} " in text for term in category.terms):
        return True
    return any(all(any(f" {word} " in text for word in words) for words in lists) for lists in category.together)


def _plain(text: str) -> str:
    """Lower case, no accents, one space between words; `s.e.x` and `s-e-x` read as one word."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    letters = "".join(character for character in decomposed if not unicodedata.combining(character))
    joined = re.sub(r"\b(\w)(?:[\W_](?=\w\b))", r"\1", letters)
    return " ".join(re.findall(r"[^\W_]+", joined))
