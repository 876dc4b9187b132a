import pytest

from grants.algorithms.texts import visible, visible_characters


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a plan", "a plan"),
        ("  a \n\n plan ", "a plan"),
        ("\u200b" * 90, ""),
        ("\u3164\u2800\u00a0\ufeff", ""),
        ("می\u200cخواهم", "میخواهم"),
        ("光\ufe00の形", "光の形"),
        ("", ""),
    ],
)
def test_only_what_can_be_seen_counts(text, seen):
    assert visible(text) == seen
    assert visible_characters(text) == len(seen)
