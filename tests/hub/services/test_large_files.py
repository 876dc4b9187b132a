"""Large files listed, and deleted for good."""

import pytest

from common.errors import Forbidden
from common.services import outbox
from hub.git import reading
from hub.git.repositories import open_repository
from hub.models import DeletedObject, LargeObject, Repository, Version
from hub.selectors import files_at, head_commit, readable_object, revision_of
from hub.services import commits, discussions, large_files, merges, refs
from tests.factories import hub as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return make.person("ada")


@pytest.fixture
def by(ada):
    return make.as_principal(ada)


@pytest.fixture
def repository(ada, by):
    made = make.repository(ada, "shapes")
    make.put_large(made, {"old.bin": b"old" * 500, "keep.bin": b"keep" * 10}, by=by)
    commits.commit(made, [commits.DeleteFile("old.bin")], by=by, message="Remove it")
    refs.create_branch(made, "side", by=by)
    make.put_large(made, {"side.bin": b"side" * 100}, by=by, branch="side")
    return made


def digests(repository):
    return {one.path: one.sha256 for one in large_files.list_large_files(repository)[0]}


def test_the_list_names_what_any_commit_names(repository):
    found = {one.path: one for one in large_files.list_large_files(repository)[0]}

    assert {path: one.ref for path, one in found.items()} == {"old.bin": "", "keep.bin": "main", "side.bin": "side"}
    assert found["old.bin"].size == 1500
    assert all(len(one.pointer) == 40 for one in found.values())


def test_the_list_has_pages(repository):
    seen, after = [], 0
    while True:
        page, after = large_files.list_large_files(repository, after=after, limit=2)
        seen += [one.path for one in page]
        if not after:
            break
    assert sorted(seen) == ["keep.bin", "old.bin", "side.bin"]


def test_the_list_takes_the_same_queries_for_more_rows(ada, by, django_assert_num_queries):
    for count in (1, 3):
        made = make.repository(ada)
        make.put_large(made, {f"{number}.bin": b"%d" % number * 50 for number in range(count)}, by=by)
        with django_assert_num_queries(2):
            assert len(large_files.list_large_files(made)[0]) == count


def test_deleted_with_its_history(repository, by, django_capture_on_commit_callbacks):
    old = head_commit(repository, "main")
    chosen = digests(repository)["old.bin"]

    with django_capture_on_commit_callbacks(execute=True):
        assert large_files.delete_for_good(repository, {chosen}, by=by) == 1500

    assert set(digests(repository)) == {"keep.bin", "side.bin"}
    repo = open_repository(repository.path)
    assert reading.resolve(repo, old) is None, "the old commits are pruned"
    assert [file.path for file in files_at(revision_of(repository, "main"))] == [".gitattributes", "keep.bin"]
    assert revision_of(repository, "side").branch.head == head_commit(repository, "side")
    assert LargeObject.objects.get(pk=chosen).idle_since is not None
    assert Repository.objects.get(pk=repository.pk).used_storage == 440
    heads = repository.branches.get(ref="refs/heads/main").entries.get(path="keep.bin")
    assert heads.last_commit.author == by.user


def test_deleted_without_its_history(repository, by):
    chosen = digests(repository)["keep.bin"]
    head = head_commit(repository, "main")

    assert large_files.delete_for_good(repository, {chosen}, by=by, rewrite_history=False) == 40

    assert head_commit(repository, "main") == head
    assert readable_object(by, repository, chosen) is None
    assert DeletedObject.objects.get(repository=repository).deleted_by == by.user
    make.upload(repository, b"keep" * 10, by=by)
    assert readable_object(by, repository, chosen) is not None, "who has the bytes may bring them again"
    assert not DeletedObject.objects.exists()


def test_what_the_repository_does_not_hold_is_passed_over(repository, by):
    other = make.repository(make.person("bob"))
    kept = make.put_large(other, {"a.bin": b"other" * 9}, by=make.as_principal(other.created_by))["a.bin"]
    head = head_commit(repository, "main")

    assert large_files.delete_for_good(repository, {kept, "0" * 64}, by=by) == 0

    assert head_commit(repository, "main") == head
    assert other.objects_held.get().object_id == kept


@pytest.mark.parametrize("who", ["stranger", "staff"])
def test_only_administrators_of_the_owner_delete(repository, who):
    person = make.person(f"some-{who}", is_staff=who == "staff")
    with pytest.raises(Forbidden):
        large_files.delete_for_good(repository, set(), by=make.as_principal(person))


def test_merged_pull_requests_follow_the_new_commits(repository, by):
    opened, _result = discussions.propose(
        repository, [commits.AddBytes("note.txt", b"1")], by=by, message="A note", target="main"
    )
    merged = merges.merge(opened, by=by)
    chosen = digests(repository)["keep.bin"]

    large_files.delete_for_good(repository, {chosen}, by=by)

    merged.refresh_from_db()
    assert reading.resolve(open_repository(repository.path), merged.merge_commit) == head_commit(repository, "main")
    pull_request = repository.branches.get(ref=merged.ref)
    assert not pull_request.entries.filter(path="keep.bin").exists()


def test_versions_outlive_and_the_next_one_can_be_fetched(repository, by, django_capture_on_commit_callbacks):
    while outbox.relay():
        pass
    before = list(Version.objects.filter(repository=repository).values_list("number", "commit"))
    assert before

    with django_capture_on_commit_callbacks(execute=True):
        large_files.delete_for_good(repository, {digests(repository)["old.bin"]}, by=by)
    while outbox.relay():
        pass

    after = list(Version.objects.filter(repository=repository).order_by("number").values_list("number", "commit"))
    assert after[: len(before)] == before
    assert after[-1][1] == head_commit(repository, "main")


def test_a_squash_makes_a_version_whose_commit_stays(repository, by):
    while outbox.relay():
        pass
    count = Version.objects.filter(repository=repository).count()

    squashed = refs.squash(repository, "main", by=by)
    while outbox.relay():
        pass

    assert Version.objects.filter(repository=repository).count() == count + 1
    assert Version.objects.filter(repository=repository).latest("number").commit == squashed
