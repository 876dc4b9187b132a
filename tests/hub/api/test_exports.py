"""All public metadata as streams."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hub.api import exports
from hub.models import Repository
from hub.selectors import head_commit
from hub.services import versions
from tests.factories import hub as make

pytestmark = pytest.mark.django_db


def lines(client, name="repositories", query=""):
    answer = client.get(f"/api/export/{name}.jsonl{query}")
    assert answer["Content-Type"] == "application/jsonl"
    return [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]


def test_public_repositories_of_all_kinds_and_no_others(client):
    ada = make.person("ada")
    make.repository(ada, "one", files={"README.md": b"---\nlicense: mit\n---\nHi"})
    make.repository(ada, "two", kind="dataset")
    make.repository(ada, "hidden", visibility="private")
    client.force_login(ada)

    found = lines(client)

    assert [(one["type"], one["id"]) for one in found] == [("model", "ada/one"), ("dataset", "ada/two")]
    assert found[0]["cardData"] == {"license": "mit"}
    assert found[0]["downloads"] == found[0]["downloadsAllTime"] == 0


def test_it_goes_on_from_page_to_page(client, monkeypatch):
    monkeypatch.setattr(exports, "_PAGE", 2)
    ada = make.person("ada")
    for number in range(5):
        make.repository(ada, f"r{number}")

    assert [one["id"] for one in lines(client)] == [f"ada/r{number}" for number in range(5)]


def test_one_and_three_rows_cost_the_same(client):
    counts = []
    for number in (1, 2):
        for _ in range(number):
            make.repository()
        with CaptureQueriesContext(connection) as found:
            lines(client)
        counts.append(len(found))
    assert counts[0] == counts[1]


def test_who_has_it_is_not_sent_it_again(client):
    make.repository(make.person("ada"), "one")
    first = client.get("/api/export/repositories.jsonl")
    b"".join(first.streaming_content)
    known = {"If-None-Match": first["ETag"]}
    since = {"If-Modified-Since": first["Last-Modified"]}

    assert client.get("/api/export/repositories.jsonl", headers=known).status_code == 304
    assert client.get("/api/export/repositories.jsonl", headers=since).status_code == 304
    assert client.head("/api/export/repositories.jsonl")["ETag"] == first["ETag"]
    Repository.objects.update(visibility="private")
    changed = client.get("/api/export/repositories.jsonl", headers=known)
    assert changed.status_code == 200
    assert b"".join(changed.streaming_content) == b""


def test_since_a_day_or_a_moment(client):
    ada = make.person("ada")
    make.repository(ada, "old")
    make.repository(ada, "new")
    Repository.objects.filter(name="old").update(updated_at="2020-01-01T00:00:00Z")

    assert [one["id"] for one in lines(client, query="?since=2024-01-01")] == ["ada/new"]
    assert len(lines(client, query="?since=2020-01-01T00:00:00Z")) == 2
    for wrong in ("yesterday", "2020-13-01", ""):
        assert client.get(f"/api/export/repositories.jsonl?since={wrong}").status_code == 400


def test_only_some_export_at_a_time(client):
    first, second = (client.get("/api/export/repositories.jsonl") for _ in range(2))
    third = client.get("/api/export/repositories.jsonl")

    assert third.status_code == 429
    assert third["Retry-After"] == "60"
    for answer in (first, second):
        b"".join(answer.streaming_content)
    assert lines(client) == []


def test_lineage_and_credits_of_what_is_public(client):
    ada = make.person("ada")
    base, secret = make.repository(ada, "base"), make.repository(ada, "secret", visibility="private")
    for repository in (base, secret):
        make.put_large(repository, {"x.safetensors": b"1" * 10}, by=make.as_principal(ada))
        versions.record_version(repository, head_commit(repository), user=ada)
    child = make.repository(ada, "child")
    claims = {"base_models": [{"id": "ada/base"}, {"id": "ada/secret"}]}
    make.put(child, {"wellspring.json": json.dumps(claims).encode()}, by=make.as_principal(ada))
    make.put_large(child, {"x.safetensors": b"2" * 10}, by=make.as_principal(ada))
    versions.record_version(child, head_commit(child), user=ada)
    edges, credited = lines(client, "lineage"), lines(client, "credits")

    assert {(edge["id"], edge["parent"] and edge["parent"]["id"]) for edge in edges} == {
        ("ada/child", "ada/base"), ("ada/child", None),
    }  # fmt: skip
    assert {(credit["id"], credit["user"]) for credit in credited} == {("ada/base", "ada"), ("ada/child", "ada")}
