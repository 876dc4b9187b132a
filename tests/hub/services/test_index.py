"""The index follows git, whatever happened in between."""

import pytest
from django.core.management import call_command

from hub.git import commits as git
from hub.git.refs import RefUpdate, update
from hub.git.repositories import open_repository
from hub.models import Repository, SearchDocument, TreeEntry
from hub.selectors import entries_at, revision_of
from hub.services import index, refs
from hub.services.facts import read_facts
from tests.factories import hub as make

pytestmark = pytest.mark.django_db


def listing(repository, revision="main"):
    rows = entries_at(revision_of(repository, revision), recursive=True, with_commits=True)
    return [(row.path, row.oid, row.size, row.is_folder, row.last_commit.oid) for row in rows]


def behind_our_back(repository, files, ref="main"):
    repo = open_repository(repository.path)
    operations = [git.AddBytes(path, data) for path, data in files.items()]
    return git.write_commit(repo, ref, operations, message="Lost", author=git.Author("x", "x@localhost")).oid


@pytest.fixture
def busy():
    """A repository with a few commits in several folders."""
    owner = make.person()
    by = make.as_principal(owner)
    repository = make.repository(owner, files={"a/b/1": b"1", "a/2": b"2", "c/3": b"3"})
    make.put(repository, {"a/b/1": b"one"}, by=by)
    make.put(repository, {"d/e/f/4": b"4", "c/3": b"three"}, by=by)
    return repository


def test_a_rebuilt_index_equals_the_one_that_grew(busy):
    before = listing(busy)

    index.rebuild(busy, "refs/heads/main")

    assert listing(busy) == before


def test_a_reader_heals_a_branch_that_a_crash_left_behind(busy, client):
    lost = behind_our_back(busy, {"lost.txt": b"x"})

    response = client.get(f"/api/models/{busy.full_name}/tree/main")

    assert response["X-Repo-Commit"] == lost
    assert "lost.txt" in [entry["path"] for entry in response.json()]
    assert busy.branches.get(ref="refs/heads/main").head == lost


def test_reindex_heals_branches_that_came_moved_or_went(busy):
    by = make.as_principal(busy.created_by)
    refs.create_branch(busy, "gone", by=by)
    repo = open_repository(busy.path)
    update(repo, [RefUpdate("refs/heads/new", None, busy.head), RefUpdate("refs/heads/gone", busy.head, None)])
    lost = behind_our_back(busy, {"lost.txt": b"x"})

    call_command("hub_reindex", busy.full_name, verbosity=0)

    heads = dict(busy.branches.values_list("ref", "head"))
    assert heads == {"refs/heads/main": lost, "refs/heads/new": repo.references["refs/heads/new"].target.__str__()}
    busy.refresh_from_db()
    assert busy.head == lost


def test_reindex_writes_lost_rows_anew(busy):
    before = listing(busy)
    TreeEntry.objects.filter(path__startswith="a").delete()

    call_command("hub_reindex", busy.full_name, "--rebuild", verbosity=0)

    assert listing(busy) == before


def test_facts_are_read_anew_where_they_may_have_changed():
    owner = make.person()
    repository = make.repository(owner, files={"README.md": b"---\nlicense: mit\n---\n# Old", "a/b": b"1"})
    by = make.as_principal(owner)
    document = SearchDocument.objects.get(repository=repository)

    SearchDocument.objects.filter(pk=document.pk).update(words="'marked':1")
    make.put(repository, {"a/c": b"2"}, by=by)  # of no interest
    make.put(repository, {"notes.txt": b"2"}, by=by)  # at the root, and yet it changes nothing
    document.refresh_from_db()
    assert (document.words, repository.head) == ("'marked':1", revision_of(repository, "main").commit)

    make.put(repository, {"x.onnx": b"2"}, by=by)
    document.refresh_from_db()
    assert "marked" not in document.words
    stale = Repository.objects.get(pk=repository.pk)
    make.put(repository, {"README.md": b"---\nlicense: mit\n---\n# New words"}, by=by)
    document.refresh_from_db()
    assert "word" in document.words
    make.put(repository, {"README.md": b"---\nlicense: apache-2.0\n---\n# New words"}, by=by)
    make.put(stale, {"a/d": b"3"}, by=by)  # whoever knows an older state reads all of it
    repository.refresh_from_db()
    assert (repository.license, "onnx" in repository.tags) == ("apache-2.0", True)
    make.put(repository, {".eval_results/x.yaml": b"- dataset: {id: ada/d, task_id: t}\n  value: 1\n"}, by=by)
    grown = Repository.objects.values(*read_facts(repository, repository.head)).get(pk=repository.pk)
    assert grown == read_facts(repository, repository.head)


def test_rewritten_history_is_followed(busy):
    by = make.as_principal(busy.created_by)

    squashed = refs.squash(busy, "main", by=by)

    assert {row[4] for row in listing(busy)} == {squashed}


def test_a_new_branch_has_the_rows_of_its_start(busy):
    refs.create_branch(busy, "side", by=make.as_principal(busy.created_by))

    assert listing(busy, "side") == listing(busy)
    assert busy.branches.get(ref="refs/heads/side").entries.count() == len(listing(busy))


@pytest.mark.parametrize(
    "files",
    [
        {"README.md": b"---\nx: 0x" + b"f" * 5000 + b"\n0x" + b"f" * 5000 + b": y\n---\n"},
        {
            "config.json": b'{"model_type": "a\\u0000\\ud800", "architectures": ["\\u0000b", '
            + b"[" * 300
            + b"]" * 300
            + b"]}"
        },
        {"x": b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9999999999999999999\n"},
    ],
    ids=["long numbers", "odd texts", "long size"],
)
def test_no_file_of_an_author_breaks_the_index(files):
    repository = make.repository()
    # Pushes may bring what a commit through the API would be refused for.
    head = behind_our_back(repository, files)
    index.follow(repository, "refs/heads/main")
    repository.refresh_from_db()
    assert repository.head == head
