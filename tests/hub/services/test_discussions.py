"""Discussions, pull requests and merges by their services."""

import hashlib
import itertools
import threading

import pytest
from django.db import connection

from accounts.enums import TokenScope
from common.errors import Conflict, Forbidden, Invalid, Unauthenticated
from common.models import AuditEntry, OutboxEvent
from common.services import outbox
from hub.enums import DISCUSSION_MOVES, DiscussionState, EventKind
from hub.errors import EntryNotFound, RevisionNotFound, Unprocessable
from hub.git.lfs_pointer import format_pointer
from hub.git.refs import target_of
from hub.git.repositories import open_repository
from hub.models import Discussion, DiscussionEvent, OfferedObject, RepositoryObject, Version
from hub.selectors import discussions as selectors
from hub.selectors import entries_at, files_at, held_objects, readable_object, revision_of
from hub.services import commits, discussions, merges, objects, refs
from hub.services.commits import AddBytes, AddPointer, DeleteFile
from tests.factories import hub as make
from tests.factories.accounts import StaffFactory, principal_of
from tests.hub.api.test_resolve import Reader

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    return make.as_principal(make.person("ada"))


@pytest.fixture
def stranger():
    return make.as_principal(make.person("bob"))


@pytest.fixture
def repository(owner):
    return make.repository(owner.user, "tiny", files={"a.txt": b"one\n", "sub/b.txt": b"b\n"})


def propose(repository, by, files, **more):
    operations = [AddBytes(path, data) for path, data in files.items()]
    return discussions.propose(repository, operations, by=by, message="Better words", **more)


def names(repository, revision):
    return [file.path for file in files_at(revision_of(repository, revision))]


def kinds(discussion):
    return [event.kind for event in selectors.events_of(discussion)]


def test_numbers_count_per_repository(repository, owner, stranger):
    other = make.repository(owner.user)
    opened = [
        discussions.open_discussion(where, title="Hello", by=stranger) for where in (repository, repository, other)
    ]

    assert [discussion.number for discussion in opened] == [1, 2, 1]
    assert [discussion.state for discussion in opened] == [DiscussionState.OPEN] * 3
    assert AuditEntry.objects.filter(action="discussion.opened").count() == 3
    assert OutboxEvent.objects.filter(topic="discussion.opened").count() == 3


def test_a_pull_request_has_its_ref_and_index_at_once(repository, stranger):
    opened = discussions.open_discussion(repository, title="Idea", by=stranger, pull_request=True)

    at = revision_of(repository, "refs/pr/1")
    assert opened.state == DiscussionState.DRAFT
    assert at.commit == revision_of(repository, "main").commit
    assert names(repository, "refs/pr/1") == names(repository, "main")
    assert repository.branches.filter(ref="refs/pr/1").exists()


def test_who_may_take_part(repository, owner, stranger):
    from accounts.principal import ANONYMOUS

    reader = principal_of(stranger.user, scope=TokenScope.READ)
    with pytest.raises(Unauthenticated):
        discussions.open_discussion(repository, title="Hello", by=ANONYMOUS)
    with pytest.raises(Forbidden):
        discussions.open_discussion(repository, title="Hello", by=reader)
    discussion = discussions.open_discussion(repository, title="Hello", by=stranger)
    with pytest.raises(Forbidden):
        discussions.comment(discussion, "Hi", by=reader)
    hidden = make.repository(owner.user, visibility="private")
    with pytest.raises(Forbidden):
        discussions.open_discussion(hidden, title="Hello", by=stranger)


STEERERS = {"owner": True, "author": True, "staff": True, "other": False, "anonymous": False}


