"""Repositories, trees, lists, refs, commits through the API."""

import base64
import json

import pytest

from accounts.enums import Role, TokenScope
from accounts.services import organisations, tokens
from hub.models import Repository
from tests.factories import hub as make
from tests.factories.accounts import join

pytestmark = pytest.mark.django_db


def bearer(user, scope=TokenScope.WRITE):
    return {"Authorization": f"Bearer {tokens.issue_token(user, name='t', scope=scope)}"}


def send(client, method, address, body=None, headers=None):
    text = json.dumps(body) if body is not None else ""
    return client.generic(method, address, text, content_type="application/json", headers=headers or {})


def lines(*operations):
    return "\n".join(json.dumps({"key": key, "value": value}) for key, value in operations)


def commit(client, address, *operations, headers=None, **header):
    text = lines(("header", {"summary": "Change", "description": ""} | header), *operations)
    return client.post(address, text, content_type="application/x-ndjson", headers=headers or {})


def file(path, data=b"x"):
    return ("file", {"path": path, "content": base64.b64encode(data).decode(), "encoding": "base64"})


def test_create_says_where_and_twice_is_a_conflict(client):
    who = bearer(make.person("ada"))

    first = send(client, "POST", "/api/repos/create", {"name": "tiny", "type": "dataset", "private": True}, who)
    second = send(client, "POST", "/api/repos/create", {"name": "Tiny", "type": "dataset"}, who)

    assert first.json()["url"] == "http://127.0.0.1:8000/datasets/ada/tiny"
    assert (second.status_code, second.json()["url"]) == (409, "http://127.0.0.1:8000/datasets/ada/tiny")
    assert Repository.objects.get().is_private


def test_create_needs_the_right_to_write_there(client):
    ada, bob = make.person("ada"), make.person("bob")
    lab = organisations.create_organisation("lab", by=make.as_principal(ada))
    join(lab, bob, role=Role.READ, by=make.as_principal(ada))

    def status(headers, **body):
        return send(client, "POST", "/api/repos/create", {"name": "x"} | body, headers).status_code

    assert status({}) == 401
    assert status(bearer(bob, TokenScope.READ)) == 403
    assert status(bearer(bob), organization="ada") == 403
    assert status(bearer(bob), organization="lab") == 403
    assert status(bearer(ada), organization="lab") == 200
    assert status(bearer(bob), name="bad name") == 400
    assert status(bearer(bob)) == 200


def test_a_jobs_token_writes_in_its_own_namespace_only(client):
    from datetime import timedelta

    from django.utils import timezone

    ada = make.person("ada")
    lab = organisations.create_organisation("lab", by=make.as_principal(ada))
    later = timezone.now() + timedelta(hours=1)
    token = tokens.issue_job_token(ada, namespace=lab.namespace, job="1", expires_at=later)
    who = {"Authorization": f"Bearer {token}"}
    make.repository(ada, "own", visibility="private")

    inside = send(client, "POST", "/api/repos/create", {"name": "x", "organization": "lab"}, who)
    outside = send(client, "POST", "/api/repos/create", {"name": "x"}, who)
    written = commit(client, "/api/models/lab/x/commit/main", file("a.txt"), headers=who)
    hidden = client.get("/api/models/ada/own", headers=who)
    deleted = send(client, "DELETE", "/api/repos/delete", {"name": "x", "organization": "lab"}, who)

    assert [one.status_code for one in (inside, outside, written, hidden, deleted)] == [200, 403, 200, 404, 403]


