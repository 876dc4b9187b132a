"""The LFS batch API and the doors its links lead to."""

import hashlib
import json

import pytest
from django.test import override_settings

from accounts.services import tokens
from hub.models import LargeObject, RepositoryObject
from tests.factories import hub as make
from tests.hub.api.test_resolve import body, with_object

pytestmark = pytest.mark.django_db
TYPE = "application/vnd.git-lfs+json"


def bearer(user, scope="write"):
    return {"Authorization": f"Bearer {tokens.issue_token(user, name='t', scope=scope)}"}


def batch(client, operation, *objects, address="/ada/tiny.git", headers=None, transfers=("basic",)):
    sent = {"operation": operation, "transfers": list(transfers), "objects": list(objects)}
    return client.post(f"{address}/info/lfs/objects/batch", json.dumps(sent), content_type=TYPE, headers=headers or {})


def named(data):
    return {"oid": hashlib.sha256(data).hexdigest(), "size": len(data)}


def test_basic_upload_then_download(client):
    owner = make.person("ada")
    make.repository(owner, "tiny")
    data = b"weights" * 1000
    one = batch(client, "upload", named(data), headers=bearer(owner)).json()["objects"][0]

    sent = client.put(one["actions"]["upload"]["href"], data, content_type="application/octet-stream")
    verified = client.post(one["actions"]["verify"]["href"], json.dumps(named(data)), content_type=TYPE)
    again = batch(client, "upload", named(data), headers=bearer(owner)).json()["objects"][0]
    hidden = batch(client, "download", named(data)).json()["objects"][0]
    found = batch(client, "download", named(data), headers=bearer(owner)).json()["objects"][0]

    assert (sent.status_code, verified.status_code) == (200, 200)
    assert "actions" not in again
    assert hidden["error"]["code"] == 404  # uploaded, but no commit names it yet
    assert body(client.get(found["actions"]["download"]["href"])) == data


def test_a_wrong_body_is_refused_and_nothing_is_kept(client):
    owner = make.person("ada")
    make.repository(owner, "tiny")
    one = batch(client, "upload", named(b"right"), headers=bearer(owner)).json()["objects"][0]

    sent = client.put(one["actions"]["upload"]["href"], b"wrong", content_type="application/octet-stream")

    assert sent.status_code == 400
    assert not LargeObject.objects.exists()


@override_settings(LFS_PART_SIZE=1000)
def test_multipart_upload(client):
    owner = make.person("ada")
    repository = make.repository(owner, "tiny")
    data = bytes(range(250)) * 10
    answer = batch(client, "upload", named(data), headers=bearer(owner), transfers=("basic", "multipart")).json()
    upload = answer["objects"][0]["actions"]["upload"]
    assert (answer["transfer"], upload["header"]["chunk_size"]) == ("multipart", "1000")

    early = client.post(upload["href"], json.dumps({"oid": named(data)["oid"], "parts": []}), content_type=TYPE)
    parts = []
    for number in (3, 1, 2):
        part = data[(number - 1) * 1000 : number * 1000]
        sent = client.put(upload["header"][str(number)], part, content_type="application/octet-stream")
        parts.append({"partNumber": number, "etag": sent["ETag"]})
    done = {"oid": named(data)["oid"], "parts": parts}
    twice = [client.post(upload["href"], json.dumps(done), content_type=TYPE).status_code for _ in range(2)]

    assert early.status_code == 409
    assert twice == [200, 200]
    assert RepositoryObject.objects.get().repository == repository


def test_links_cannot_be_altered(client):
    owner = make.person("ada")
    make.repository(owner, "tiny")
    href = batch(client, "upload", named(b"x"), headers=bearer(owner)).json()["objects"][0]["actions"]["upload"]["href"]

    other = href.replace(named(b"x")["oid"], named(b"y")["oid"])

    assert client.put(other, b"y", content_type="application/octet-stream").status_code == 403
    assert client.get(href).status_code == 405


@pytest.mark.parametrize("operation", [None, ["upload"], {"a": 1}, 7])
def test_an_operation_that_is_no_word_is_refused(client, operation):
    make.repository(make.person("ada"), "tiny")
    assert batch(client, operation, headers={}).status_code == 400


def test_who_may(client):
    owner = make.person("ada")
    make.repository(owner, "tiny")
    make.repository(owner, "secret", visibility="private")
    stranger = make.person()

    def statuses(operation, address):
        people = ({}, bearer(stranger), bearer(owner, "read"), bearer(owner))
        return [batch(client, operation, named(b"x"), address=address, headers=who).status_code for who in people]

    # A stranger may bring objects for a pull request; nobody but them has anything of it before it is opened.
    assert statuses("upload", "/ada/tiny.git") == [401, 200, 403, 200]
    assert statuses("download", "/ada/tiny.git") == [200, 200, 200, 200]
    assert statuses("upload", "/ada/secret.git") == [401, 404, 403, 200]
    assert statuses("download", "/ada/secret.git") == [401, 404, 200, 200]


def test_anonymous_git_is_asked_for_a_password(client):
    make.repository(make.person("ada"), "secret", visibility="private")

    response = batch(client, "download", named(b"x"), address="/ada/secret.git")

    assert response["WWW-Authenticate"].startswith("Basic")
    assert response["Content-Type"] == TYPE
    assert response.json()["message"]


def test_knowing_a_digest_gives_nothing(client):
    owner, thief = make.person("ada"), make.person("eve")
    _secret, sha256, _oid = with_object(owner, name="secret", visibility="private")
    make.repository(thief, "own")
    one = {"oid": sha256, "size": 10240}

    download = batch(client, "download", one, address="/eve/own.git", headers=bearer(thief)).json()["objects"][0]
    upload = batch(client, "upload", one, address="/eve/own.git", headers=bearer(thief)).json()["objects"][0]

    assert download["error"]["code"] == 404
    assert "upload" in upload["actions"]  # the bytes must be sent, which only their holder can


def test_a_session_is_no_credential_for_git(client):
    owner = make.person("ada")
    make.repository(owner, "tiny")
    client.force_login(owner)

    assert batch(client, "upload", named(b"x")).status_code == 401


@override_settings(LFS_PART_SIZE=10)
def test_the_number_of_parts_is_bounded(client):
    owner = make.person("ada")
    make.repository(owner, "tiny")
    wanted = {"oid": "0" * 64, "size": 1_000_001}
    one = batch(client, "upload", wanted, headers=bearer(owner), transfers=("multipart",)).json()["objects"][0]
    header = one["actions"]["upload"]["header"]
    assert header["chunk_size"] == "1001"
    assert len(header) - 1 == 1000
