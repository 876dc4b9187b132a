import pytest

from hub.git import reading
from hub.git.commits import AddBytes, DeleteFile, write_commit
from hub.git.errors import MergeConflict, RefMissing, RefMoved
from hub.git.merging import conflicts, merge, merge_base
from hub.git.refs import RefUpdate, update

from .conftest import AUTHOR


@pytest.fixture
def proposal(repo, first):
    """A pull request that changes the card and removes a file."""
    update(repo, [RefUpdate("refs/pr/1", None, first.oid)])
    operations = [AddBytes("README.md", b"# Better shapes\n"), DeleteFile("config/a.json")]
    return write_commit(repo, "refs/pr/1", operations, message="better", author=AUTHOR)


def test_merge_joins_both_lines(repo, first, proposal):
    ours = write_commit(repo, "main", [AddBytes("new.txt", b"1")], message="ours", author=AUTHOR)
    assert conflicts(repo, ours.oid, proposal.oid) == []
    assert merge_base(repo, ours.oid, proposal.oid) == first.oid
    result = merge(repo, "main", "refs/pr/1", message="Merge #1", author=AUTHOR, expected=ours.oid)
    assert reading.read_commit(repo, result.oid).parents == (ours.oid, proposal.oid)
    assert [file.path for file in result.changed] == ["README.md"]
    assert result.deleted == ["config/a.json"]
    assert reading.read_file(repo, result.oid, "README.md") == b"# Better shapes\n"
    assert reading.read_file(repo, result.oid, "new.txt") == b"1"


def test_conflict_changes_nothing_and_names_the_files(repo, proposal):
    ours = write_commit(repo, "main", [AddBytes("README.md", b"# Worse\n")], message="ours", author=AUTHOR)
    assert conflicts(repo, ours.oid, proposal.oid) == ["README.md"]
    with pytest.raises(MergeConflict) as caught:
        merge(repo, "main", "refs/pr/1", message="m", author=AUTHOR)
    assert caught.value.paths == ["README.md"]
    assert reading.resolve(repo, "main") == ours.oid


def test_branch_must_be_where_it_was_seen(repo, first, proposal):
    write_commit(repo, "main", [AddBytes("new.txt", b"1")], message="ours", author=AUTHOR)
    with pytest.raises(RefMoved):
        merge(repo, "main", "refs/pr/1", message="m", author=AUTHOR, expected=first.oid)
    for ref, source in (("nothing", "refs/pr/1"), ("main", "refs/pr/2")):
        with pytest.raises(RefMissing):
            merge(repo, ref, source, message="m", author=AUTHOR)
