"""Imports as programs steer them, for everybody who may come."""

import json

import pytest

from accounts.enums import Role, TokenScope
from accounts.services import organisations, tokens
from hub.models import Import
from hub.services import imports
from tests.factories import hub as make
from tests.factories.accounts import join

pytestmark = pytest.mark.django_db
BODY = {"source": "grace/tiny", "target": "lab/tiny", "token": "hf_secret", "schedule": "daily"}


@pytest.fixture
def people():
    found = {name: make.person(name) for name in ("owner", "writer", "member", "stranger")}
    found["staff"] = make.person("boss", is_staff=True)
    lab = organisations.create_organisation("lab", by=make.as_principal(found["owner"]))
    for name, role in (("writer", Role.WRITE), ("member", Role.READ)):
        join(lab, found[name], role=role, by=make.as_principal(found["owner"]))
    return found


def headers(people, who, scope=TokenScope.WRITE):
    if who == "anonymous":
        return {}
    return {"Authorization": f"Bearer {tokens.issue_token(people[who], name='t', scope=scope)}"}


def post(client, address, body, sent):
    return client.post(address, json.dumps(body), content_type="application/json", headers=sent)


@pytest.mark.parametrize(
    ("who", "status"),
    [("anonymous", 401), ("stranger", 403), ("member", 403), ("writer", 201), ("owner", 201), ("staff", 403)],
)
def test_who_may_import(client, people, who, status):
    answer = post(client, "/api/imports", BODY, headers(people, who))

    assert answer.status_code == status
    assert Import.objects.count() == (status == 201)
    if status == 201:
        told = answer.json()
        assert (told["state"], told["source"]) == ("queued", "https://huggingface.co/grace/tiny")
        assert told["hasToken"] is True
        assert "hf_secret" not in answer.content.decode()
        assert "hf_secret" not in Import.objects.get().sealed_token


def test_a_token_that_may_not_write_steers_nothing(client, people):
    answer = post(client, "/api/imports", BODY, headers(people, "owner", TokenScope.READ))

    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("who", "seen", "acts"),
    [("anonymous", 404, 404), ("stranger", 404, 404), ("owner", 404, 404), ("writer", 200, 200), ("staff", 200, 403)],
)
def test_an_import_is_its_persons(client, people, who, seen, acts):
    made = post(client, "/api/imports", BODY, headers(people, "writer")).json()
    address = f"/api/imports/{made['id']}"

    assert client.get(address, headers=headers(people, who)).status_code == seen
    assert post(client, f"{address}/act", {"act": "pause"}, headers(people, who)).status_code == acts
    assert Import.objects.get().state == ("paused" if acts == 200 else "queued")


def test_the_buttons_of_programs(client, people):
    sent = headers(people, "writer")
    address = f"/api/imports/{post(client, '/api/imports', BODY, sent).json()['id']}/act"

    def act(**body):
        answer = post(client, address, body, sent)
        return answer.status_code, answer.json().get("state")

    assert act(act="pause") == (200, "paused")
    assert act(act="pause")[0] == 409
    assert act(act="run") == (200, "queued")
    assert act(act="schedule", schedule="weekly") == (200, "queued")
    assert act(act="schedule", schedule="hourly")[0] == 400
    assert act(act="confirm", statement="Its author allows copies by everybody.")[0] == 409
    assert act(act="dance")[0] == 400
    assert act(act="cancel") == (200, "cancelled")
    assert Import.objects.get().schedule == "none"
    assert Import.objects.get().sealed_token == ""
    assert [one["state"] for one in client.get("/api/imports", headers=sent).json()] == ["cancelled"]


def test_one_import_under_a_name(client, people):
    sent = headers(people, "writer")
    first = post(client, "/api/imports", BODY, sent)
    second = post(client, "/api/imports", BODY | {"source": "grace/other"}, sent)
    post(client, f"/api/imports/{first.json()['id']}/act", {"act": "cancel"}, sent)
    third = post(client, "/api/imports", BODY, sent)

    assert [first.status_code, second.status_code, third.status_code] == [201, 409, 201]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"source": "https://elsewhere.example/a/b"}, 403),
        ({"source": "http://127.0.0.1:80/a/b"}, 403),
        ({"source": "spaces/a/b"}, 400),
        ({"kind": "space"}, 400),
        ({"revision": "a b"}, 400),
        ({"token": "na\u00efve"}, 400),
        ({"target": "nobody/x"}, 404),
        ({"target": "lab/a..b"}, 400),
        ({"private": "yes"}, 400),
        ({"statement": "short"}, 400),
    ],
)
def test_what_is_refused(client, people, change, status):
    assert post(client, "/api/imports", BODY | change, headers(people, "writer")).status_code == status


def test_a_source_on_this_machine_is_refused_even_if_it_is_listed(people, settings):
    settings.IMPORT_SOURCES = ["http://127.0.0.1:8000", "http://10.1.2.3"]
    for address in settings.IMPORT_SOURCES:
        with pytest.raises(Exception, match="not a public address"):
            imports.create(f"{address}/a/b", people["owner"].namespace, by=make.as_principal(people["owner"]))