@pytest.mark.parametrize(
    ("method", "address", "body"),
    [
        ("POST", "/api/models/ada/tiny/commit/main", None),
        ("POST", "/api/models/ada/tiny/preupload/main", {"files": []}),
        ("POST", "/api/models/ada/tiny/branch/new", {}),
        ("POST", "/api/models/ada/tiny/tag/main", {"tag": "v1"}),
        ("POST", "/api/models/ada/tiny/super-squash/main", {}),
        ("DELETE", "/api/models/ada/tiny/branch/side", None),
        ("GET", "/api/models/ada/tiny/xet-write-token/main", None),
        ("GET", "/api/models/ada/tiny/auth-check/write", None),
        ("PUT", "/api/models/ada/tiny/settings", {"visibility": "private"}),
        ("POST", "/api/repos/move", {"fromRepo": "ada/tiny", "toRepo": "ada/other"}),
        ("DELETE", "/api/repos/delete", {"name": "tiny", "organization": "ada"}),
    ],
)
def test_writing_is_for_writers(client, method, address, body):
    ada = make.person("ada")
    repository = make.repository(ada, "tiny")
    from hub.services import refs

    refs.create_branch(repository, "side", by=make.as_principal(ada))
    header = lines(("header", {"summary": "Nothing"}))

    def status(headers):
        if body is None and "commit" in address:
            return client.post(address, header, content_type="application/x-ndjson", headers=headers).status_code
        return send(client, method, address, body, headers).status_code

    assert status(bearer(make.person())) == 403
    assert status(bearer(ada, TokenScope.READ)) == 403
    assert status({}) in {401, 403}
    assert status(bearer(ada)) == 200


@pytest.mark.parametrize("rest", ["", "/revision/main", "/tree/main", "/refs", "/commits/main", "/auth-check"])
def test_reading_private_repositories_is_for_members(client, rest):
    ada, bob = make.person("ada"), make.person("bob")
    lab = organisations.create_organisation("lab", by=make.as_principal(ada))
    from hub.services import repositories

    repositories.create_repository(
        lab.namespace, "secret", kind="model", by=make.as_principal(ada), visibility="private"
    )
    address = f"/api/models/lab/secret{rest}"

    stranger = client.get(address, headers=bearer(bob))
    anonymous = client.get(address)
    join(lab, bob, role=Role.READ, by=make.as_principal(ada))

    assert (stranger.status_code, stranger["X-Error-Code"]) == (404, "RepoNotFound")
    assert (anonymous.status_code, anonymous["X-Error-Code"]) == (401, "RepoNotFound")
    assert client.get(address, headers=bearer(bob)).status_code == 200
    assert client.get(address, headers=bearer(make.person(is_staff=True))).status_code == 200


def test_commit_answers_and_checks_the_parent(client):
    ada = make.person("ada")
    repository = make.repository(ada, "tiny")
    address = "/api/models/ada/tiny/commit/main"
    who = bearer(ada)

    done = commit(client, address, file("a.txt"), headers=who)
    late = commit(client, address, file("b.txt"), headers=who, parentCommit=repository.head)
    gone = commit(client, address, ("deletedFile", {"path": "no"}), headers=who)
    lost = commit(client, "/api/models/ada/tiny/commit/nowhere", file("b.txt"), headers=who)
    bad = commit(client, address, file("../b.txt"), headers=who)
    lfs = commit(client, address, ("lfsFile", {"path": "w.bin", "algo": "sha256", "oid": "0" * 64}), headers=who)
    request = commit(client, f"{address}?create_pr=1", file("b.txt"), headers=who)

    assert done.json()["commitUrl"] == f"http://127.0.0.1:8000/ada/tiny/commit/{done.json()['commitOid']}"
    assert [late.status_code, gone.status_code, lost.status_code, bad.status_code, lfs.status_code] == [
        412, 404, 404, 422, 422,
    ]  # fmt: skip
    assert gone["X-Error-Code"] == "EntryNotFound"
    assert lost["X-Error-Code"] == "RevisionNotFound"
    assert request.json()["pullRequestUrl"] == "http://127.0.0.1:8000/ada/tiny/discussions/1"


