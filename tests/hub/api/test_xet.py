"""Xet tokens and the CAS door: bound to one repository, checked at each request."""

import io
import os

import pytest
from django.utils import timezone

from accounts.models import AccessToken
from accounts.services import tokens
from hub import stores
from hub.models import Repository
from hub.services import commits, objects
from hub.services.commits import AddPointer
from hub.storage.xet.ingest import ingest
from tests.factories import hub as make
from tests.hub.api.test_resolve import body

pytestmark = pytest.mark.django_db


def bearer(user, scope="write"):
    return {"Authorization": f"Bearer {tokens.issue_token(user, name='t', scope=scope)}"}


def with_xet(owner, data, commit=True, **facts):
    """A repository that holds a file which lies in the Xet store only."""
    repository = make.repository(owner, **facts)
    file = ingest(stores.xet_store(), io.BytesIO(data))
    objects.hold_xet(repository, [file], by=make.as_principal(repository.created_by))
    if commit:
        operation = AddPointer("data.parquet", file.sha256, file.size)
        commits.commit(repository, [operation], by=make.as_principal(owner), message="Add data")
    return repository, file


def token(client, address, access="read", headers=None):
    response = client.get(f"/api/models/{address}/xet-{access}-token/main", headers=headers or {})
    return {"Authorization": f"Bearer {response['X-Xet-Access-Token']}"}


def test_the_token_comes_in_body_and_headers(client):
    ada = make.person("ada")
    make.repository(ada, "tiny")

    response = client.get("/api/models/ada/tiny/xet-write-token/main", headers=bearer(ada))

    assert response.json() == {
        "accessToken": response["X-Xet-Access-Token"],
        "exp": int(response["X-Xet-Token-Expiration"]),
        "casUrl": "http://127.0.0.1:8000/cas",
    }
    assert response["X-Xet-Cas-Url"] == "http://127.0.0.1:8000/cas"


@pytest.mark.parametrize("version", [1, 2])
def test_a_reader_is_told_where_the_bytes_are(client, version):
    data = os.urandom(300_000)
    _repository, file = with_xet(make.person("ada"), data, name="tiny")
    who = token(client, "ada/tiny")

    plan = client.get(f"/cas/v{version}/reconstructions/{file.hash}", headers=who).json()
    if version == 1:
        (fetch,) = plan["fetch_info"][plan["terms"][0]["hash"]]
        url, span = fetch["url"], fetch["url_range"]
    else:
        (fetch,) = plan["xorbs"][plan["terms"][0]["hash"]]
        url, span = fetch["url"], fetch["ranges"][0]["bytes"]

    assert plan["terms"][0]["unpacked_length"] == len(data)
    fetched = client.get(url, headers={"Range": f"bytes={span['start']}-{span['end']}"})
    assert fetched.status_code == 206
    assert len(body(fetched)) == span["end"] - span["start"] + 1
    assert client.get(url.replace("range=0", "range=1"), headers={"Range": "bytes=0-1"}).status_code == 403
    beyond = client.get(f"/cas/v{version}/reconstructions/{file.hash}", headers=who | {"Range": "bytes=999999-"})
    assert beyond.status_code == 416


def test_a_link_to_a_part_gives_the_part_only(client):
    """A xorb may hold chunks of other, private files beside those that the link is for."""
    _repository, file = with_xet(make.person("ada"), os.urandom(600_000), name="tiny")
    who = token(client, "ada/tiny") | {"Range": "bytes=0-999"}
    plan = client.get(f"/cas/v1/reconstructions/{file.hash}", headers=who).json()
    (fetch,) = plan["fetch_info"][plan["terms"][0]["hash"]]
    url, last = fetch["url"], fetch["url_range"]["end"]
    assert last < 500_000
    within = f"bytes=0-{last}"
    asked = [
        {},
        {"Range": f"bytes=0-{last + 1}"},
        {"Range": within, "If-Range": '"other"'},
        {"Range": f"{within},{within}"},
        {"Range": "bytes=-1"},
    ]
    assert [client.get(url, headers=headers).status_code for headers in asked] == [403] * 5
    mine = f'"{plan["terms"][0]["hash"]}"'
    assert len(body(client.get(url, headers={"Range": within, "If-Range": mine}))) == last + 1


