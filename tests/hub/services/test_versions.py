import json

import pytest

from common.errors import Conflict, Forbidden
from common.models import OutboxEvent
from hub.enums import CreditState, Evidence
from hub.git.commits import AddPointer
from hub.models import Credit, LargeObject, LineageEdge, RepositoryObject, Version
from hub.selectors.lineage import attribution_graph, edges_to_confirm, latest_version, parents_of
from hub.services import commits, crediting, lineage, repositories, versions
from revenue.algorithms.attribution import UNIT, attribute
from tests.factories import hub as make
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db


def publish(repository, owner, *, content="1", provenance=None, job=""):
    """A commit with a large file and, perhaps, wellspring.json; then what the receiver does."""
    sha256 = content * 64
    held, _new = LargeObject.objects.get_or_create(sha256=sha256, defaults={"size": 10, "is_plain": True})
    RepositoryObject.objects.get_or_create(repository=repository, object=held)
    operations = [AddPointer("model.safetensors", sha256, 10)]
    if provenance is not None:
        operations.append(commits.AddBytes("wellspring.json", json.dumps(provenance).encode()))
    result = commits.commit(repository, operations, by=make.as_principal(owner), message="Publish")
    return versions.record_version(repository, result.oid, user=owner, job=job)


@pytest.fixture
def maker():
    return UserFactory(username="maker")


@pytest.fixture
def researcher():
    return UserFactory(username="researcher")


@pytest.fixture
def dataset(maker):
    return make.repository(maker, "shapes", kind="dataset")


def test_a_large_file_makes_a_version_and_words_do_not(maker, dataset):
    first = publish(dataset, maker)
    oid = make.put(dataset, {"README.md": b"# Words"}, by=make.as_principal(maker))
    assert (first.number, first.published_by) == (1, maker)
    assert versions.record_version(dataset, oid, user=maker) is None
    assert versions.record_version(dataset, first.commit, user=maker) == first
    assert publish(dataset, maker, content="2").number == 2
    assert OutboxEvent.objects.filter(topic="version.published").count() == 2


def test_a_job_proves_lineage_and_asks_those_it_names(maker, researcher, dataset):
    source = publish(dataset, maker)
    model = make.repository(researcher, "model")
    claims = {
        "datasets": [{"id": "maker/shapes", "revision": source.commit}],
        "credits": [{"user": "maker", "roles": ["data-curation", "nonsense"]}, {"user": "nobody", "roles": []}],
        "recipe": "text_to_image",
        "metrics": {"accuracy": 0.9},
    }
    version = publish(model, researcher, provenance=claims, job="job:1")
    edge = LineageEdge.objects.get(version=version)
    assert (edge.parent, edge.parent_commit, edge.evidence) == (dataset, source.commit, Evidence.JOB)
    assert [(c.user, c.roles, c.state) for c in version.credits.order_by("position")] == [
        (maker, ["data-curation"], CreditState.ASKED),
        (researcher, [], CreditState.ACCEPTED),
    ]
    assert version.metrics == {"accuracy": 0.9}


def test_a_claim_without_a_job_waits_for_the_source(maker, researcher, dataset):
    publish(dataset, maker)
    model = make.repository(researcher, "model")
    version = publish(model, researcher, provenance={"datasets": [{"id": "maker/shapes", "revision": ""}]})
    edge = LineageEdge.objects.get(version=version)
    assert edge.evidence == Evidence.CLAIMED
    assert attribution_graph(model).assets[version.key].parents == ()
    with pytest.raises(Forbidden):
        lineage.confirm(edge, by=make.as_principal(researcher))
    lineage.confirm(edge, by=make.as_principal(maker))
    assert [p.kind for p in attribution_graph(model).assets[version.key].parents] == ["dataset"]