def test_preupload_follows_the_rules_of_the_repository(client):
    ada = make.person("ada")
    files = {".gitattributes": b"*.big filter=lfs\nsmall.big -filter\n", ".gitignore": b"*.log\n", "a.txt": b"x"}
    make.repository(ada, "tiny", files=files)
    sample = base64.b64encode(b"text").decode()
    binary = base64.b64encode(b"\x00\x01").decode()
    asked = [
        {"path": "a.txt", "size": 4, "sample": sample},
        {"path": "w.big", "size": 4, "sample": sample},
        {"path": "small.big", "size": 4, "sample": sample},
        {"path": "huge.txt", "size": 10**8, "sample": sample},
        {"path": "unknown", "size": 2, "sample": binary},
        {"path": "x.log", "size": 4, "sample": sample},
    ]

    answer = send(client, "POST", "/api/models/ada/tiny/preupload/main", {"files": asked}, bearer(ada)).json()["files"]

    assert [one["uploadMode"] for one in answer] == ["regular", "lfs", "regular", "lfs", "lfs", "regular"]
    assert [one["shouldIgnore"] for one in answer] == [False] * 5 + [True]
    assert answer[0]["oid"] == "c1b0730e0133447badcfd47fd144e254807b06e1"


def test_trees_have_pages(client, django_assert_max_num_queries):
    ada = make.person("ada")
    make.repository(ada, "tiny", files={f"f/{number:03}.txt": b"x" for number in range(25)} | {"z.txt": b"z"})

    address = "/api/models/ada/tiny/tree/main?recursive=true&limit=10"
    seen = []
    while address:
        with django_assert_max_num_queries(8):
            response = client.get(address)
        seen += [entry["path"] for entry in response.json()]
        address = (
            response.headers.get("Link", "").partition(">")[0].removeprefix("<").removeprefix("http://127.0.0.1:8000")
        )

    assert seen == [".gitattributes", "f", *[f"f/{number:03}.txt" for number in range(25)], "z.txt"]
    expanded = client.get("/api/models/ada/tiny/tree/main/f?expand=true").json()
    assert expanded[0]["lastCommit"]["title"] == "Add files"
    missing = client.get("/api/models/ada/tiny/tree/main/z.txt")
    assert (missing.status_code, missing["X-Error-Code"]) == (404, "EntryNotFound")


@pytest.mark.parametrize("count", [1, 3])
def test_lists_cost_the_same_for_any_length(client, django_assert_num_queries, count):
    ada = make.person("ada")
    for number in range(count):
        make.repository(ada, f"m{number}")

    with django_assert_num_queries(1):
        assert len(client.get("/api/models").json()) == count
    with django_assert_num_queries(2):
        assert len(client.get("/api/models?full=true").json()) == count


def test_lists_filter_sort_and_page(client):
    ada, bob = make.person("ada"), make.person("bob")
    card = "---\nlicense: {}\ntags: [{}]\n---\n"
    for owner, name, licence, tag in [
        (ada, "one", "mit", "red"),
        (ada, "two", "mit", "blue"),
        (bob, "three", "apache-2.0", "red"),
    ]:
        make.repository(owner, name, files={"README.md": card.format(licence, tag).encode()})
    make.repository(bob, "secret", visibility="private")
    Repository.objects.filter(name="one").update(downloads=9)

    def ids(query, **headers):
        return [one["id"] for one in client.get(f"/api/models?{query}", headers=headers).json()]

    assert ids("sort=createdAt") == ["bob/three", "ada/two", "ada/one"]
    assert ids("sort=downloads&limit=1") == ["ada/one"]
    assert ids("author=ADA&sort=createdAt") == ["ada/two", "ada/one"]
    assert ids("filter=red&filter=license:mit") == ["ada/one"]
    assert ids("search=thr") == ["bob/three"]
    assert ids("gated=true") == []
    assert ids("author=bob", **bearer(bob)) == ["bob/secret", "bob/three"]
    assert client.get("/api/models?sort=beauty").status_code == 400
    first = client.get("/api/models?sort=createdAt&limit=2")
    second = first.headers["Link"].partition(">")[0].removeprefix("<")
    assert [one["id"] for one in client.get(second).json()] == ["ada/one"]


