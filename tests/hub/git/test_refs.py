import pygit2
import pytest

from hub.git import reading, refs
from hub.git.commits import AddBytes, write_commit
from hub.git.errors import InvalidRef, RefExists, RefMissing, RefMoved

from .conftest import AUTHOR


@pytest.mark.parametrize(
    "name",
    [
        "", "a b", "a..b", "a~b", "refs/heads/x", "HEAD", "-x", "x.lock", "/x", "x/", "a//b",
        "a\nb", "@{", "0" * 40, "x" * 251, "a:b", "a\\b", ".a",
    ],
)  # fmt: skip
def test_bad_names_are_refused(repo, first, name):
    with pytest.raises(InvalidRef):
        refs.create_branch(repo, name, first.oid)
    with pytest.raises(InvalidRef):
        refs.create_tag(repo, name, first.oid)


def test_branches_are_created_listed_and_deleted(repo, first):
    refs.create_branch(repo, "feature/x", first.oid)
    assert [(ref.name, ref.commit) for ref in refs.branches(repo)] == [("feature/x", first.oid), ("main", first.oid)]
    with pytest.raises(RefExists, match="refs/heads/feature/x already exists"):
        refs.create_branch(repo, "feature/x", first.oid)
    with pytest.raises(InvalidRef, match="clashes"):
        refs.create_branch(repo, "feature", first.oid)
    assert refs.delete_branch(repo, "feature/x") == first.oid
    with pytest.raises(RefMissing, match="Invalid rev id"):
        refs.delete_branch(repo, "feature/x")
    with pytest.raises(InvalidRef, match="Cannot delete refs/heads/main"):
        refs.delete_branch(repo, "main")


@pytest.mark.parametrize("commit", ["0" * 40, "rubbish", "ab" * 20])
def test_branch_needs_a_commit(repo, first, commit):
    with pytest.raises(RefMissing):
        refs.create_branch(repo, "x", commit)


def test_tags_are_plain_or_annotated(repo, first):
    tagger = pygit2.Signature("researcher", "r@example.org")
    refs.create_tag(repo, "v1", first.oid)
    refs.create_tag(repo, "v2", first.oid, message="the second", tagger=tagger)
    assert [(ref.name, ref.commit) for ref in refs.tags(repo)] == [("v1", first.oid), ("v2", first.oid)]
    with pytest.raises(RefExists):
        refs.create_tag(repo, "v2", first.oid, message="again", tagger=tagger)
    assert reading.resolve(repo, "v2") == first.oid
    assert refs.delete_tag(repo, "v2") == first.oid
    assert refs.delete_tag(repo, "v1") == first.oid
    assert refs.tags(repo) == []


def test_update_moves_all_or_none(repo, first):
    second = write_commit(repo, "main", [AddBytes("x", b"1")], message="m", author=AUTHOR)
    with pytest.raises(RefMoved) as caught:
        refs.update(
            repo,
            [
                refs.RefUpdate("refs/heads/new", None, first.oid),
                refs.RefUpdate("refs/heads/main", first.oid, None),
            ],
        )
    assert caught.value.current == second.oid
    assert reading.resolve(repo, "new") is None
    refs.update(repo, [refs.RefUpdate("refs/heads/main", second.oid, first.oid)])
    assert reading.resolve(repo, "main") == first.oid


def test_pull_requests_are_listed_by_number(repo, first):
    for number in (10, 9, 1):
        refs.update(repo, [refs.RefUpdate(f"refs/pr/{number}", None, first.oid)])
    refs.update(repo, [refs.RefUpdate("refs/convert/parquet", None, first.oid)])
    assert [ref.name for ref in refs.pull_requests(repo)] == ["1", "9", "10"]
    assert [ref.name for ref in refs.converts(repo)] == ["parquet"]


def test_default_branch_can_change(repo, first):
    refs.create_branch(repo, "trunk", first.oid)
    refs.set_default_branch(repo, "trunk")
    refs.delete_branch(repo, "main")
    assert [ref.name for ref in refs.branches(repo)] == ["trunk"]