def test_the_graph_pays_model_and_data_set(maker, researcher, dataset):
    source = publish(dataset, maker)
    model = make.repository(researcher, "model")
    claims = {"datasets": [{"id": "Maker/Shapes", "revision": source.commit}]}
    version = publish(model, researcher, provenance=claims, job="job:1")
    weights = attribute(attribution_graph(model))
    assert weights == {(version.key, researcher.pk): UNIT // 2, (source.key, maker.pk): UNIT // 2}


def test_a_circle_is_broken(maker, researcher, dataset):
    model = make.repository(researcher, "model")
    publish(dataset, maker)
    publish(model, researcher, provenance={"datasets": [{"id": "maker/shapes"}]}, job="job:1")
    publish(dataset, maker, content="2", provenance={"base_models": [{"id": "researcher/model"}]}, job="job:2")
    for root in (model, dataset):
        assert sum(attribute(attribution_graph(root)).values()) == UNIT


def test_a_credit_is_answered_by_the_person_and_then_permanent(maker, researcher, dataset):
    version = publish(dataset, maker, provenance={"credits": [{"user": "researcher", "roles": ["software"]}]})
    credit = Credit.objects.get(version=version, user=researcher)
    with pytest.raises(Forbidden):
        crediting.answer(credit, accept=True, by=make.as_principal(maker))
    crediting.answer(credit, accept=True, by=make.as_principal(researcher))
    with pytest.raises(Conflict):
        crediting.answer(credit, accept=False, by=make.as_principal(researcher))
    following = publish(dataset, maker, content="2", provenance=None)
    assert {c.user: c.state for c in following.credits.all()} == {researcher: "accepted", maker: "accepted"}


def test_a_private_source_is_not_named_to_others(maker, researcher):
    secret = make.repository(maker, "secret", kind="dataset", visibility="private")
    publish(secret, maker)
    model = make.repository(maker, "model")
    version = publish(model, maker, content="3", provenance={"datasets": [{"id": "maker/secret"}]})
    assert [edge.parent_name for edge in parents_of(version, make.as_principal(maker))] == ["maker/secret"]
    assert [edge.parent_name for edge in parents_of(version, make.as_principal(researcher))] == []


@pytest.mark.parametrize("text", ["", "[]", "{", '{"credits": 3, "datasets": ["x", {"id": 7}], "metrics": {"a": "b"}}'])
def test_nonsense_in_wellspring_json_is_left_out(maker, dataset, text):
    make.put(dataset, {"wellspring.json": text.encode()}, by=make.as_principal(maker))
    publish(dataset, maker)
    version = latest_version(dataset)
    assert (version.edges.count(), version.credits.count()) == (0, 1)
    assert Version.objects.count() == 1


def test_deleting_a_repository_leaves_credits_and_lineage(maker, researcher, dataset):
    source = publish(dataset, maker)
    model = make.repository(researcher, "model")
    claims = {"datasets": [{"id": "maker/shapes", "revision": source.commit}]}
    version = publish(model, researcher, provenance=claims, job="job:1")
    repositories.delete(dataset, by=make.as_principal(maker))
    weights = attribute(attribution_graph(model))
    assert weights == {(version.key, researcher.pk): UNIT // 2, (source.key, maker.pk): UNIT // 2}
    assert Credit.objects.filter(user=maker, state="accepted").exists()


def test_a_claim_tells_nothing_of_a_strangers_private_repository(maker, researcher):
    secret = make.repository(maker, "secret", visibility="private")
    publish(secret, maker)
    model = make.repository(researcher, "model")
    claims = {"base_models": [{"id": "maker/secret"}, {"id": "maker/none"}]}
    version = publish(model, researcher, content="2", provenance=claims, job="job:1")
    edges = list(version.edges.order_by("parent_name"))
    assert [(edge.parent_name, edge.parent, edge.parent_version) for edge in edges] == [
        ("maker/none", None, None),
        ("maker/secret", None, None),
    ]
    assert {edge.evidence for edge in edges} == {Evidence.CLAIMED}


def test_a_private_claim_is_not_shown_to_the_people_of_the_source(maker, researcher, dataset):
    publish(dataset, maker)
    model = make.repository(researcher, "quiet", visibility="private")
    publish(model, researcher, content="2", provenance={"datasets": [{"id": "maker/shapes"}]})
    assert list(edges_to_confirm(dataset, make.as_principal(maker))) == []
    model.visibility = "public"
    model.save()
    assert len(edges_to_confirm(dataset, make.as_principal(maker))) == 1


def test_provenance_that_postgresql_cannot_keep_is_cleaned(maker):
    model = make.repository(maker, "odd")
    claims = {"recipe": "a\x00\ud800", "metrics": {"\x00fid": 1}, "datasets": [{"id": "maker/\x00x"}]}
    version = publish(model, maker, provenance=claims)
    assert (version.recipe, version.metrics) == ("a?", {"fid": 1})
    assert [edge.parent_name for edge in version.edges.all()] == ["maker/x"]
