import multiprocessing
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.git import reading, repositories
from hub.git.commits import (
    AddBytes,
    AddPointer,
    Author,
    CopyFrom,
    DeleteFile,
    DeleteFolder,
    squash,
    write_commit,
)
from hub.git.errors import EntryMissing, GitError, InvalidPath, RefMissing, RefMoved
from hub.git.lfs_pointer import Pointer

from .conftest import AUTHOR, SHA


def files(repo, commit):
    return {
        entry.path: reading.read_blob(repo, entry.oid)
        for entry in reading.iter_tree(repo, commit)
        if not entry.is_folder
    }


def commit(repo, *operations, **options):
    return write_commit(repo, "main", operations, message="change", author=AUTHOR, **options)


def fsck(path):
    done = subprocess.run(["git", "-C", path, "fsck", "--strict", "--full"], check=True, capture_output=True)
    assert done.stderr == b""


def test_first_commit_says_what_it_did(path, repo, first):
    assert first.parent is None
    assert first.ref == "refs/heads/main"
    assert first.when == 1_700_000_000
    assert first.deleted == []
    assert [(file.path, file.size, file.pointer) for file in first.changed] == [
        ("README.md", 9, None),
        ("weights/model.safetensors", 129, Pointer(SHA, 1234)),
        ("config/a.json", 2, None),
    ]
    assert reading.resolve(repo, "main") == first.oid
    fsck(path)


def test_same_commit_has_the_id_that_git_gives_it(repo, first, tmp_path):
    work = tmp_path / "work"
    (work / "config").mkdir(parents=True)
    (work / "weights").mkdir()
    (work / "README.md").write_bytes(b"# Shapes\n")
    (work / "config" / "a.json").write_bytes(b"{}")
    pointer = reading.read_file(repo, first.oid, "weights/model.safetensors")
    (work / "weights" / "model.safetensors").write_bytes(pointer)
    subprocess.run(["git", "init", "-q", work], check=True)
    subprocess.run(["git", "-C", work, "add", "."], check=True)
    tree = subprocess.run(["git", "-C", work, "write-tree"], check=True, capture_output=True, text=True).stdout
    assert tree.strip() == first.tree


def test_second_commit_changes_deletes_and_copies(path, repo, first):
    result = commit(
        repo,
        AddBytes("README.md", b"# More\n"),
        DeleteFolder("config"),
        CopyFrom("copy/model", "weights/model.safetensors", first.oid),
        CopyFrom("all", "weights", first.oid),
        parent=first.oid,
    )
    assert result.parent == first.oid
    assert sorted(file.path for file in result.changed) == ["README.md", "all/model.safetensors", "copy/model"]
    assert result.deleted == ["config/a.json"]
    assert sorted(files(repo, result.oid)) == [
        "README.md",
        "all/model.safetensors",
        "copy/model",
        "weights/model.safetensors",
    ]
    fsck(path)


def test_operations_apply_in_order(repo, first):
    result = commit(
        repo,
        DeleteFile("README.md"),
        AddBytes("README.md/inside", b"a file became a folder"),
        AddBytes("gone", b"1"),
        DeleteFile("gone"),
        DeleteFile("config/a.json"),
        AddBytes("config/a.json", b"{}"),
    )
    assert [file.path for file in result.changed] == ["README.md/inside"]
    assert result.deleted == ["README.md"]


def test_putting_the_same_bytes_changes_nothing(repo, first):
    result = commit(repo, AddBytes("README.md", b"# Shapes\n"))
    assert result.changed == []
    assert result.tree == first.tree
    assert result.oid != first.oid


def test_deleting_a_folder_by_the_name_of_a_file_works_as_on_the_hub(repo, first):
    assert commit(repo, DeleteFile("weights/")).deleted == ["weights/model.safetensors"]


def test_deleting_everything_leaves_an_empty_tree(path, repo, first):
    result = commit(repo, DeleteFile("README.md"), DeleteFolder("weights"), DeleteFolder("config"))
    assert files(repo, result.oid) == {}
    fsck(path)


@pytest.mark.parametrize("name", ["nothing", "README.md/x", "config/b.json", ""])
def test_deleting_what_is_not_there_is_refused(repo, first, name):
    with pytest.raises(EntryMissing):
        commit(repo, DeleteFile(name))
    assert reading.resolve(repo, "main") == first.oid


def test_copying_what_is_not_there_is_refused(repo, first):
    for source, revision in (("nothing", first.oid), ("README.md", "0" * 40), ("README.md", "rubbish")):
        with pytest.raises(EntryMissing):
            commit(repo, CopyFrom("x", source, revision))


@pytest.mark.parametrize("name", ["config", "README.md/x", "../x", ".git/config", "a//b"])
def test_impossible_paths_are_refused(repo, first, name):
    with pytest.raises(InvalidPath):
        commit(repo, AddBytes("fine", b"1"), AddBytes(name, b"2"))
    assert reading.resolve(repo, "main") == first.oid


def test_parent_must_be_the_head(repo, first):
    second = commit(repo, AddBytes("x", b"1"))
    with pytest.raises(RefMoved) as caught:
        commit(repo, AddBytes("y", b"1"), parent=first.oid)
    assert caught.value.current == second.oid
    with pytest.raises(RefMoved) as caught:
        write_commit(repo, "new", [AddBytes("y", b"1")], message="m", author=AUTHOR, parent=first.oid)
    assert caught.value.current is None


