"""The doors of a site whose objects lie on S3: links lead to the bucket, rights and verification stay here."""

import json
import os
from urllib.parse import urlsplit

import pytest
from django.test import override_settings

from hub import stores
from hub.models import LargeObject
from hub.storage.s3.bucket import Bucket
from hub.storage.s3.uploads import SMALLEST_PART
from tests.factories import hub as make
from tests.hub.api.test_lfs import TYPE, batch, bearer, named
from tests.hub.api.test_resolve import body
from tests.hub.api.test_xet import token, with_xet
from tests.hub.storage.s3.test_objects import ask

pytestmark = pytest.mark.django_db
DATA = b"weights" * 1000


@pytest.fixture
def ada(s3_settings):
    owner = make.person("ada")
    make.repository(owner, "tiny")
    return owner


def announced(client, owner, data=DATA, **more):
    (one,) = batch(client, "upload", named(data), headers=bearer(owner), **more).json()["objects"]
    return one["actions"]


def verified(client, actions, data=DATA):
    return client.post(actions["verify"]["href"], json.dumps(named(data)), content_type=TYPE)


def committed(client, owner, data=DATA, path="data.bin"):
    lines = [
        {"key": "header", "value": {"summary": "Add"}},
        {"key": "lfsFile", "value": {"path": path, "algo": "sha256", **named(data)}},
    ]
    text = "\n".join(json.dumps(line) for line in lines)
    return client.post(
        "/api/models/ada/tiny/commit/main", text, content_type="application/x-ndjson", headers=bearer(owner)
    )


def uploaded(client, owner, data=DATA, path="data.bin"):
    actions = announced(client, owner, data)
    assert ask(actions["upload"]["href"], "PUT", data)[0] == 200
    assert verified(client, actions, data).status_code == 200
    assert committed(client, owner, data, path).status_code == 200


def test_an_object_goes_to_the_bucket_and_comes_from_it(client, ada, s3_settings):
    uploaded(client, ada)
    (found,) = batch(client, "download", named(DATA)).json()["objects"]

    head = client.head("/ada/tiny/resolve/main/data.bin")
    sent = client.get("/ada/tiny/resolve/main/data.bin")
    same = client.get("/ada/tiny/resolve/main/data.bin", headers={"If-None-Match": head["ETag"]})

    assert (head.status_code, head["X-Linked-Size"], head["ETag"]) == (200, "7000", f'"{named(DATA)["oid"]}"')
    assert (sent.status_code, sent["X-Linked-Etag"], same.status_code) == (302, head["ETag"], 304)
    assert sent["X-Repo-Commit"] == head["X-Repo-Commit"]
    assert ask(sent["Location"], Range="bytes=7-13") == (206, b"weights")
    assert ask(found["actions"]["download"]["href"]) == (200, DATA)
    # Nothing waits any more, and nothing went through this machine.
    assert [item.key.split("/")[0] for item in Bucket(s3_settings).items("")] == ["plain"]
    assert not stores.files().plain.exists(named(DATA)["oid"])


def test_pictures_that_could_run_scripts_are_not_shown_by_the_bucket(client, ada):
    uploaded(client, ada, b"<svg/>", "picture.svg")
    uploaded(client, ada, b"\x89PNG", "picture.png")
    uploaded(client, ada, b"<script>", "page.html")

    def shown(name):
        query = urlsplit(client.get(f"/ada/tiny/resolve/main/{name}")["Location"]).query
        return "attachment" in query, "image%2F" in query, "html" in query.partition("disposition")[0]

    assert shown("picture.svg")[0]
    assert shown("picture.png") == (False, True, False)
    assert "response-content-type=text%2Fplain" in client.get("/ada/tiny/resolve/main/page.html")["Location"]


def test_wrong_bytes_are_refused_and_nothing_is_kept(client, ada, s3_settings):
    actions = announced(client, ada)
    assert ask(actions["upload"]["href"], "PUT", b"WEIGHTS" * 1000)[0] == 200

    refused = verified(client, actions)

    assert refused.status_code == 400
    assert "not the object" in refused.json()["error"]
    assert committed(client, ada).status_code == 422
    assert not LargeObject.objects.exists()
    assert list(Bucket(s3_settings).items("")) == []


