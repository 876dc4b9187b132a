"""Addresses as people paste them."""

import pytest

from hub.algorithms.import_sources import SourceAddress, parse_source

HUB = "https://hub.example"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ada/tiny", SourceAddress(HUB, "model", "ada/tiny")),
        (" gpt2 ", SourceAddress(HUB, "model", "gpt2")),
        ("datasets/ada/rows", SourceAddress(HUB, "dataset", "ada/rows")),
        ("https://Other.example/ada/tiny/", SourceAddress("https://other.example", "model", "ada/tiny")),
        (f"{HUB}/datasets/ada/rows?x=1#y", SourceAddress(HUB, "dataset", "ada/rows")),
        (f"{HUB}/ada/tiny/tree/v1/folder", SourceAddress(HUB, "model", "ada/tiny", "v1")),
        (f"{HUB}/ada/tiny/blob/main/README.md", SourceAddress(HUB, "model", "ada/tiny", "main")),
    ],
)
def test_what_is_understood(text, found):
    assert parse_source(text, endpoint=HUB, kind="model") == found


@pytest.mark.parametrize(
    "text",
    [
        "", "a/b/c", "ftp://hub.example/a/b", "https://me:pw@hub.example/a/b", "https://[x/a/b", "spaces/a/b", "a b/c",
        "../x", f"{HUB}/a/b/tree/..", f"{HUB}/%2e%2e/x", "a/b\x00",
    ],
)  # fmt: skip
def test_what_is_not(text):
    assert parse_source(text, endpoint=HUB, kind="model") is None
