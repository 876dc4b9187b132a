"""Copies of whole repositories, and who earns what they earn."""

import pytest

from accounts.principal import ANONYMOUS, Principal
from common.errors import Forbidden, Invalid
from common.models import OutboxEvent
from common.services.outbox import relay
from hub.enums import EdgeKind, Evidence
from hub.errors import GatedRepository
from hub.git.reading import read_file
from hub.git.repositories import open_repository
from hub.models import LineageEdge, RepositoryObject
from hub.selectors import entries_at, head_commit, readable_object, revision_of
from hub.selectors.lineage import attribution_graph, latest_version, original_of
from hub.services import discussions, duplicates, refs, repositories, versions
from licensing.selectors.upstream import works_of
from tests.factories import hub as make
from tests.factories.accounts import OrganisationFactory, UserFactory
from tests.hub.services.test_versions import publish

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return UserFactory(username="ada")


@pytest.fixture
def bob():
    return UserFactory(username="bob")


@pytest.fixture
def source(ada):
    made = make.repository(ada, "source", files={"README.md": b"---\nlicense: mit\n---\n", "a.txt": b"one"})
    drain()
    publish(made, ada)
    drain()
    made.refresh_from_db()
    return made


def copy_of(source, user, name="copy", **facts):
    made = duplicates.duplicate(source, user.namespace, name, by=Principal(user=user), **facts)
    drain()
    return made


def drain():
    while relay():
        pass


def test_history_branches_tags_and_objects_are_there(source, ada, bob):
    by = Principal(user=ada)
    refs.create_branch(source, "side", by=by)
    refs.create_tag(source, "v1", by=by)
    old = head_commit(source)
    make.put(source, {"a.txt": b"two"}, by=by)

    copy = copy_of(source, bob)

    assert (copy.full_name, copy.visibility, copy.license) == ("bob/copy", "public", "mit")
    assert head_commit(copy) == head_commit(source) == copy.copied_commit
    assert head_commit(copy, "side") == head_commit(copy, "v1") == old
    assert read_file(open_repository(copy.path), old, "a.txt") == b"one"
    names = {file.path for file in entries_at(revision_of(copy, "main"))}
    assert names == {".gitattributes", "README.md", "a.txt", "model.safetensors"}
    assert readable_object(ANONYMOUS, copy, "1" * 64) is not None
    assert copy.used_storage == 10
    assert copy.copied_from == source


def test_both_go_their_own_ways(source, ada, bob):
    copy = copy_of(source, bob)
    make.put(copy, {"b.txt": b"new"}, by=Principal(user=bob))
    assert "b.txt" not in {file.path for file in entries_at(revision_of(source, "main"))}

    repositories.delete(source, by=Principal(user=ada))
    copy.refresh_from_db()

    assert (copy.copied_from, copy.copied_from_name) == (None, "ada/source")
    assert read_file(open_repository(copy.path), copy.copied_commit, "a.txt") == b"one"
    assert RepositoryObject.objects.filter(repository=copy).count() == 1


def test_pull_requests_stay_behind(source, bob):
    discussions.open_discussion(source, title="Idea", by=Principal(user=bob), pull_request=True)

    copy = copy_of(source, bob)

    assert not copy.discussions.exists()
    assert head_commit(copy, "refs/pr/1") is None


def test_an_unchanged_copy_earns_for_those_who_made_the_original(source, ada, bob):
    copy = copy_of(copy_of(source, bob), UserFactory(username="cleo"), "again")
    version = latest_version(copy)

    assert not version.credits.exists()
    edge = version.edges.get()
    assert (edge.kind, edge.evidence, edge.parent_name) == (EdgeKind.COPY, Evidence.COPIED, "bob/copy")
    assert original_of(version) == latest_version(source)
    assert attribution_graph(copy) == attribution_graph(source)
    assert {person.user_id for asset in attribution_graph(copy).assets.values() for person in asset.contributors} == {
        ada.pk
    }


def test_who_changes_a_copy_is_credited_for_the_change_and_the_source_is_paid(source, ada, bob):
    copy = copy_of(source, bob)
    changed = publish(copy, bob, content="2")

    graph = attribution_graph(copy)

    assert [credit.user for credit in changed.credits.all()] == [bob]
    assert graph.root == changed.key
    assert [parent.key for parent in graph.assets[changed.key].parents] == [latest_version(source).key]
    assert changed.edges.get().is_paid


def test_going_back_to_a_copied_commit_forges_no_credit(source, ada, bob):
    """Also when it never was the head of the copy, or the source is gone meanwhile."""
    first = head_commit(source)
    second = publish(source, ada, content="3").commit
    publish(source, ada, content="5")
    drain()
    copy = copy_of(source, bob)
    publish(copy, bob, content="2")

    back = versions.record_version(copy, first, user=bob)
    repositories.delete(source, by=Principal(user=ada))
    again = versions.record_version(copy, second, user=bob)

    assert not back.credits.exists()
    assert back.edges.get().parent_commit == first
    assert not again.credits.exists()
    assert not again.edges.get().is_paid


def test_claims_of_being_a_copy_give_nothing_away(source, ada, bob):
    """`copied by this site` is written by this site alone; a card can only claim."""
    mine = make.repository(bob, "mine")
    claim = {"base_models": [{"id": "ada/source", "kind": "copy", "revision": head_commit(source)}]}
    version = publish(mine, bob, content="4", provenance=claim)

    edge = LineageEdge.objects.get(version=version)

    assert (edge.kind, edge.evidence) == (EdgeKind.COPY, Evidence.CLAIMED)
    assert original_of(version) == version


def test_licences_follow_a_copy(source, bob):
    root, works = works_of(copy_of(source, bob))

    assert works[root].parents == (("model:ada/source", "copy"),)


def test_what_may_be_copied_and_whereto(source, ada, bob):
    lab = OrganisationFactory(admin=ada)
    with pytest.raises(Forbidden):
        duplicates.duplicate(source, ada.namespace, "copy", by=Principal(user=bob))
    with pytest.raises(Forbidden):
        duplicates.duplicate(source, lab.namespace, "copy", by=Principal(user=bob))
    with pytest.raises(Invalid):
        duplicates.duplicate(source, bob.namespace, "bad name", by=Principal(user=bob))
    with pytest.raises(Invalid):
        duplicates.duplicate(source, bob.namespace, "copy", by=Principal(user=bob), visibility="secret")
    with pytest.raises(repositories.RepositoryExists):
        duplicates.duplicate(source, ada.namespace, "SOURCE", by=Principal(user=ada))
    gated = repositories.update_settings(source, by=Principal(user=ada), gated="auto")
    with pytest.raises(GatedRepository):
        duplicates.duplicate(gated, bob.namespace, "copy", by=Principal(user=bob))
    assert not OutboxEvent.objects.filter(topic="repository.duplicated").exists()


def test_privacy_is_inherited(source, ada):
    lab = OrganisationFactory(admin=ada, is_private_by_default=True)
    by = Principal(user=ada)

    in_lab = duplicates.duplicate(source, lab.namespace, "copy", by=by)
    opened = duplicates.duplicate(source, lab.namespace, "open", by=by, visibility="public")
    source = repositories.update_settings(source, by=by, visibility="private")
    own = duplicates.duplicate(source, ada.namespace, "copy", by=by)

    assert [one.visibility for one in (in_lab, opened, own)] == ["private", "public", "private"]