def test_info_expands_and_refuses_what_nobody_knows(client):
    make.repository(make.person("ada"), "tiny")

    expanded = client.get("/api/models/ada/tiny?expand=sha&expand=downloads").json()

    assert set(expanded) == {"_id", "id", "modelId", "sha", "downloads"}
    assert client.get("/api/models/ada/tiny?expand=colour").status_code == 400


def test_refs_speak_the_protocol(client):
    ada = make.person("ada")
    make.repository(ada, "tiny")
    who = bearer(ada)
    at = "/api/models/ada/tiny"

    assert send(client, "POST", f"{at}/branch/new", {}, who).status_code == 200
    again = send(client, "POST", f"{at}/branch/new", {}, who)
    bad = send(client, "POST", f"{at}/branch/refs%2Fheads%2Fx", {}, who)
    default = send(client, "DELETE", f"{at}/branch/main", None, who)
    unknown = send(client, "DELETE", f"{at}/branch/unknown", None, who)
    start = send(client, "POST", f"{at}/branch/other", {"startingPoint": "unknown"}, who)

    assert again.status_code == 409
    assert "Reference refs/heads/new already exists" in again.json()["error"]
    assert bad.status_code == 400
    assert "Invalid reference for a branch" in bad.json()["error"]
    assert "Cannot delete refs/heads/main" in default.json()["error"]
    assert (unknown.status_code, unknown["X-Error-Code"]) == (404, "RevisionNotFound")
    assert (start.status_code, start["X-Error-Code"]) == (404, "RevisionNotFound")


def test_whoami_and_bad_tokens(client):
    ada = make.person("ada", full_name="Ada L")
    organisations.create_organisation("lab", by=make.as_principal(ada))

    answer = client.get("/api/whoami-v2", headers=bearer(ada)).json()

    assert (answer["name"], answer["fullname"], [one["name"] for one in answer["orgs"]]) == ("ada", "Ada L", ["lab"])
    assert answer["auth"]["accessToken"]["role"] == "write"
    assert client.get("/api/whoami-v2").status_code == 401
    assert client.get("/api/whoami-v2", headers={"Authorization": "Bearer hf_wrong"}).status_code == 401


def test_sessions_need_a_csrf_token_to_change_things(client):
    from django.test import Client

    ada = make.person("ada")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ada)

    assert send(browser, "POST", "/api/repos/create", {"name": "x"}).status_code == 403
    assert send(browser, "POST", "/api/repos/create", {"name": "x"}, bearer(ada)).status_code == 200


def test_every_answer_carries_the_request_id(client):
    response = client.get("/api/models/none/none", headers={"X-Amzn-Trace-Id": "abc-123"})

    assert response["X-Request-Id"] == "abc-123"


def test_dates_end_in_z(client):
    make.repository(make.person("ada"), "tiny")

    assert client.get("/api/models/ada/tiny").json()["lastModified"].endswith("Z")
    assert client.get("/api/models/ada/tiny/commits/main").json()[0]["date"].endswith("Z")


@pytest.mark.parametrize(
    "query",
    [
        "limit=\u00b2",
        "cursor=WyJ4IiwgMV0=",
        "cursor=W1tdLCAxXQ==",
        "search=" + "+".join("abcdefghijklmnop"),
        "p=\u00b2",
    ],
)
def test_odd_numbers_cursors_and_long_searches_break_nothing(client, query):
    make.repository(make.person("ada"), "tiny")
    for address in ("/api/models", "/models", "/ada/tiny/commits/main", "/api/models/ada/tiny/tree/main"):
        assert client.get(f"{address}?{query}").status_code in {200, 400}, address


def test_a_disabled_model_is_offered_for_no_task(client):
    ada = make.person("ada")
    files = {"README.md": b"---\npipeline_tag: translation\n---\n"}
    found = make.repository(ada, "tiny", files=files)
    assert client.get("/api/tasks").json() == {"translation": {"widgetModels": ["ada/tiny"]}}

    Repository.objects.filter(pk=found.pk).update(is_disabled=True)

    assert client.get("/api/tasks").json() == {}
