"""How to cite a work: BibTeX, APA and CITATION.cff, read from the author's own file or from what is known."""

import json
import re
from dataclasses import dataclass
from typing import Any

from hub.algorithms import cards

FILE = "CITATION.cff"
_BIBTEX = str.maketrans({char: f"\\{char}" for char in "&%$#_{}"} | {"\\": r"\textbackslash{}", "\n": " "})
_MAX_AUTHORS = 200


@dataclass(frozen=True)
class Author:
    """A person, by family and given names where they are known apart, else by the whole name."""

    name: str
    given: str = ""
    orcid: str = ""

    @property
    def last_first(self) -> str:
        return f"{self.name}, {self.given}" if self.given else self.name

    @property
    def with_initials(self) -> str:
        """Family name and initials, as APA has it."""
        initials = " ".join(f"{word[0]}." for word in re.split(r"[\s-]+", self.given) if word)
        return f"{self.name}, {initials}" if initials else self.name


@dataclass(frozen=True)
class Work:
    """What there is to cite. `medium` says what kind of thing it is."""

    title: str
    authors: tuple[Author, ...]
    year: str
    url: str
    version: str = ""
    commit: str = ""
    doi: str = ""
    date: str = ""
    medium: str = "Model"
    publisher: str = "Wellspring"
    key: str = ""


def of_cff(text: str, known: Work) -> Work | None:
    """The work as CITATION.cff describes it, what it leaves out taken from `known`; None when it cannot be read."""
    try:
        value = cards.read_yaml(text)
    except cards.CardUnreadable:
        return None
    if not isinstance(value, dict):
        return None
    preferred = value.get("preferred-citation")
    value = preferred if isinstance(preferred, dict) and preferred.get("title") else value
    people = value.get("authors")
    authors = tuple(filter(None, map(_author, people[:_MAX_AUTHORS]))) if isinstance(people, list) else ()
    date = _text(value, "date-released")
    year = _text(value, "year") or date[:4]
    return Work(
        title=_text(value, "title") or known.title,
        authors=authors or known.authors,
        year=year if year.isdecimal() else known.year,
        url=_text(value, "url") or known.url,
        version=_text(value, "version") or known.version,
        commit=known.commit,
        doi=_text(value, "doi"),
        date=date or known.date,
        medium=known.medium,
        publisher=known.publisher,
        key=known.key,
    )


def bibtex(work: Work) -> str:
    fields = {
        "title": f"{{{_bib(work.title)}}}",
        "author": " and ".join(_bib_name(author) for author in work.authors),
        "year": work.year,
        "publisher": work.publisher,
        "version": _bib(work.version),
        "doi": work.doi,
        "url": work.url,
        "note": f"{work.medium}, commit {work.commit}" if work.commit else work.medium,
    }
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return f"@misc{{{re.sub(r'[^A-Za-z0-9:_-]+', '-', work.key) or 'work'},\n" + ",\n".join(lines) + "\n}\n"


def apa(work: Work) -> str:
    names = [author.with_initials for author in work.authors]
    if len(names) > 20:
        names = [*names[:19], "…", names[-1]]
    who = names[0] if len(names) == 1 else ", ".join(names[:-1]) + f", & {names[-1]}" if names else ""
    title = f"{work.title} ({work.version})" if work.version else work.title
    where = f"https://doi.org/{work.doi}" if work.doi else work.url
    beginning = f"{who.rstrip('.')}. ({work.year}). " if who else ""
    return f"{beginning}{title} [{work.medium}]. {work.publisher}. {where}"


def cff(work: Work) -> str:
    """CITATION.cff 1.2.0. JSON strings are YAML strings, so nothing in a name can break out."""
    lines = ["cff-version: 1.2.0", "message: If you use this work, please cite it.", f"title: {_yaml(work.title)}"]
    lines += [f"type: {'dataset' if work.medium == 'Data set' else 'software'}", "authors:"]
    for author in work.authors or (Author(work.publisher),):
        lines.append(f"  - family-names: {_yaml(author.name)}")
        lines += [f"    given-names: {_yaml(author.given)}"] if author.given else []
        lines += [f"    orcid: {_yaml('https://orcid.org/' + author.orcid)}"] if author.orcid else []
    facts = {
        "version": work.version, "commit": work.commit, "date-released": work.date, "doi": work.doi, "url": work.url,
    }  # fmt: skip
    lines += [f"{name}: {_yaml(value)}" for name, value in facts.items() if value]
    return "\n".join(lines) + "\n"


def schema_org(work: Work, facts: dict[str, Any]) -> str:
    """JSON-LD for the head of a page; safe inside a script element."""
    people = [
        {"@type": "Person", "name": f"{author.given} {author.name}".strip()}
        | ({"@id": f"https://orcid.org/{author.orcid}"} if author.orcid else {})
        for author in work.authors
    ]
    document = {
        "@context": "https://schema.org",
        "@type": "Dataset" if work.medium == "Data set" else "SoftwareSourceCode",
        "name": work.title,
        "url": work.url,
        "creator": people,
        "version": work.version,
        "identifier": f"https://doi.org/{work.doi}" if work.doi else work.commit,
    } | facts
    text = json.dumps({name: value for name, value in document.items() if value}, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _author(value: Any) -> Author | None:
    if not isinstance(value, dict):
        return None
    family = " ".join(filter(None, (_text(value, "name-particle"), _text(value, "family-names"))))
    name = family or _text(value, "name") or _text(value, "alias")
    orcid = _text(value, "orcid").rpartition("/")[2]
    valid = orcid if re.fullmatch(r"\d{4}-\d{4}-\d{4}-\d{3}[\dX]", orcid) else ""
    return Author(name, _text(value, "given-names") if family else "", valid) if name else None


def _text(value: dict[str, Any], key: str) -> str:
    found = value.get(key)
    return " ".join(str(found).split())[:500] if isinstance(found, str | int | float) else ""


def _bib(text: str) -> str:
    return text.translate(_BIBTEX)


def _bib_name(author: Author) -> str:
    # Braces keep BibTeX from taking a whole name apart.
    return _bib(author.last_first) if author.given else f"{{{_bib(author.name)}}}"


def _yaml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
