import pytest

from common.errors import Forbidden
from common.models import OutboxEvent
from hub.errors import BranchMoved, EntryNotFound, RevisionNotFound, Unprocessable
from hub.git.repositories import open_repository
from hub.selectors import entries_at, entry_at, files_at, head_commit, revision_of
from hub.services import commits
from hub.services.commits import AddPointer, DeleteFile
from tests.factories import hub as make

pytestmark = pytest.mark.django_db


def names(repository, revision="main"):
    return [file.path for file in files_at(revision_of(repository, revision))]


def test_a_new_repository_has_its_first_commit_indexed():
    repository = make.repository()

    assert names(repository) == [".gitattributes"]
    assert repository.head == head_commit(repository)
    assert revision_of(repository, "main").branch is not None


def test_commit_writes_files_folders_and_their_last_commits():
    owner = make.person()
    repository = make.repository(owner, files={"a/b/one.txt": b"1", "two.txt": b"22"})
    by = make.as_principal(owner)
    first = repository.head

    second = make.put(repository, {"a/three.txt": b"333"}, by=by)

    main = revision_of(repository, "main")
    rows = {file.path: file for file in entries_at(main, recursive=True, with_commits=True)}
    assert list(rows) == [".gitattributes", "a", "a/b", "a/b/one.txt", "a/three.txt", "two.txt"]
    assert rows["a"].last_commit.oid == second
    assert rows["a/b"].last_commit.oid == first
    assert rows["two.txt"].last_commit.oid == first
    assert rows["a/three.txt"].size == 3
    assert [file.path for file in entries_at(main, "a")] == ["a/b", "a/three.txt"]


def test_index_and_git_give_the_same_files():
    owner = make.person()
    repository = make.repository(owner, files={"a/b/one.txt": b"1", "a.txt": b"22", "a/z": b"3"})
    from_index = revision_of(repository, "main")
    make.put(repository, {"later.txt": b"x"}, by=make.as_principal(owner))
    from_git = revision_of(repository, from_index.commit)

    assert from_git.branch is None
    repository.branches.update(head=from_index.commit)
    expected = [".gitattributes", "a", "a.txt", "a/b", "a/b/one.txt", "a/z"]
    assert [file.path for file in entries_at(from_git, recursive=True)] == expected
    assert [file.path for file in entries_at(from_git, recursive=True, after="a.txt", limit=2)] == expected[3:5]


def test_deleting_the_last_file_of_a_folder_removes_the_folder():
    owner = make.person()
    repository = make.repository(owner, files={"a/b/one.txt": b"1", "a/two.txt": b"2"})

    commits.commit(repository, [DeleteFile("a/b/one.txt")], by=make.as_principal(owner), message="Delete")

    assert [file.path for file in entries_at(revision_of(repository, "main"), recursive=True)] == [
        ".gitattributes", "a", "a/two.txt",
    ]  # fmt: skip


def test_commit_refuses_strangers():
    repository = make.repository()

    with pytest.raises(Forbidden):
        make.put(repository, {"x": b"x"}, by=make.as_principal(make.person()))
    assert names(repository) == [".gitattributes"]


def test_commit_refuses_an_old_parent():
    owner = make.person()
    repository = make.repository(owner)
    old = repository.head
    make.put(repository, {"x": b"x"}, by=make.as_principal(owner))

    with pytest.raises(BranchMoved):
        make.put(repository, {"x": b"y"}, by=make.as_principal(owner), parent=old)


def test_commit_refuses_a_large_file_that_nobody_uploaded():
    owner = make.person()
    repository = make.repository(owner)

    with pytest.raises(Unprocessable):
        commits.commit(
            repository, [AddPointer("w.bin", "ab" * 32, 5)], by=make.as_principal(owner), message="Add weights"
        )


@pytest.mark.parametrize("path", ["../up", "..\\up", ".git/config", "a//b", "a/.GIT/x"])
def test_commit_refuses_dangerous_paths(path):
    owner = make.person()
    repository = make.repository(owner)

    with pytest.raises(Unprocessable):
        make.put(repository, {path: b"x"}, by=make.as_principal(owner))


def test_commit_refuses_what_is_not_there():
    owner = make.person()
    repository = make.repository(owner)
    by = make.as_principal(owner)

    with pytest.raises(EntryNotFound):
        commits.commit(repository, [DeleteFile("no")], by=by, message="Delete")
    with pytest.raises(RevisionNotFound):
        make.put(repository, {"x": b"x"}, by=by, branch="nowhere")
    with pytest.raises(EntryNotFound):
        entry_at(revision_of(repository, "main"), "no")


def test_the_card_becomes_facts():
    owner = make.person()
    card = b"---\nlicense: MIT\ntags: [shapes]\npipeline_tag: text-to-image\ndatasets: [a/b]\nlanguage: no\n---\n# Hi\n"
    repository = make.repository(owner, files={"README.md": card, "model_index.json": b'{"_class_name": "P"}'})

    repository.refresh_from_db()
    assert repository.license == "mit"
    assert repository.pipeline_tag == "text-to-image"
    assert repository.library_name == "diffusers"
    assert repository.tags == [
        "diffusers", "diffusers:P", "shapes", "text-to-image", "no", "dataset:a/b", "license:mit",
    ]  # fmt: skip


def test_each_commit_is_told_once():
    owner = make.person()
    repository = make.repository(owner)
    oid = make.put(repository, {"x": b"x"}, by=make.as_principal(owner))

    told = OutboxEvent.objects.filter(topic="repository.committed", payload__commit=oid)
    assert [event.payload["actor"] for event in told] == [owner.pk]


def test_a_branch_moved_behind_our_back_is_followed_at_the_next_commit():
    owner = make.person()
    repository = make.repository(owner)
    by = make.as_principal(owner)
    from hub.git import commits as git

    repo = open_repository(repository.path)
    lost = git.write_commit(
        repo, "main", [git.AddBytes("lost.txt", b"x")], message="Lost", author=git.Author("someone", "s@localhost")
    )
    assert names(repository) == [".gitattributes", "lost.txt"]
    assert revision_of(repository, "main").branch is None

    make.put(repository, {"x": b"x"}, by=by)

    main = revision_of(repository, "main")
    assert main.branch is not None
    rows = {file.path: file.last_commit.oid for file in entries_at(main, with_commits=True)}
    assert rows["lost.txt"] == lost.oid
    assert OutboxEvent.objects.filter(payload__commit=lost.oid).exists()
