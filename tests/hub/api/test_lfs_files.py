"""Large files by the API: who may list and delete them, and what clients are told."""

import pytest

from accounts.services import tokens
from tests.factories import hub as make
from tests.factories.accounts import MembershipFactory, OrganisationFactory, StaffFactory

pytestmark = pytest.mark.django_db


def bearer(user, scope="write"):
    return {"Authorization": f"Bearer {tokens.issue_token(user, name='t', scope=scope)}"}


@pytest.fixture
def repository():
    ada = make.person("ada")
    made = make.repository(ada, "tiny")
    make.put_large(made, {f"{number}.bin": b"%d" % number * 50 for number in range(3)}, by=make.as_principal(ada))
    return made


def delete(client, headers, *digests, rewrite=True, **more):
    body = {"deletions": {"sha": list(digests), "rewriteHistory": rewrite} | more}
    return client.post("/api/models/ada/tiny/lfs-files/batch", body, content_type="application/json", headers=headers)


@pytest.mark.parametrize(
    ("who", "listing", "deleting"),
    [
        ("anonymous", 403, 403),
        ("stranger", 403, 403),
        ("reader", 403, 403),
        ("writer", 200, 403),
        ("administrator", 200, 200),
        ("staff", 403, 403),
    ],
)
def test_writers_list_and_administrators_delete(client, who, listing, deleting):
    boss = make.person("boss")
    organisation = OrganisationFactory(name="lab", admin=boss)
    made = make.repository(boss, "tiny")
    made.namespace = organisation.namespace
    made.save()
    name = make.put_large(made, {"a.bin": b"a" * 50}, by=make.as_principal(boss))["a.bin"]
    people = {"stranger": make.person, "administrator": lambda: boss, "staff": StaffFactory}
    if who in {"reader", "writer"}:
        role = {"reader": "read", "writer": "write"}[who]
        people[who] = lambda: MembershipFactory(organisation=organisation, role=role).user
    headers = bearer(people[who]()) if who != "anonymous" else {}

    listed = client.get("/api/models/lab/tiny/lfs-files", headers=headers)
    body = {"deletions": {"sha": [name], "rewriteHistory": True}}
    deleted = client.post(
        "/api/models/lab/tiny/lfs-files/batch", body, content_type="application/json", headers=headers
    )

    assert (listed.status_code, deleted.status_code) == (listing, deleting)
    assert made.objects_held.exists() is (deleting != 200)


def test_read_tokens_delete_nothing(client, repository):
    name = repository.objects_held.first().object_id
    assert delete(client, bearer(repository.created_by, "read"), name).status_code == 403


def test_pages_follow_the_link(client, repository):
    headers = bearer(repository.created_by)
    first = client.get("/api/models/ada/tiny/lfs-files?limit=2", headers=headers)
    link = first["Link"].split(";")[0].strip("<>").partition("/api/")[2]
    second = client.get(f"/api/{link}", headers=headers)

    assert [len(page.json()) for page in (first, second)] == [2, 1]
    assert "Link" not in second
    assert set(first.json()[0]) == {"fileOid", "filename", "oid", "pushedAt", "size", "ref"}
    assert first.json()[0]["ref"] == "main"


@pytest.mark.parametrize(
    "body", [{}, {"deletions": {}}, {"deletions": {"sha": "x"}}, {"deletions": {"sha": [1]}},
             {"deletions": {"sha": ["0" * 64] * 1001}}, {"deletions": {"sha": [], "rewriteHistory": "yes"}}]
)  # fmt: skip
def test_odd_bodies_are_refused(client, repository, body):
    address = "/api/models/ada/tiny/lfs-files/batch"
    response = client.post(address, body, content_type="application/json", headers=bearer(repository.created_by))
    assert response.status_code == 400


def test_what_was_detached_is_answered_as_deleted(client, repository):
    headers = bearer(repository.created_by)
    name = next(one for one in client.get("/api/models/ada/tiny/lfs-files", headers=headers).json())["fileOid"]
    assert delete(client, headers, name, rewrite=False).json() == {"success": True, "freed": 50}

    resolved = client.get("/ada/tiny/resolve/main/0.bin")
    assert resolved.status_code == 404
    assert resolved["X-Error-Code"] == "EntryNotFound"
    assert "was deleted for good on" in resolved["X-Error-Message"]
    batch = {"operation": "download", "objects": [{"oid": name, "size": 50}]}
    sent = client.post("/ada/tiny.git/info/lfs/objects/batch", batch, content_type="application/vnd.git-lfs+json")
    assert "deleted for good" in sent.json()["objects"][0]["error"]["message"]
