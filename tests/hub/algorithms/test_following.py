"""Copies follow their sources and lose nothing that was made here. Ids are numbers: each builds on the smaller ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.algorithms.following import steps
from hub.enums import RefChange

MAIN = "refs/heads/main"
REFS = [MAIN, "refs/heads/dev", "refs/tags/v1"]
states = st.dictionaries(st.sampled_from(REFS), st.sampled_from("1234"), max_size=3)


def follow(source, brought, here, *, line=True):
    return steps(source, brought, here, default=MAIN, is_ancestor=lambda old, new: line and old <= new)


@pytest.mark.parametrize(
    ("there", "last", "now", "line", "how"),
    [
        ("2", None, None, True, "new"), ("2", "1", "1", True, "forward"), ("2", "1", "1", False, "forced"),
        (None, "1", "1", True, "gone"), (None, "1", "2", True, "kept"), ("1", "1", "2", True, None),
        ("2", "1", "2", True, None), ("2", "1", "3", True, None), ("2", "1", "3", False, "diverged"),
        ("2", None, "3", False, "diverged"), ("2", "1", None, True, "new"), ("2", None, "1", True, "forward"),
    ],
)  # fmt: skip
def test_one_branch(there, last, now, line, how):
    refs = [{} if oid is None else {"refs/heads/dev": oid} for oid in (there, last, now)]

    assert [step.how for step in follow(*refs, line=line)] == ([how] if how else [])


def test_the_default_branch_is_never_deleted():
    assert [step.how for step in follow({}, {MAIN: "1"}, {MAIN: "1"})] == [RefChange.KEPT]


@given(states, states, states, st.booleans())
def test_nothing_made_here_is_lost_and_a_second_look_finds_nothing(source, brought, here, line):
    found = follow(source, brought, here, line=line)
    after = dict(here)
    for step in found:
        if not step.moves:
            continue
        assert step.before == here.get(step.ref)
        # What is replaced came from the source itself, or leads to what comes.
        assert step.before in {None, brought.get(step.ref)} or (line and step.before <= step.after)
        after.pop(step.ref, None)
        if step.after is not None:
            after[step.ref] = step.after
    if all(step.how != RefChange.DIVERGED for step in found):
        assert follow(source, source, after, line=line) == []
