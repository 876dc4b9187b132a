"""The safety policy of a deployment: what it forbids, from which age, and its verdict on prompts and pictures.

Where nobody has put another one in force, it is the file policies/default.json. Words are matched whole, without
regard to case, accents, width or signs between letters of a word, so that spelling tricks do not change the
verdict. Prompts are never changed: they pass, or they are refused with the reason.
"""

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parent.parent / "policies" / "default.json"
MAX_LENGTH = 200_000
MAX_AGE = 99
ENGLISH = "en"
_VERSION = re.compile(r"[\w.-]{1,40}", re.ASCII)
_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_NAME = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")

Scores = dict[str, float]
Words = dict[str, str]  # by language, English always among them


class BadPolicy(ValueError):
    """The text is no policy; the message says which part."""


@dataclass(frozen=True)
class Category:
    """Something the policy forbids in prompts: any of `terms`, or one word of each list of a `together`.

    Forbidden to everybody where `age` is 0, else to those who are younger.
    """

    code: str
    titles: Words
    terms: tuple[str, ...] = ()
    together: tuple[tuple[tuple[str, ...], ...], ...] = ()
    age: int = 0


@dataclass(frozen=True)
class Seen:
    """Something it forbids in pictures: any of these labels of the classifier, from this score on."""

    code: str
    titles: Words
    labels: dict[str, float]
    age: int = 0


@dataclass(frozen=True)
class Classifier:
    """A model on this hub that looks at every finished picture."""

    model: str
    commit: str

    def __str__(self) -> str:
        return f"{self.model}@{self.commit[:12]}"


@dataclass(frozen=True)
class Policy:
    """`classifier` is None where nothing looks at pictures."""

    version: str
    titles: Words
    abouts: Words
    categories: tuple[Category, ...]
    classifier: Classifier | None = None
    seen: tuple[Seen, ...] = ()

    @property
    def ages(self) -> list[int]:
        """The ages that it tells apart, the lowest first."""
        return sorted({item.age for item in self.everything if item.age})

    @property
    def everything(self) -> "list[Category | Seen]":
        """All that it forbids."""
        return [*self.categories, *self.seen]


@dataclass(frozen=True)
class Verdict:
    """What the policy said: told to the person and kept with the generation.

    `age` is that from which it may be shown. Where `allowed` is false and `age` is above 0, an older person may.
    `pictures` are the classifier's scores, picture by picture.
    """

    policy: str
    allowed: bool
    category: str = ""
    title: str = ""
    titles: Words = field(default_factory=dict)
    age: int = 0
    classifier: str = ""
    pictures: list[Scores] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@cache
def default_policy() -> Policy:
    """The one that comes with the software."""
    return read_policy(default_text())


@cache
def default_text() -> str:
    return FILE.read_text(encoding="utf-8")


@lru_cache(16)
def read_policy(text: str) -> Policy:
    """Raises BadPolicy."""
    if len(text) > MAX_LENGTH:
        raise BadPolicy(f"A policy has at most {MAX_LENGTH} characters.")
    try:
        data = json.loads(text)
    except ValueError as error:
        raise BadPolicy(f"This is not JSON: {error}.") from error
    _keys("the policy", data, {"version", "title", "about", "categories"}, {"classifier", "pictures"})
    if not isinstance(data["version"], str) or not _VERSION.fullmatch(data["version"]):
        raise BadPolicy("The version must be letters, digits, points and dashes, at most 40.")
    classifier = _classifier(data["classifier"]) if data.get("classifier") is not None else None
    seen = tuple(_seen(item) for item in _list("pictures", data.get("pictures", [])))
    if bool(seen) != (classifier is not None):
        raise BadPolicy("A classifier and what it may not find in pictures belong together.")
    found = Policy(
        version=data["version"],
        titles=_text("title", data["title"], 100),
        abouts=_text("about", data["about"], 5000),
        categories=tuple(_category(item) for item in _list("categories", data["categories"])),
        classifier=classifier,
        seen=seen,
    )
    codes = [item.code for item in found.everything]
    if len(codes) != len(set(codes)):
        raise BadPolicy("Two categories have the same code.")
    return found


def verdict(prompt: str, *, by: Policy, age: int = 0) -> Verdict:
    """On a prompt of somebody of at least `age` years (0 where they have said nothing).

    The gravest category that it falls under: what is forbidden to all, then what is for the oldest.
    """
    text = f" {_plain(prompt)} "
    return _gravest([item for item in by.categories if _falls_under(text, item)], by, age)


def look(prompt: Verdict, scores: Sequence[Scores], *, by: Policy, age: int = 0) -> Verdict:
    """On finished pictures whose prompt was allowed; `scores` by label, picture by picture."""
    found = [
        item
        for item in by.seen
        if any(one.get(label, 0.0) >= least for one in scores for label, least in item.labels.items())
    ]
    given = _gravest(found, by, age)
    kept = [{label: round(score, 4) for label, score in one.items()} for one in scores]
    return replace(given, age=max(given.age, prompt.age), classifier=str(by.classifier), pictures=kept)


