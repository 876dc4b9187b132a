import json
import runpy
import sys

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hub.models import Repository
from hub.services import crediting, lineage, sponsors
from tests.factories import hub as make
from tests.factories.accounts import MembershipFactory, OrganisationFactory, StaffFactory, UserFactory, bearer
from tests.hub.services.test_versions import publish

pytestmark = pytest.mark.django_db
by = make.as_principal


@pytest.fixture
def ada():
    return UserFactory(username="ada")


@pytest.fixture
def bob():
    return UserFactory(username="bob")


def made(owner, name, *parents, kind="finetune", content="1", **facts):
    repository = make.repository(owner, name, **facts)
    claims = {"base_models": [{"id": parent, "kind": kind} for parent in parents]}
    publish(repository, owner, content=content, provenance=claims)
    return repository


def ask(client, name, query="", user=None):
    return client.get(f"/api/models/{name}/lineage{query}", **(bearer(user) if user else {}))


def test_the_graph_goes_both_ways_with_types_and_evidence(client, ada, bob):
    base = made(ada, "base")
    made(bob, "child", "ada/base", kind="adapter")
    made(bob, "grandchild", "bob/child", "elsewhere/thing", kind="merge")
    answer = ask(client, "bob/child").json()
    assert answer["root"] == "model:bob/child"
    assert {node["name"]: node["level"] for node in answer["nodes"]} == {
        "bob/child": 0, "ada/base": -1, "bob/grandchild": 1,
    }  # fmt: skip
    edges = {(edge["child"], edge["parent"]): edge for edge in answer["edges"]}
    edge = edges["model:bob/child", "model:ada/base"]
    assert (edge["type"], edge["evidence"], edge["weight"], edge["pinIsPresumed"]) == ("adapter", "claimed", 1, True)
    assert edge["parentCommit"] == base.head or len(edge["parentCommit"]) == 40
    assert edges["model:bob/grandchild", "model:bob/child"]["evidence"] == "confirmed"
    deep = ask(client, "ada/base", "?direction=descendants&depth=1").json()
    assert [node["name"] for node in deep["nodes"]] == ["ada/base", "bob/child"]
    assert len(ask(client, "bob/grandchild", "?direction=ancestors&type=merge").json()["edges"]) == 2
    assert ask(client, "ada/base", "?evidence=job").json()["edges"] == []


@pytest.mark.parametrize("query", ["?direction=up", "?depth=0", "?depth=7", "?depth=x", "?type=son", "?evidence=none"])
def test_what_is_not_known_is_refused(client, ada, query):
    made(ada, "base")
    assert ask(client, "ada/base", query).status_code == 400


def test_a_circle_ends(client, ada):
    one = made(ada, "one")
    made(ada, "two", "ada/one")
    publish(one, ada, content="3", provenance={"base_models": [{"id": "ada/two"}]})
    answer = ask(client, "ada/one", "?depth=6").json()
    assert len(answer["nodes"]) == 2
    assert len(answer["edges"]) == 2


def test_private_repositories_are_neither_named_nor_counted_nor_passed_through(client, ada, bob):
    made(ada, "base")
    made(ada, "secret", "ada/base", visibility="private")
    made(ada, "open", "ada/secret", "ada/base")
    for who in (None, bob):
        up, down = ask(client, "ada/open", user=who), ask(client, "ada/base", user=who)
        assert b"secret" not in up.content + down.content
        assert [node["name"] for node in down.json()["nodes"]] == ["ada/base", "ada/open"]
        assert len(up.json()["edges"]) == 1
        page = client.get("/ada/open/lineage").content.decode()
        assert "secret" not in page
        assert "a private repository" not in page
    assert {node["name"] for node in ask(client, "ada/base", user=ada).json()["nodes"]} == {
        "ada/base", "ada/secret", "ada/open",
    }  # fmt: skip