def test_what_was_not_verified_cannot_be_read(client, ada):
    actions = announced(client, ada)
    href = actions["upload"]["href"]
    assert ask(href, "PUT", DATA)[0] == 200

    (found,) = batch(client, "download", named(DATA), headers=bearer(ada)).json()["objects"]

    assert found["error"]["code"] == 404
    assert (ask(href)[0], ask(href.partition("?")[0])[0]) == (403, 403)
    assert verified(client, announced(client, ada, b"else"), b"else").status_code == 404


def test_a_commit_verifies_what_its_client_forgot_to(client, ada):
    actions = announced(client, ada)
    assert ask(actions["upload"]["href"], "PUT", DATA)[0] == 200

    assert committed(client, ada).status_code == 200

    assert ask(client.get("/ada/tiny/resolve/main/data.bin")["Location"]) == (200, DATA)


def test_an_object_of_somebody_else_is_not_taken_by_its_digest(client, ada):
    uploaded(client, ada)
    bob = make.person("bob")
    make.repository(bob, "other", visibility="private")

    (one,) = batch(client, "upload", named(DATA), address="/bob/other.git", headers=bearer(bob)).json()["objects"]
    assert one == {"oid": named(DATA)["oid"], "size": len(DATA)}  # ada's repository is public: he may read it

    hidden = b"secret" * 100
    make.repository(ada, "private", visibility="private")
    (mine,) = batch(client, "upload", named(hidden), address="/ada/private.git", headers=bearer(ada)).json()["objects"]
    assert ask(mine["actions"]["upload"]["href"], "PUT", hidden)[0] == 200
    assert verified(client, mine["actions"], hidden).status_code == 200
    (his,) = batch(client, "upload", named(hidden), address="/bob/other.git", headers=bearer(bob)).json()["objects"]
    assert verified(client, his["actions"], hidden).status_code == 404


def test_parts_go_to_the_bucket(client, ada):
    data = os.urandom(SMALLEST_PART + 100)
    with override_settings(LFS_PART_SIZE=1000):
        actions = announced(client, ada, data, transfers=("basic", "multipart"))
    header = actions["upload"]["header"]
    for number in (1, 2):
        part = data[(number - 1) * SMALLEST_PART : number * SMALLEST_PART]
        assert ask(header[str(number)], "PUT", part)[0] == 200
    key = actions["verify"]["href"].split("/verify/")[1].partition("?")[0]
    parts = [{"partNumber": part.number, "etag": f'"{part.etag}"'} for part in stores.partial_uploads().parts(key)]
    wrong = [parts[0] | {"etag": '"wrong"'}, parts[1]]

    def complete(given):
        sent = {"oid": named(data)["oid"], "parts": given}
        return client.post(actions["upload"]["href"], json.dumps(sent), content_type=TYPE).status_code

    assert header["chunk_size"] == str(SMALLEST_PART)
    assert (complete(wrong), complete(parts), complete(parts)) == (400, 200, 200)
    assert verified(client, actions, data).status_code == 200


def test_xorbs_are_fetched_from_the_bucket_and_no_more_than_the_file_needs(client, s3_settings):
    data = os.urandom(300_000)
    _repository, file = with_xet(make.person("ada"), data, name="tiny")
    plan = client.get(f"/cas/v1/reconstructions/{file.hash}", headers=token(client, "ada/tiny")).json()
    (fetch,) = plan["fetch_info"][plan["terms"][0]["hash"]]
    first, last = fetch["url_range"]["start"], fetch["url_range"]["end"]

    assert urlsplit(fetch["url"]).netloc == urlsplit(s3_settings.endpoint).netloc
    assert ask(fetch["url"], Range=f"bytes={first}-{last}")[0] == 206
    assert ask(fetch["url"], Range=f"bytes={first}-{last - 1}")[0] == 403
    # Whoever does not speak Xet gets the bytes from the site.
    whole = client.get("/ada/tiny/resolve/main/data.parquet")
    part = client.get("/ada/tiny/resolve/main/data.parquet", headers={"Range": "bytes=1000-200000"})
    assert (whole.status_code, part.status_code) == (200, 206)
    assert body(whole) == data
    assert body(part) == data[1000:200_001]