@pytest.mark.parametrize("who", STEERERS)
def test_who_may_close_and_rename(repository, owner, stranger, who):
    from accounts.principal import ANONYMOUS

    people = {"owner": owner, "author": stranger, "staff": make.as_principal(StaffFactory()), "anonymous": ANONYMOUS}
    by = people.get(who) or make.as_principal(make.person())
    discussion = discussions.open_discussion(repository, title="Hello", by=stranger)

    if STEERERS[who]:
        discussions.rename(discussion, "Other words", by=by)
        discussions.change_status(discussion, "closed", by=by, text="Done")
        assert kinds(discussion) == ["comment", "title-change", "comment", "status-change"]
    else:
        with pytest.raises(Forbidden):
            discussions.rename(discussion, "Other words", by=by)
        with pytest.raises(Forbidden):
            discussions.change_status(discussion, "closed", by=by)


@pytest.mark.parametrize(("before", "after"), [*itertools.product(DiscussionState, DiscussionState)])
def test_every_move_of_the_table_and_no_other(repository, owner, before, after):
    commit = "a" * 40
    discussion = discussions.open_discussion(repository, title="Hello", by=owner, pull_request=True)
    merged = commit if before == DiscussionState.MERGED else ""
    Discussion.objects.filter(pk=discussion.pk).update(state=before, merge_commit=merged)
    discussion.refresh_from_db()

    def move():
        merge_commit = commit if after == DiscussionState.MERGED else ""
        return discussions.move(discussion, after, by=owner, merge_commit=merge_commit)

    if after in DISCUSSION_MOVES[before]:
        assert move().facts == {"status": after.value}
        discussion.refresh_from_db()
        assert discussion.state == after
    else:
        with pytest.raises(Conflict):
            move()


def test_a_state_that_clients_may_not_ask_for(repository, owner):
    discussion = discussions.open_discussion(repository, title="Hello", by=owner)
    for state in ("merged", "draft", "published"):
        with pytest.raises(Invalid):
            discussions.change_status(discussion, state, by=owner)


@pytest.mark.parametrize("title", ["", "ab", "x" * 201])
def test_titles_have_a_length(repository, owner, title):
    with pytest.raises(Invalid):
        discussions.open_discussion(repository, title=title, by=owner)


def test_comments_keep_what_they_said_and_hide_for_good(repository, owner, stranger):
    discussion = discussions.open_discussion(repository, title="Hello", by=stranger, text="First")
    event = selectors.events_of(discussion)[0]

    with pytest.raises(Forbidden):
        discussions.edit_comment(event, "Not mine", by=owner)
    edited = discussions.edit_comment(event, "Second", by=stranger)
    assert (edited.text, [edit.text for edit in edited.edits.all()]) == ("Second", ["First"])
    with pytest.raises(Forbidden):
        discussions.hide_comment(event, by=make.as_principal(make.person()))
    assert discussions.hide_comment(event, by=owner).is_hidden
    assert discussions.hide_comment(event, by=owner).is_hidden
    with pytest.raises(Conflict):
        discussions.edit_comment(event, "Third", by=stranger)
    with pytest.raises(Invalid):
        discussions.comment(discussion, "  ", by=owner)


def test_a_stranger_proposes_and_a_writer_merges(repository, owner, stranger):
    before = revision_of(repository, "main").commit
    discussion, result = propose(repository, stranger, {"c.txt": b"c\n"})

    assert discussion.state == DiscussionState.OPEN
    assert names(repository, "main") == [".gitattributes", "a.txt", "sub/b.txt"]
    assert names(repository, "refs/pr/1") == [".gitattributes", "a.txt", "c.txt", "sub/b.txt"]
    assert "+c" in selectors.diff_of(discussion)
    make.put(repository, {"d.txt": b"d"}, by=owner)
    with pytest.raises(Forbidden):
        merges.merge(discussion, by=stranger)

    merged = merges.merge(discussion, by=owner, text="Thanks")

    main = revision_of(repository, "main")
    assert (merged.state, merged.merge_commit) == (DiscussionState.MERGED, main.commit)
    assert main.branch is not None and main.branch.head == main.commit != before
    assert names(repository, "main") == [".gitattributes", "a.txt", "c.txt", "d.txt", "sub/b.txt"]
    assert kinds(merged) == ["comment", "commit", "comment", "status-change"]
    assert "+c" in selectors.diff_of(merged)
    assert "+d" not in selectors.diff_of(merged)
    repository.refresh_from_db()
    assert repository.head == main.commit
    assert OutboxEvent.objects.filter(topic="repository.committed", payload__commit=main.commit).count() == 1
    with pytest.raises(Conflict):
        make.put(repository, {"e.txt": b"e"}, by=stranger, branch="refs/pr/1")
    with pytest.raises(Conflict):
        merges.merge(discussion, by=owner)
    rows = {file.path: file.last_commit.oid for file in entries_at(main, with_commits=True)}
    assert rows["c.txt"] == main.commit
    assert result.oid != main.commit