def test_a_file_of_one_repository_is_not_read_through_another(client):
    ada, eve = make.person("ada"), make.person("eve")
    _secret, file = with_xet(ada, b"secret" * 1000, name="secret", visibility="private")
    make.repository(eve, "own")
    address = f"/cas/v1/reconstructions/{file.hash}"

    through_own = client.get(address, headers=token(client, "eve/own", headers=bearer(eve)))
    anonymous = client.get(address)
    refused = client.get("/api/models/ada/secret/xet-read-token/main", headers=bearer(eve))
    member = client.get(address, headers=token(client, "ada/secret", headers=bearer(ada)))

    assert [one.status_code for one in (through_own, anonymous, refused, member)] == [404, 401, 404, 200]


def test_uncommitted_files_are_for_writers(client):
    ada = make.person("ada")
    _repository, file = with_xet(ada, b"draft" * 1000, commit=False, name="tiny")
    address = f"/cas/v1/reconstructions/{file.hash}"

    assert client.get(address, headers=token(client, "ada/tiny")).status_code == 404
    assert client.get(address, headers=token(client, "ada/tiny", "write", bearer(ada))).status_code == 200


def test_read_tokens_do_not_write(client):
    ada = make.person("ada")
    make.repository(ada, "tiny")
    who = token(client, "ada/tiny", headers=bearer(ada))
    kind = "application/octet-stream"

    assert client.post(f"/cas/v1/xorbs/default/{'0' * 64}", b"x", content_type=kind, headers=who).status_code == 403
    assert client.post("/cas/v1/shards", b"x", content_type=kind, headers=who).status_code == 403
    assert client.post("/cas/v2/shards", b"x", content_type=kind, headers=who).status_code == 403


def test_nonsense_is_refused_with_a_reason(client):
    ada = make.person("ada")
    make.repository(ada, "tiny")
    who = token(client, "ada/tiny", "write", bearer(ada))
    kind = "application/octet-stream"

    for address in (
        f"/cas/v1/xorbs/default/{'0' * 64}",
        "/cas/v1/xorbs/default/zz",
        "/cas/v1/shards",
        "/cas/v2/shards",
    ):
        response = client.post(address, b"nonsense", content_type=kind, headers=who)
        assert (response.status_code, bool(response.json()["error"])) == (400, True), address


def test_taking_rights_away_works_at_once(client):
    ada = make.person("ada")
    repository, file = with_xet(ada, b"data" * 1000, name="tiny")
    mine = token(client, "ada/tiny", "write", bearer(ada))
    anybody = token(client, "ada/tiny")
    address = f"/cas/v1/reconstructions/{file.hash}"
    assert client.get(address, headers=mine).status_code == client.get(address, headers=anybody).status_code == 200

    Repository.objects.filter(pk=repository.pk).update(visibility="private")
    assert client.get(address, headers=anybody).status_code == 401
    AccessToken.objects.update(revoked_at="2024-01-01T00:00Z")
    assert client.get(address, headers=mine).status_code == 401


def test_plain_clients_get_the_rebuilt_bytes(client):
    data = os.urandom(400_000)
    _repository, file = with_xet(make.person("ada"), data, name="tiny")
    address = "/ada/tiny/resolve/main/data.parquet"

    head = client.head(address)
    whole = client.get(address)
    part = client.get(address, headers={"Range": "bytes=131000-270000"})

    assert head["X-Xet-Hash"] == file.hash
    assert 'rel="xet-auth"' in head["Link"]
    assert "/api/models/ada/tiny/xet-read-token/" in head["Link"]
    assert body(whole) == data
    assert body(part) == data[131000:270001]
    listed = client.get("/api/models/ada/tiny/tree/main").json()
    assert [one.get("xetHash") for one in listed] == [None, file.hash]


def test_a_xet_token_ends_with_the_credential_it_was_made_for(client):
    owner = make.person("ada")
    repository, file = with_xet(owner, os.urandom(50_000), name="secret", visibility="private")
    opened = token(client, repository.full_name, headers=bearer(owner))
    address = f"/cas/v1/reconstructions/{file.hash}"
    assert client.get(address, headers=opened).status_code == 200
    AccessToken.objects.update(expires_at=timezone.now())
    assert client.get(address, headers=opened).status_code == 401
