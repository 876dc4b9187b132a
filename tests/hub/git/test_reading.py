import subprocess

import pytest

from hub.git import reading, refs
from hub.git.commits import AddBytes, AddPointer, DeleteFile, write_commit
from hub.git.errors import EntryMissing, RefMissing
from hub.git.lfs_pointer import Pointer

from .conftest import AUTHOR, SHA


def test_every_kind_of_revision_resolves(repo, first):
    refs.create_tag(repo, "v1", first.oid)
    for name in ("refs/pr/3", "refs/convert/parquet", "refs/internal/kept"):
        refs.update(repo, [refs.RefUpdate(name, None, first.oid)])
    known = ["main", "v1", first.oid, first.oid[:7], "refs/heads/main", "refs/tags/v1", "refs/pr/3"]
    assert {revision: reading.resolve(repo, revision) for revision in known} == dict.fromkeys(known, first.oid)
    assert reading.resolve(repo, "refs/convert/parquet") == first.oid


@pytest.mark.parametrize(
    "revision",
    ["", "nothing", "0" * 40, "refs/internal/kept", "HEAD", "main^", "main~0", "main@{0}", ":/first", "refs/heads",
     "..", "a b", "main:README.md", "-x", "\0"],
)  # fmt: skip
def test_anything_else_is_no_revision(repo, first, revision):
    refs.update(repo, [refs.RefUpdate("refs/internal/kept", None, first.oid)])
    assert reading.resolve(repo, revision) is None


def test_blob_and_tree_ids_are_no_revisions(repo, first):
    assert reading.resolve(repo, first.tree) is None
    assert reading.resolve(repo, first.changed[0].oid) is None


def test_tree_lists_folders_before_what_is_in_them(repo, first):
    entries = list(reading.iter_tree(repo, first.oid))
    assert [(entry.path, entry.is_folder, entry.pointer) for entry in entries] == [
        ("README.md", False, None),
        ("config", True, None),
        ("config/a.json", False, None),
        ("weights", True, None),
        ("weights/model.safetensors", False, Pointer(SHA, 1234)),
    ]
    assert [entry.path for entry in reading.iter_tree(repo, first.oid, recursive=False)] == [
        "README.md",
        "config",
        "weights",
    ]
    assert [entry.path for entry in reading.iter_tree(repo, first.oid, "config")] == ["config/a.json"]
    for path in ("nothing", "README.md"):
        with pytest.raises(EntryMissing):
            list(reading.iter_tree(repo, first.oid, path))
    with pytest.raises(RefMissing):
        list(reading.iter_tree(repo, "0" * 40))


def test_entries_and_files_are_read(repo, first):
    assert reading.entry(repo, first.oid, "").is_folder
    assert reading.entry(repo, first.oid, "config/").is_folder
    assert reading.entry(repo, first.oid, "README.md").size == 9
    assert reading.entry(repo, first.oid, "nothing") is None
    assert reading.entry(repo, first.oid, "../x") is None
    assert reading.read_file(repo, first.oid, "config/a.json") == b"{}"
    with pytest.raises(EntryMissing):
        reading.read_file(repo, first.oid, "config")
    with pytest.raises(EntryMissing):
        reading.read_file(repo, first.oid, "README.md", limit=8)
    with pytest.raises(EntryMissing):
        reading.read_blob(repo, "0" * 40)


def test_log_pages_and_follows_a_path(repo, first):
    for number in range(5):
        write_commit(repo, "main", [AddBytes(f"f{number % 2}", b"%d" % number)], message=f"c{number}", author=AUTHOR)
    head = reading.resolve(repo, "main")
    assert [info.title for info in reading.log(repo, head)] == ["c4", "c3", "c2", "c1", "c0", "first"]
    assert [info.title for info in reading.log(repo, head, skip=4, limit=3)] == ["c0", "first"]
    assert [info.title for info in reading.log(repo, head, path="f1")] == ["c3", "c1"]
    assert reading.count_commits(repo, head) == 6
    assert reading.is_ancestor(repo, first.oid, head)
    assert not reading.is_ancestor(repo, head, first.oid)


def test_difference_of_commits_and_of_nothing(repo, first):
    second = write_commit(
        repo,
        "main",
        [
            DeleteFile("config"),
            AddBytes("config", b"now a file"),
            DeleteFile("README.md"),
            AddBytes("README.md/x", b"1"),
        ],
        message="m",
        author=AUTHOR,
    )
    change = reading.difference(repo, first.oid, second.oid)
    assert sorted(entry.path for entry in change.changed) == ["README.md/x", "config"]
    assert sorted(change.deleted) == ["README.md", "config/a.json"]
    back = reading.difference(repo, second.oid, first.oid)
    assert sorted(entry.path for entry in back.changed) == ["README.md", "config/a.json"]
    assert sorted(back.deleted) == ["README.md/x", "config"]
    assert len(reading.difference(repo, None, first.oid).changed) == 3
    assert len(reading.difference(repo, first.oid, None).deleted) == 3
    assert reading.difference(repo, None, None) == reading.Difference([], [])


def test_unified_diff_is_text(repo, first):
    second = write_commit(repo, "main", [AddBytes("README.md", b"# Forms\n")], message="m", author=AUTHOR)
    text = reading.unified_diff(repo, first.oid, second.oid)
    assert "-# Shapes\n+# Forms\n" in text
    assert "+# Shapes" in reading.unified_diff(repo, None, first.oid)


def test_last_commits_are_those_of_git(repo, first):
    second = write_commit(
        repo, "main", [AddBytes("README.md", b"2"), AddPointer("ü \\x", SHA, 1)], message="m", author=AUTHOR
    )
    found = reading.last_commits(repo, second.oid)
    assert found == {
        "README.md": second.oid,
        "ü \\x": second.oid,
        "config/a.json": first.oid,
        "weights/model.safetensors": first.oid,
    }
    for path, oid in found.items():
        told = subprocess.run(
            ["git", "-C", repo.path, "log", "-1", "--format=%H", "main", "--", path],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        assert told.strip() == oid
