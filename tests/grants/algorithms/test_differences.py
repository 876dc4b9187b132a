import pytest

from grants.algorithms.differences import changed_words


@pytest.mark.parametrize(
    ("before", "after", "pieces"),
    [
        ("a b", "a b", [("kept", "a b")]),
        ("a b", "a c", [("kept", "a "), ("gone", "b"), ("new", "c")]),
        ("", "new", [("new", "new")]),
        ("old", "", [("gone", "old")]),
        ("光的形", "光之形", [("kept", "光"), ("gone", "的"), ("new", "之"), ("kept", "形")]),
    ],
)
def test_changes_are_told_word_by_word(before, after, pieces):
    assert changed_words(before, after) == pieces


def test_nothing_is_lost():
    before, after = "We train a  model\non shapes.", "We train\n\ntwo models on shapes, openly."
    pieces = changed_words(before, after)
    assert "".join(text for what, text in pieces if what != "new") == before
    assert "".join(text for what, text in pieces if what != "gone") == after