def test_conflicts_are_named_and_change_nothing(repository, owner, stranger):
    discussion, _result = propose(repository, stranger, {"a.txt": b"theirs\n", "ok.txt": b"ok"})
    head = make.put(repository, {"a.txt": b"ours\n"}, by=owner)

    assert selectors.conflicts_of(discussion) == ["a.txt"]
    with pytest.raises(Conflict, match=r"a\.txt"):
        merges.merge(discussion, by=owner)
    discussion.refresh_from_db()
    assert discussion.state == DiscussionState.OPEN
    assert revision_of(repository, "main").commit == head


def test_what_cannot_be_merged(repository, owner):
    talk = discussions.open_discussion(repository, title="Talk", by=owner)
    draft = discussions.open_discussion(repository, title="Draft", by=owner, pull_request=True)
    with pytest.raises(Conflict):
        merges.merge(talk, by=owner)
    with pytest.raises(Conflict):
        merges.merge(draft, by=owner)
    discussions.change_status(draft, "open", by=owner)
    with pytest.raises(Conflict, match="already"):
        merges.merge(draft, by=owner)


def test_a_merge_that_lost_its_row_is_found_again(repository, owner):
    from hub.git import merging

    discussion, _result = propose(repository, owner, {"c.txt": b"c"})
    repo = open_repository(repository.path)
    author = commits.author_of(owner)
    lost = merging.merge(repo, "main", target_of(repo, "refs/pr/1"), message="m", author=author)

    assert merges.merge(discussion, by=owner).merge_commit == lost.oid
    assert "c.txt" in names(repository, "main")


def test_a_proposal_that_fails_leaves_nothing(repository, stranger):
    with pytest.raises(EntryNotFound):
        discussions.propose(repository, [DeleteFile("no")], by=stranger, message="Delete it")

    assert not Discussion.objects.exists()
    assert target_of(open_repository(repository.path), "refs/pr/1") is None


def test_a_ref_that_a_crash_left_is_started_anew(repository, owner, stranger):
    from hub.git.refs import RefUpdate, update

    old = revision_of(repository, "main").commit
    update(open_repository(repository.path), [RefUpdate("refs/pr/1", None, old)])
    head = make.put(repository, {"n.txt": b"n"}, by=owner)

    discussions.open_discussion(repository, title="Idea", by=stranger, pull_request=True)
    assert revision_of(repository, "refs/pr/1").commit == head


def test_targets_and_starts(repository, owner, stranger):
    first = revision_of(repository, "main").commit
    make.put(repository, {"n.txt": b"n"}, by=owner)
    refs.create_branch(repository, "work", by=owner)

    on_branch, _result = propose(repository, stranger, {"c.txt": b"c"}, target="work", start=first)
    assert on_branch.target == "refs/heads/work"
    assert "n.txt" not in names(repository, "refs/pr/1")
    for target, start in ((first, None), ("nowhere", None), ("main", "0" * 40)):
        with pytest.raises(RevisionNotFound):
            propose(repository, stranger, {"c.txt": b"c"}, target=target, start=start)


