import subprocess

import pytest

from hub.git import reading, refs, repositories
from hub.git.commits import AddBytes, write_commit
from hub.git.errors import GitError, InvalidRef

from .conftest import AUTHOR


def test_path_is_spread_over_folders_and_refuses_anything_but_a_word(tmp_path):
    place = repositories.repository_path(tmp_path, 12)
    assert place.relative_to(tmp_path).parts[2] == "12.git"
    assert [len(part) for part in place.relative_to(tmp_path).parts[:2]] == [2, 2]
    for key in ("../x", "", "a/b", ".hidden", "a b"):
        with pytest.raises(ValueError):
            repositories.repository_path(tmp_path, key)


def test_create_makes_a_sound_empty_repository_and_nothing_else(path, repo):
    assert repositories.exists(path)
    assert repositories.default_branch(repo) == "main"
    assert refs.branches(repo) == []
    assert [entry.name for entry in path.parent.iterdir()] == ["7.git"]
    assert not (path / "hooks").exists()
    assert subprocess.run(["git", "-C", path, "fsck"], check=True).returncode == 0


def test_create_refuses_a_second_time_and_a_bad_branch(path, tmp_path):
    with pytest.raises(GitError):
        repositories.create(path)
    with pytest.raises(InvalidRef):
        repositories.create(tmp_path / "x.git", default_branch="a b")


def test_open_refuses_what_is_no_repository(tmp_path):
    with pytest.raises(GitError):
        repositories.open_repository(tmp_path / "nothing.git")


def test_delete_leaves_nothing_and_may_be_repeated(path):
    repositories.delete(path)
    repositories.delete(path)
    assert not repositories.exists(path)
    assert list(path.parent.iterdir()) == []


def test_move_keeps_everything(path, first, tmp_path):
    target = tmp_path / "elsewhere" / "8.git"
    repositories.move(path, target)
    assert not path.exists()
    assert reading.resolve(repositories.open_repository(target), "main") == first.oid


def test_duplicate_copies_branches_and_tags_but_no_pull_requests(path, repo, first, tmp_path):
    refs.create_tag(repo, "v1", first.oid)
    refs.update(repo, [refs.RefUpdate("refs/pr/1", None, first.oid)])
    copy = repositories.duplicate(path, tmp_path / "copy.git")
    assert [ref.ref for ref in refs.branches(copy) + refs.tags(copy)] == ["refs/heads/main", "refs/tags/v1"]
    assert refs.pull_requests(copy) == []
    write_commit(copy, "main", [AddBytes("new", b"x")], message="in the copy", author=AUTHOR)
    assert reading.resolve(repo, "main") == first.oid
    repositories.delete(path)
    assert subprocess.run(["git", "-C", tmp_path / "copy.git", "fsck", "--strict"], check=True).returncode == 0
    assert reading.read_file(copy, "main" and first.oid, "README.md") == b"# Shapes\n"


def test_configuration_of_the_machine_does_not_matter(path, repo, first, monkeypatch, tmp_path):
    (tmp_path / ".gitconfig").write_text("[core]\n\tbroken = [\n[user\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert reading.count_commits(repo, first.oid) == 1
    assert repositories.disk_size(path) > 0