def test_commits_go_to_any_ref_with_a_valid_name(repo, first):
    result = write_commit(repo, "refs/pr/1", [AddBytes("x", b"1")], message="m", author=AUTHOR)
    assert reading.resolve(repo, "refs/pr/1") == result.oid
    for ref in ("a b", "main\ndelete refs/heads/main", "refs/heads/..", ""):
        with pytest.raises(GitError):
            write_commit(repo, ref, [AddBytes("x", b"1")], message="m", author=AUTHOR)


def test_executable_files_stay_executable(repo, first):
    subprocess.run(["git", "-C", repo.path, "read-tree", first.oid], check=True)
    blob = next(file.oid for file in first.changed if file.path == "README.md")
    subprocess.run(
        ["git", "-C", repo.path, "update-index", "--add", "--cacheinfo", f"100755,{blob},run.sh"], check=True
    )
    tree = subprocess.run(["git", "-C", repo.path, "write-tree"], check=True, capture_output=True, text=True).stdout
    new = subprocess.run(
        [
            "git",
            "-C",
            repo.path,
            "-c",
            "user.name=a",
            "-c",
            "user.email=b",
            "commit-tree",
            "-m",
            "x",
            "-p",
            first.oid,
            tree.strip(),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    subprocess.run(["git", "-C", repo.path, "update-ref", "refs/heads/main", new], check=True)
    result = commit(repo, AddBytes("run.sh", b"echo\n"))
    assert result.changed[0].mode == 0o100755


def test_odd_author_and_message_do_no_harm(path, repo):
    author = Author("<evil>\nname", "a@b>\n", 5)
    result = write_commit(repo, "main", [AddBytes("x", b"1")], message="tïtle\n\nbody\n", author=author)
    info = reading.read_commit(repo, result.oid)
    assert (info.title, info.message, info.author_name, info.author_email) == ("tïtle", "body", "evilname", "a@b")
    write_commit(repo, "main", [AddBytes("x", b"2")], message="", author=Author("", "", 5))
    fsck(path)


def test_ten_thousand_files_make_one_pack(path, repo, first):
    operations = [AddBytes(f"d{number % 100}/{number}.json", b"%d" % number) for number in range(10_000)]
    result = commit(repo, *operations)
    assert len(result.changed) == 10_000
    assert len(list((path / "objects" / "pack").glob("*.pack"))) == 1
    assert reading.read_file(repo, result.oid, "d7/4207.json") == b"4207"
    fsck(path)


def test_squash_keeps_the_files_and_drops_the_history(repo, first):
    second = commit(repo, AddBytes("x", b"1"))
    with pytest.raises(RefMoved):
        squash(repo, "main", message="all", author=AUTHOR, expected=first.oid)
    result = squash(repo, "main", message="all", author=AUTHOR, expected=second.oid)
    assert [info.title for info in reading.log(repo, result.oid)] == ["all"]
    assert files(repo, result.oid) == files(repo, second.oid)
    with pytest.raises(RefMissing):
        squash(repo, "nothing", message="all", author=AUTHOR)


def _write_many(path: Path, writer: int, count: int) -> None:
    repo = repositories.open_repository(path)
    for number in range(count):
        while True:
            try:
                write_commit(
                    repo,
                    "main",
                    [AddBytes(f"w{writer}/{number}", b"x"), AddBytes("shared", b"%d %d" % (writer, number))],
                    message=f"{writer} {number}",
                    author=AUTHOR,
                )
                break
            except RefMoved:
                continue


def test_writers_at_once_lose_nothing(path, repo):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write_many, args=(path, writer, 6)) for writer in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 8
    head = reading.resolve(repo, "main")
    history = reading.log(repo, head, limit=100)
    assert sorted(info.title for info in history) == sorted(f"{w} {n}" for w in range(8) for n in range(6))
    assert all(len(info.parents) == 1 for info in history[:-1])
    assert len(files(repo, head)) == 49
    for older, newer in zip(history[1:], history, strict=False):
        change = reading.difference(repo, older.oid, newer.oid)
        writer, number = newer.title.split()
        assert sorted(entry.path for entry in change.changed) == ["shared", f"w{writer}/{number}"]
    fsck(path)


names = st.sampled_from(["a", "b", "c.txt", "d"])
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
steps = st.one_of(
    st.builds(AddBytes, paths, st.binary(max_size=3)),
    st.builds(lambda path: AddPointer(path, SHA, 5), paths),
    st.builds(DeleteFile, paths),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(steps, max_size=8), max_size=4))
def test_commits_agree_with_a_plain_dictionary(tmp_path_factory, batches):
    """Whatever the operations, the tree holds what a dictionary of paths would."""
    path = tmp_path_factory.mktemp("model") / "r.git"
    repo = repositories.create(path)
    model: dict[str, bytes] = {}
    head = None
    for batch in batches:
        applied, after = [], dict(model)
        for step in batch:
            inside = [known for known in after if known == step.path or known.startswith(step.path + "/")]
            if isinstance(step, DeleteFile):
                if not inside:
                    continue
                for known in inside:
                    del after[known]
            else:
                above = [known for known in after if step.path.startswith(known + "/")]
                if above or (inside and inside != [step.path]):
                    continue
                after[step.path] = b""
            applied.append(step)
        result = write_commit(repo, "main", applied, message="m", author=AUTHOR)
        now = files(repo, result.oid)
        assert sorted(now) == sorted(after)
        assert result.deleted == sorted(set(model) - set(after))
        assert {file.path for file in result.changed} == {p for p in now if now[p] != model.get(p)}
        change = reading.difference(repo, head, result.oid)
        assert sorted(entry.path for entry in change.changed) == sorted(file.path for file in result.changed)
        assert sorted(change.deleted) == result.deleted
        model, head = now, result.oid