def test_only_its_author_and_writers_add_to_a_pull_request(repository, owner, stranger):
    propose(repository, stranger, {"c.txt": b"c"})
    other = make.as_principal(make.person())

    make.put(repository, {"d.txt": b"d"}, by=stranger, branch="refs/pr/1")
    make.put(repository, {"e.txt": b"e"}, by=owner, branch="refs/pr/1")
    with pytest.raises(Forbidden):
        make.put(repository, {"f.txt": b"f"}, by=other, branch="refs/pr/1")
    with pytest.raises(Forbidden):
        make.put(repository, {"f.txt": b"f"}, by=stranger)
    with pytest.raises(Forbidden):
        refs.squash(repository, "refs/pr/1", by=other)
    with pytest.raises(RevisionNotFound):
        make.put(repository, {"f.txt": b"f"}, by=owner, branch="refs/pr/7")
    refs.squash(repository, "refs/pr/1", by=stranger)
    assert names(repository, "refs/pr/1") == [".gitattributes", "a.txt", "c.txt", "d.txt", "e.txt", "sub/b.txt"]


def upload(repository, data, by):
    sha256 = hashlib.sha256(data).hexdigest()
    objects.receive(repository, sha256, len(data), Reader(data), by=by)
    return sha256


def test_an_offered_object_is_its_uploaders_until_it_is_committed(repository, owner, stranger):
    sha256 = upload(repository, b"weights", stranger)

    assert OfferedObject.objects.get().user == stranger.user
    assert not RepositoryObject.objects.exists()
    for other in (owner, make.as_principal(make.person())):
        assert held_objects(other, repository, [sha256]) == {}
        with pytest.raises(Unprocessable):
            discussions.propose(repository, [AddPointer("w.bin", sha256, 7)], by=other, message="Steal")
    discussions.propose(repository, [AddPointer("w.bin", sha256, 7)], by=stranger, message="Weights")
    assert readable_object(owner, repository, sha256) is not None


@pytest.mark.parametrize("disguised", [False, True])
def test_a_stranger_gets_nothing_by_naming_what_a_writer_uploaded(repository, owner, stranger, disguised):
    sha256 = upload(repository, b"secret", owner)
    pointer = AddBytes("w.bin", format_pointer(sha256, 6)) if disguised else AddPointer("w.bin", sha256, 6)

    with pytest.raises(Unprocessable):
        discussions.propose(repository, [pointer], by=stranger, message="Steal")
    assert readable_object(stranger, repository, sha256) is None


def test_a_merge_with_weights_is_a_version(repository, owner, stranger):
    sha256 = upload(repository, b"weights", stranger)
    discussion, _result = discussions.propose(
        repository, [AddPointer("w.safetensors", sha256, 7)], by=stranger, message="Weights"
    )
    outbox.relay()
    assert not Version.objects.exists()
    merged = merges.merge(discussion, by=owner)
    outbox.relay()

    assert Version.objects.get().commit == merged.merge_commit


def test_events_of_many_commits_are_in_order(repository, owner):
    discussion, _result = propose(repository, owner, {"c.txt": b"c"})
    make.put(repository, {"d.txt": b"d"}, by=owner, branch="refs/pr/1", message="Second")
    subjects = DiscussionEvent.objects.filter(discussion=discussion, kind=EventKind.COMMIT).order_by("id")
    assert [event.facts["subject"] for event in subjects] == ["Better words", "Second"]


@pytest.mark.django_db(transaction=True)
def test_two_merges_at_the_same_time_both_arrive(repository, owner):
    pulls = [propose(repository, owner, {f"f{number}.txt": b"x"})[0] for number in range(2)]
    failures = []

    def merge(discussion):
        try:
            merges.merge(discussion, by=owner)
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    # Twice each: the second of a pair must be refused, not merged again.
    threads = [threading.Thread(target=merge, args=(discussion,)) for discussion in pulls * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [type(error) for error in failures] == [Conflict, Conflict]
    assert {"f0.txt", "f1.txt"} <= set(names(repository, "main"))
    main = revision_of(repository, "main")
    assert main.branch is not None
