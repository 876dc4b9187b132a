"""Everything a person reads exists in English and Chinese."""

import io
import re
from pathlib import Path

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from django.utils.translation.template import templatize

PROJECT = Path(__file__).resolve().parents[2]
ROOMS = ["common", "accounts", "revenue", "hub", "licensing", "compute", "inference", "grants", "config"]
CATALOGUE = PROJECT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")


@pytest.fixture(scope="module")
def catalogue():
    with CATALOGUE.open("rb") as file:
        return {_first(message.id): message for message in read_po(file, locale="zh_Hans") if message.id}


def _first(identifier):
    return identifier[0] if isinstance(identifier, tuple | list) else identifier


def texts_of_python():
    for room in ROOMS:
        for file in (PROJECT / room).rglob("*.py"):
            with file.open("rb") as source:
                for line, text, _comments, _context in extract("python", source, keywords=KEYWORDS):
                    yield file, line, _first(text)


def texts_of_templates():
    for file in (PROJECT / "templates").rglob("*.html"):
        # Within brackets Python pays no heed to indentation.
        source = f"({templatize(file.read_text())}\n)"
        for line, text, _comments, _context in extract("python", io.BytesIO(source.encode()), keywords=KEYWORDS):
            yield file, line, _first(text)


def test_every_text_has_its_chinese(catalogue):
    texts = [*texts_of_python(), *texts_of_templates()]
    assert len(texts) > 1000
    missing = {
        text: f"{file.relative_to(PROJECT)}:{line}" for file, line, text in texts if text and text not in catalogue
    }
    assert missing == {}, "Run `make messages` and translate what is new in locale/zh_Hans."


def test_nothing_is_empty_or_doubtful(catalogue):
    empty = [identifier for identifier, message in catalogue.items() if not _first(message.string)]
    fuzzy = [identifier for identifier, message in catalogue.items() if message.fuzzy]
    assert (empty, fuzzy) == ([], [])


def test_placeholders_survive(catalogue):
    wrong = []
    for identifier, message in catalogue.items():
        english = message.id[-1] if isinstance(message.id, tuple | list) else message.id
        if sorted(PLACEHOLDER.findall(english)) != sorted(PLACEHOLDER.findall(_first(message.string))):
            wrong.append(identifier)
    assert wrong == []