@pytest.mark.parametrize("door", ["lineage", "credits"])
@pytest.mark.parametrize(
    ("who", "status"), [("anonymous", 401), ("stranger", 404), ("reader", 200), ("owner", 200), ("staff", 200)]
)
def test_a_private_repository_answers_its_own_people_only(client, door, who, status):
    admin = UserFactory()
    organisation = OrganisationFactory(name="lab", admin=admin)
    repository = make.repository(admin, "quiet", visibility="private")
    publish(repository, admin)
    Repository.objects.filter(pk=repository.pk).update(namespace=organisation.namespace)
    people = {
        "stranger": UserFactory,
        "reader": lambda: MembershipFactory(organisation=organisation).user,
        "owner": lambda: admin,
        "staff": StaffFactory,
    }
    headers = bearer(people[who]()) if who in people else {}
    assert client.get(f"/api/models/lab/quiet/{door}", **headers).status_code == status


def test_more_children_take_no_more_queries(client, ada):
    made(ada, "base")
    counts = []
    for number in range(3):
        made(ada, f"child{number}", "ada/base")
        if number != 1:
            with CaptureQueriesContext(connection) as queries:
                assert len(ask(client, "ada/base").json()["edges"]) == number + 1
            counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_denial_is_shown_and_never_erases(client, ada, bob):
    made(ada, "base")
    child = made(bob, "child", "ada/base")
    edge = child.versions.get().edges.get()
    lineage.deny(edge, by=by(ada))
    assert ask(client, "bob/child").json()["edges"][0]["evidence"] == "denied"
    assert client.get("/api/models/ada/base?expand=childrenModelCount").json()["childrenModelCount"] == 0
    lineage.confirm(edge, by=by(ada))
    assert ask(client, "bob/child").json()["edges"][0]["evidence"] == "confirmed"


def test_merges_and_adapters_are_read_from_their_files(client, ada):
    made(ada, "one")
    made(ada, "two")
    config = b"models:\n- {model: ada/one, parameters: {weight: 0.25}}\n- {model: ada/two, parameters: {weight: 0.75}}"
    files = {"mergekit_config.yml": config, "README.md": b"---\nbase_model: [ada/one, ada/two]\n---\n"}
    merged = make.repository(ada, "merged", files=files)
    publish(merged, ada, content="3")
    edges = ask(client, "ada/merged").json()["edges"]
    assert [(edge["parent"], edge["type"], edge["weight"]) for edge in edges] == [
        ("model:ada/one", "merge", 1),
        ("model:ada/two", "merge", 3),
    ]
    lora = make.repository(ada, "lora", files={"adapter_config.json": b'{"base_model_name_or_path": "ada/one"}'})
    publish(lora, ada, content="4")
    assert ask(client, "ada/lora").json()["edges"][0]["type"] == "adapter"
    listed = client.get("/api/models?filter=base_model:merge:ada/one").json()
    assert [one["id"] for one in listed] == ["ada/merged"]


def test_the_seal_is_checked_without_the_site(client, ada, bob, tmp_path, monkeypatch, capsys):
    model = make.repository(ada, "model")
    version = publish(model, ada, provenance={"credits": [{"user": "ada"}, {"user": "bob"}, {"name": "Grace"}]})
    crediting.answer(version.credits.get(user=bob), accept=True, by=by(bob))
    sponsors.record(version, namespace=bob.namespace, job="job:1", source="award:1", gpu_seconds=7)
    answer = client.get("/api/models/ada/model/credits?version=1").json()
    assert [one["user"] for one in answer["credits"]] == ["ada", "bob"]
    assert answer["mentions"] == [{"name": "Grace", "orcid": None, "roles": []}]
    assert answer["sponsors"] == [{"name": "bob", "job": "job:1", "source": "award:1", "gpuSeconds": 7}]
    assert client.get("/api/models/ada/model/credits?version=2").status_code == 404

    def verify():
        (tmp_path / "c.json").write_text(json.dumps(answer))
        (tmp_path / "k.json").write_text(client.get("/.well-known/jwks.json").content.decode())
        monkeypatch.setattr(sys, "argv", ["verify", str(tmp_path / "c.json"), str(tmp_path / "k.json")])
        runpy.run_path("scripts/verify_credits.py", run_name="__main__")

    verify()
    assert capsys.readouterr().out.splitlines()[-1] == "seal 2 holds: ada (1), bob (1)"
    answer["seals"][1]["statement"]["credits"][1]["points"] = 9
    with pytest.raises(SystemExit, match="does not state"):
        verify()
