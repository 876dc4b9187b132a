"""git and git-lfs themselves."""

import hashlib
import os
import shutil
import subprocess

import pytest

from hub.models import OldName, Repository
from hub.selectors import entries_at, revision_of
from hub.services import discussions
from tests.factories import hub as make

pytestmark = pytest.mark.e2e


def git(site, folder, *arguments, fails=False):
    """git in a folder. Home is where the clones lie, so that `git lfs install` there holds inside them too."""
    home = folder.parent if (folder / ".git").exists() else folder
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=site.environment(home)
        | {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@localhost", "GIT_COMMITTER_NAME": "A",
           "GIT_COMMITTER_EMAIL": "a@localhost", "GIT_LFS_SKIP_SMUDGE": "0"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )  # fmt: skip
    assert (done.returncode != 0) == fails, f"{done.stdout}{done.stderr}\n{site.log.read_text()[-3000:]}"
    return done.stdout + done.stderr


@pytest.fixture
def tree(site, tmp_path):
    """A private repository with a card, and a clone of it."""
    ada = make.person("ada")
    repository = make.repository(ada, "tiny", visibility="private", files={"README.md": b"---\nlicense: mit\n---\n"})
    address = site.url.replace("http://", f"http://ada:{site.token(ada)}@") + "/ada/tiny"
    git(site, tmp_path, "lfs", "install")
    git(site, tmp_path, "clone", address, "clone")
    return ada, repository, tmp_path / "clone"


def test_push_and_clone_with_large_files(site, tmp_path, tree):
    ada, repository, clone = tree
    weights = os.urandom(1_500_000)
    (clone / "weights.safetensors").write_bytes(weights)
    (clone / "sub").mkdir()
    (clone / "sub/notes.txt").write_text("first")
    git(site, clone, "add", ".")
    git(site, clone, "commit", "-m", "Add weights")
    (clone / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    git(site, clone, "commit", "-am", "Change the licence")
    git(site, clone, "push", "origin", "HEAD:main", "HEAD:refs/heads/side")

    repository.refresh_from_db()
    main = revision_of(repository, "main")
    rows = {file.path: file for file in entries_at(main, recursive=True, with_commits=True)}
    assert main.branch is not None
    assert revision_of(repository, "side").commit == main.commit == repository.head
    assert repository.license == "apache-2.0"
    assert rows["weights.safetensors"].size == len(weights)
    assert rows["weights.safetensors"].lfs_sha256 == hashlib.sha256(weights).hexdigest()
    assert git(site, clone, "show", "HEAD:weights.safetensors").startswith("version https://git-lfs")
    assert rows["weights.safetensors"].last_commit.title == "Add weights"
    assert rows["README.md"].last_commit.title == "Change the licence"

    address = site.url.replace("http://", f"http://ada:{site.token(ada, 'read')}@") + "/ada/tiny.git"
    git(site, tmp_path, "clone", address, "second")
    assert (tmp_path / "second/weights.safetensors").read_bytes() == weights
    assert "weights.safetensors" in git(site, tmp_path / "second", "lfs", "ls-files")
    (tmp_path / "second/weights.safetensors").unlink()
    shutil.rmtree(tmp_path / "second/.git/lfs")
    git(site, tmp_path / "second", "lfs", "pull")
    assert (tmp_path / "second/weights.safetensors").read_bytes() == weights


def test_a_push_without_its_large_files_is_refused(site, tree):
    _ada, repository, clone = tree
    before = repository.head
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'ab' * 32}\nsize 5\n"
    (clone / ".gitattributes").write_text("")
    (clone / "lost.bin").write_text(pointer)
    git(site, clone, "add", ".")
    git(site, clone, "commit", "-m", "Pointer only")

    said = git(site, clone, "push", "origin", "HEAD:main", fails=True)

    assert "not uploaded" in said
    assert revision_of(repository, "main").commit == before


def test_who_may_clone_and_push(site, tmp_path, tree):
    _ada, repository, _clone = tree
    eve = make.person("eve")
    stranger = site.url.replace("http://", f"http://eve:{site.token(eve)}@") + "/ada/tiny"

    git(site, tmp_path, "clone", f"{site.url}/ada/tiny", "anonymous", fails=True)
    git(site, tmp_path, "clone", stranger, "stranger", fails=True)
    Repository.objects.update(visibility="public")
    git(site, tmp_path, "clone", f"{site.url}/ada/tiny", "anonymous")
    (tmp_path / "anonymous/x.txt").write_text("x")
    git(site, tmp_path / "anonymous", "add", ".")
    git(site, tmp_path / "anonymous", "commit", "-m", "x")
    git(site, tmp_path / "anonymous", "push", fails=True)
    said = git(site, tmp_path / "anonymous", "push", stranger, "HEAD:main", fails=True)

    assert "403" in said
    OldName.objects.create(repository=repository, kind="model", full_name="ada/before")
    git(site, tmp_path, "clone", f"{site.url}/ada/before", "renamed")


def test_a_writer_pushes_to_a_pull_request_while_it_is_open(site, tree):
    ada, repository, clone = tree
    by = make.as_principal(ada)
    discussion = discussions.open_discussion(repository, title="Idea", by=by, pull_request=True)
    (clone / "new.txt").write_text("new")
    git(site, clone, "add", ".")
    git(site, clone, "commit", "-m", "Add new")
    git(site, clone, "push", "origin", "HEAD:refs/pr/1")
    git(site, clone, "push", "origin", "HEAD:refs/pr/2", fails=True)

    subjects = [event.facts["subject"] for event in discussion.events.filter(kind="commit")]
    assert subjects == ["Add new"]
    assert "new.txt" in [file.path for file in entries_at(revision_of(repository, "refs/pr/1"))]
    discussions.change_status(discussion, "closed", by=by)
    (clone / "new.txt").write_text("newer")
    git(site, clone, "commit", "-am", "Too late")
    assert "This pull request is closed" in git(site, clone, "push", "origin", "HEAD:refs/pr/1", fails=True)


def test_a_wrong_card_is_pushed_with_a_warning(site, tmp_path, tree):
    _ada, repository, clone = tree
    (clone / "README.md").write_text("---\nlicense: none-such\n---\n")
    git(site, clone, "commit", "-am", "Change the licence")

    said = git(site, clone, "push", "origin", "HEAD:main")

    assert 'remote: warning: README.md: "license" must be one of' in said
    assert revision_of(repository, "main").commit == git(site, clone, "rev-parse", "HEAD").strip()