def test_no_link_leads_to_a_foreign_host(client, ada, s3_settings):
    found = []

    def collect(value):
        if isinstance(value, dict):
            for one in value.values():
                collect(one)
        elif isinstance(value, list):
            for one in value:
                collect(one)
        elif isinstance(value, str) and value.startswith("http"):
            found.append(urlsplit(value).netloc)

    big = b"x" * (SMALLEST_PART + 1)
    with override_settings(LFS_PART_SIZE=SMALLEST_PART):
        sent = batch(
            client, "upload", named(b"new"), named(big), headers=bearer(ada), transfers=("basic", "multipart")
        ).json()
    collect(sent)
    uploaded(client, ada)
    collect(batch(client, "download", named(DATA)).json())
    collect(client.get("/ada/tiny/resolve/main/data.bin")["Location"])
    _repository, file = with_xet(ada, os.urandom(200_000), name="xet")
    who = token(client, "ada/xet")
    for version in (1, 2):
        collect(client.get(f"/cas/v{version}/reconstructions/{file.hash}", headers=who).json())
    collect(client.get("/ada/xet/resolve/main/data.parquet")["Link"].strip("<"))

    assert set(found) == {"127.0.0.1:8000", urlsplit(s3_settings.endpoint).netloc}
    assert len(found) >= 11


def test_links_name_the_public_address(client, ada, settings):
    settings.S3_PUBLIC_ENDPOINT = "https://objects.example.org"

    actions = announced(client, ada)

    assert actions["upload"]["href"].startswith("https://objects.example.org/wellspring-tests/")


def test_a_bucket_that_clients_cannot_reach_is_served_by_the_site(client, ada, settings, s3_settings):
    settings.S3_PROXY = True
    big = os.urandom(SMALLEST_PART + 100)
    actions = announced(client, ada)
    assert urlsplit(actions["upload"]["href"]).netloc == "127.0.0.1:8000"
    assert client.put(actions["upload"]["href"], DATA, content_type="application/octet-stream").status_code == 200
    assert verified(client, actions).status_code == 200
    assert committed(client, ada).status_code == 200
    with override_settings(LFS_PART_SIZE=SMALLEST_PART):
        parts = announced(client, ada, big, transfers=("multipart",))["upload"]
    for number in (1, 2):
        part = big[(number - 1) * SMALLEST_PART : number * SMALLEST_PART]
        sent = client.put(parts["header"][str(number)], part, content_type="application/octet-stream")
        assert sent.status_code == 200
    assert client.post(parts["href"], json.dumps({"oid": ""}), content_type=TYPE).status_code == 200

    whole = client.get("/ada/tiny/resolve/main/data.bin")
    part = client.get("/ada/tiny/resolve/main/data.bin", headers={"Range": "bytes=7-13"})

    assert (whole.status_code, body(whole), body(part)) == (200, DATA, b"weights")
    assert {named(DATA)["oid"], named(big)["oid"]} == {found.name for found in stores.bucket().plain.names()}


def test_while_the_server_is_away_it_says_so_and_nothing_is_lost(client, ada, settings, s3_settings):
    with_xet(ada, os.urandom(200_000), name="xet")
    actions = announced(client, ada)
    assert ask(actions["upload"]["href"], "PUT", DATA)[0] == 200
    settings.S3_ENDPOINT = "http://127.0.0.1:9"

    bridged = client.get("/ada/xet/resolve/main/data.parquet")
    parts = batch(
        client, "upload", named(b"x" * 7_000_000) | {"size": 10**9}, headers=bearer(ada), transfers=("multipart",)
    )
    away = verified(client, actions)

    for refused in (bridged, parts, away):
        assert refused.status_code == 503
        assert refused["Content-Type"] in {"application/json", TYPE}
    assert "try again" in away.json()["error"]
    assert away["Retry-After"] == "30"
    settings.S3_ENDPOINT = s3_settings.endpoint
    assert verified(client, actions).status_code == 200
    assert body(client.get("/ada/xet/resolve/main/data.parquet"))


def test_pages_may_show_what_links_to_the_bucket_lead_to(client, settings):
    settings.OBJECTS_ORIGIN = "https://objects.example.org"

    policy = client.get("/")["Content-Security-Policy"]

    assert "img-src 'self' data: blob: https://objects.example.org;" in policy
