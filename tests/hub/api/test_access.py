"""The API about gates, requests, settings and copies."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.enums import Role, TokenScope
from common.models import AuditEntry
from hub.api import access as doors
from hub.models import AccessRequest, Repository
from hub.services import access, gates, repositories
from hub.services.gates import GateWish
from tests.factories import hub as make
from tests.factories.accounts import MembershipFactory, OrganisationFactory, UserFactory, job_token
from tests.hub.api.test_doors import bearer, send
from tests.hub.gated import bring, scene

pytestmark = pytest.mark.django_db
API = "/api/models/lab/gated"
PEOPLE = ["anonymous", "stranger", "accepted", "member", "writer", "owner", "staff"]


def headers_of(found, who, scope=TokenScope.WRITE):
    return bearer(found.people[who], scope) if who in found.people else {}


@pytest.mark.parametrize("who", PEOPLE)
def test_requests_are_for_those_who_decide(client, who):
    found = scene()
    headers = headers_of(found, who)
    expected = 200 if who == "owner" else 403
    name = found.people["pending"].username

    answers = [
        client.get(f"{API}/user-access-request/pending", headers=headers),
        send(client, "POST", f"{API}/user-access-request/handle", {"user": name, "status": "accepted"}, headers),
        send(client, "POST", f"{API}/user-access-request/grant", {"user": found.people["stranger"].username}, headers),
    ]

    assert [answer.status_code for answer in answers] == [expected] * 3
    gates.set_gate(found.repository, GateWish(writers_decide=True), by=found.by("owner"))
    if who in {"writer", "member"}:
        again = client.get(f"{API}/user-access-request/pending", headers=headers)
        assert again.status_code == (200 if who == "writer" else 403)


def test_a_reading_token_or_a_job_decides_nothing(client):
    found = scene()
    gates.set_gate(found.repository, GateWish(writers_decide=True), by=found.by("owner"))
    lab = found.repository.namespace
    job = {"Authorization": f"Bearer {job_token(found.people['owner'], namespace=lab)}"}
    for headers in (headers_of(found, "owner", TokenScope.READ), job):
        assert client.get(f"{API}/user-access-request/accepted", headers=headers).status_code == 403


def test_lists_say_what_clients_read(client):
    found = scene()
    gates.set_gate(found.repository, GateWish(form="Why: text"), by=found.by("owner"))
    eve = UserFactory(username="eve", full_name="Eve E.", email="eve@example.org")
    access.ask(found.repository, by=make.as_principal(eve), answers={"Why": "Fun"})
    headers = headers_of(found, "owner")

    lists = {
        status: client.get(f"{API}/user-access-request/{status}", headers=headers).json()
        for status in ("pending", "accepted", "rejected")
    }

    names = {status: {one["user"]["user"] for one in rows} for status, rows in lists.items()}
    granted = found.people["granted"].username
    assert names["pending"] == {"pending", "appealed", "eve"}
    assert names["accepted"] == {"accepted", granted}
    assert names["rejected"] == {"rejected", "revoked"}
    mine = next(one for one in lists["pending"] if one["user"]["user"] == "eve")
    assert mine["user"] == {"user": "eve", "fullname": "Eve E.", "type": "user", "email": "eve@example.org"}
    assert (mine["status"], mine["fields"], len(mine["requestId"])) == ("pending", {"Why": "Fun"}, 24)
    assert mine["timestamp"].endswith("Z")
    unasked = next(one for one in lists["accepted"] if one["user"]["user"] == granted)
    assert "email" not in unasked["user"]
    assert client.get(f"{API}/user-access-request/lost", headers=headers).status_code == 404


def test_lists_are_paged_and_ask_the_database_equally_often(client, monkeypatch, django_assert_num_queries):
    found = scene()
    monkeypatch.setattr(doors, "_PAGE", 2)
    headers = headers_of(found, "owner")
    for _more in range(3):
        bring(found.repository, UserFactory(), "pending", by=found.by("owner"))
    names, address = [], f"{API}/user-access-request/pending"
    while address:
        answer = client.get(address, headers=headers)
        names += [one["requestId"] for one in answer.json()]
        address = answer.headers.get("Link", "<>")[1:].partition(">")[0].removeprefix("http://127.0.0.1:8000")

    assert len(names) == len(set(names)) == 5
    with django_assert_num_queries(_count(client, f"{API}/user-access-request/rejected", headers)):
        client.get(f"{API}/user-access-request/pending", headers=headers)


def _count(client, address, headers):
    with CaptureQueriesContext(connection) as captured:
        client.get(address, headers=headers)
    return len(captured)


def test_handling_by_name_and_by_id(client):
    found = scene()
    headers = headers_of(found, "owner")
    row = AccessRequest.objects.get(user=found.people["pending"])

    def handle(**body):
        answer = send(client, "POST", f"{API}/user-access-request/handle", body, headers)
        row.refresh_from_db()
        return answer.status_code, row.state

    assert handle(user="pending", status="pending") == (409, "pending")
    assert handle(user="pending", status="rejected") == (400, "pending")
    assert handle(user="PENDING", status="rejected", rejectionReason="No") == (200, "rejected")
    assert handle(user="pending", status="rejected", rejectionReason="No") == (409, "rejected")
    assert handle(requestId=f"{row.pk:024x}", status="accepted") == (200, "accepted")
    assert handle(user="pending", status="accepted") == (409, "accepted")
    assert handle(user="pending", status="dancing") == (400, "accepted")
    assert handle(user="nobody", status="accepted") == (404, "accepted")
    assert handle(requestId="zz", status="accepted") == (404, "accepted")
    assert handle(requestId="f" * 24, status="accepted") == (404, "accepted")
    assert handle(user=found.people["stranger"].username, status="accepted") == (404, "accepted")
    # The owner rejected this one, so somebody else decides the appeal.
    assert handle(user="appealed", status="accepted")[0] == 403
    assert send(client, "POST", f"{API}/user-access-request/grant", {"user": "pending"}, headers).status_code == 409
    assert send(client, "POST", f"{API}/user-access-request/grant", {"user": "lab"}, headers).status_code == 404


def test_what_is_not_gated_has_no_requests(client):
    ada = UserFactory(username="ada")
    make.repository(ada, "open")
    headers = bearer(ada)

    assert client.get("/api/models/ada/open/user-access-request/pending", headers=headers).status_code == 400
    grant = send(client, "POST", "/api/models/ada/open/user-access-request/grant", {"user": "ada"}, headers)
    assert grant.status_code == 400


def test_settings_do_what_they_say_or_are_refused(client):
    ada = UserFactory(username="ada")
    make.repository(ada, "tiny")
    headers = bearer(ada)

    def put(**body):
        answer = send(client, "PUT", "/api/models/ada/tiny/settings", body, headers)
        return answer.status_code, answer.json()

    changed = {"gated": "manual", "private": True, "discussionsDisabled": True}
    assert put(**changed)[1] == changed | {"visibility": "private"}
    row = Repository.objects.get()
    assert (row.gated, row.visibility, row.has_discussions) == ("manual", "private", False)
    assert put(gated=False)[1]["gated"] is False
    for wrong in ({}, {"gated": None}, {"gated": "maybe"}, {"gated": True}, {"gated": ["auto"]},
                  {"visibility": "protected"}, {"discussionsDisabled": "yes"}):  # fmt: skip
        assert put(**wrong)[0] == 400, wrong
    status, answer = put(xetEnabled=True, gated="auto")
    assert status == 400
    assert "xetEnabled" in answer["error"]
    assert "discussionsDisabled, gated, private, visibility" in answer["error"]
    assert Repository.objects.get().gated == "open"
    assert AuditEntry.objects.filter(action="repository.settings").count() == 2


@pytest.mark.parametrize("who", PEOPLE)
def test_settings_are_for_administrators(client, who):
    found = scene()

    answer = send(client, "PUT", f"{API}/settings", {"gated": False}, headers_of(found, who))

    assert answer.status_code == (200 if who == "owner" else 403)


def test_where_discussions_are_closed_nobody_opens_one_and_writers_still_upload(client):
    found = scene()
    repositories.update_settings(found.repository, by=found.by("owner"), has_discussions=False)

    def status(who, address, body=None):
        return send(client, "POST" if body else "GET", address, body, headers_of(found, who)).status_code

    opening = {"title": "Hello", "description": "x"}
    assert status("stranger", f"{API}/discussions", opening) == status("owner", f"{API}/discussions", opening) == 403
    assert status("stranger", f"{API}/xet-write-token/main?create_pr=1") == 403
    assert status("writer", f"{API}/xet-write-token/main") == 200


def test_duplicates_say_where_they_are(client):
    ada, bob = UserFactory(username="ada"), UserFactory(username="bob")
    make.repository(ada, "tiny", files={"a.txt": b"x"})
    make.repository(ada, "secret", visibility="private")
    headers = bearer(bob)

    def duplicate(name="tiny", headers=headers, **body):
        sent = {"repository": "bob/copy"} | body
        return send(client, "POST", f"/api/models/ada/{name}/duplicate", sent, headers)

    made, again = duplicate(visibility="private"), duplicate()

    assert made.json()["url"] == again.json()["url"] == "http://127.0.0.1:8000/bob/copy"
    assert (made.status_code, made.json()["filesCopyPending"], again.status_code) == (200, False, 409)
    assert Repository.objects.get(name="copy").is_private
    assert duplicate("secret").status_code == 404
    assert duplicate(headers={}).status_code == 401
    assert duplicate(headers=bearer(bob, TokenScope.READ), repository="bob/other").status_code == 403
    assert duplicate(repository="ada/other").status_code == 403
    assert duplicate(repository="nobody/other").status_code == 400
    assert duplicate(repository="other").status_code == 400
    refused = duplicate(repository="bob/other", hardware="t4-medium")
    assert (refused.status_code, "hardware" in refused.json()["error"]) == (400, True)


def test_an_organisation_makes_new_repositories_private(client):
    ada = UserFactory(username="ada")
    lab = OrganisationFactory(name="lab", admin=ada, is_private_by_default=True)
    MembershipFactory(organisation=lab, role=Role.WRITE)
    headers = bearer(ada)

    def create(name, **body):
        sent = {"name": name, "organization": "lab"} | body
        return send(client, "POST", "/api/repos/create", sent, headers).json()["private"]

    assert create("a") is True
    assert create("b", visibility="public") is False
    assert create("c", private=False) is False
    assert send(client, "POST", "/api/repos/create", {"name": "d"}, headers).json()["private"] is False
    assert client.get("/api/models/lab/a?expand=private", headers=headers).json()["private"] is True
    assert json.loads(client.get("/api/models/lab/b?expand=gated").content)["gated"] is False