def _gravest(found: Sequence[Category | Seen], by: Policy, age: int) -> Verdict:
    if not found:
        return Verdict(by.version, True)
    item = max(found, key=lambda one: (one.age == 0, one.age))
    if item.age and age >= item.age:
        return Verdict(by.version, True, age=item.age)
    return Verdict(by.version, False, item.code, item.titles[ENGLISH], item.titles, item.age)


def _falls_under(text: str, category: Category) -> bool:
    if any(f" {term} " in text for term in map(_plain_word, category.terms)):
        return True
    return any(
        all(any(f" {word} " in text for word in map(_plain_word, words)) for words in lists)
        for lists in category.together
    )


def _plain(text: str) -> str:
    """Lower case, no accents, one space between words; `s.e.x` and `s-e-x` read as one word."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    letters = "".join(character for character in decomposed if not unicodedata.combining(character))
    joined = re.sub(r"\b(\w)(?:[\W_](?=\w\b))", r"\1", letters)
    return " ".join(re.findall(r"[^\W_]+", joined))


_plain_word = lru_cache(10_000)(_plain)


def _category(item: Any) -> Category:
    _keys("a category", item, {"code", "title"}, {"terms", "together", "age"})
    code, titles = _named(item)
    terms = _words(code, item.get("terms", []))
    together = tuple(
        tuple(_words(code, words) for words in _list(f"{code}: together", lists))
        for lists in _list(f"{code}: together", item.get("together", []))
    )
    if not terms and not together:
        raise BadPolicy(f"{code} has no words.")
    if any(not words for lists in together for words in lists) or not all(together):
        raise BadPolicy(f"{code}: a list of words is empty.")
    return Category(code, titles, terms, together, _age(code, item.get("age", 0)))


def _seen(item: Any) -> Seen:
    _keys("what is seen in pictures", item, {"code", "title", "labels"}, {"age"})
    code, titles = _named(item)
    labels = item["labels"]
    if not isinstance(labels, dict) or not labels:
        raise BadPolicy(f"{code}: labels must be an object of scores by label.")
    for label, score in labels.items():
        if isinstance(score, bool) or not isinstance(score, int | float) or not 0 < score <= 1:
            raise BadPolicy(f"{code}: the score of {label} must lie above 0 and not above 1.")
    return Seen(code, titles, {label: float(score) for label, score in labels.items()}, _age(code, item.get("age", 0)))


def _classifier(item: Any) -> Classifier:
    _keys("the classifier", item, {"model", "commit"}, set())
    if not isinstance(item["model"], str) or not _NAME.fullmatch(item["model"]):
        raise BadPolicy("The classifier's model must be a name such as lab/looks-at-pictures.")
    if not isinstance(item["commit"], str) or not _COMMIT.fullmatch(item["commit"]):
        raise BadPolicy("The classifier's commit must be 40 hexadecimal digits: what looks may not change by itself.")
    return Classifier(item["model"], item["commit"])


def _named(item: dict[str, Any]) -> tuple[str, Words]:
    code = item["code"]
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise BadPolicy(f"The code {code!r} must be small letters, digits and _, at most 40.")
    return code, _text(f"{code}: title", item["title"], 100)


def _keys(what: str, item: Any, needed: set[str], possible: set[str]) -> None:
    if not isinstance(item, dict):
        raise BadPolicy(f"{what} must be an object.")
    if missing := needed - item.keys():
        raise BadPolicy(f"{what} lacks {', '.join(sorted(missing))}.")
    if unknown := item.keys() - needed - possible:
        raise BadPolicy(f"{what} has unknown parts: {', '.join(sorted(unknown))}.")


def _list(what: str, item: Any) -> list[Any]:
    if not isinstance(item, list):
        raise BadPolicy(f"{what} must be a list.")
    return item


def _words(code: str, item: Any) -> tuple[str, ...]:
    words = _list(f"{code}: words", item)
    for word in words:
        if not isinstance(word, str) or not _plain(word):
            raise BadPolicy(f"{code}: {word!r} is no word.")
    return tuple(words)


def _text(what: str, item: Any, most: int) -> Words:
    """A text, or texts by language."""
    texts = item if isinstance(item, dict) else {ENGLISH: item}
    if ENGLISH not in texts:
        raise BadPolicy(f"{what} must be a text, or texts by language with {ENGLISH} among them.")
    for text in texts.values():
        if not isinstance(text, str) or not text.strip() or len(text) > most:
            raise BadPolicy(f"{what} must be a text of 1 to {most} characters.")
    return texts


def _age(code: str, item: Any) -> int:
    if isinstance(item, bool) or not isinstance(item, int) or not 0 <= item <= MAX_AGE:
        raise BadPolicy(f"{code}: age must be a whole number from 0 (nobody) to {MAX_AGE}.")
    return item
