"""Discussions and pull requests as clients speak of them."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hub.services import discussions
from tests.factories import hub as make
from tests.hub.api.test_doors import bearer, commit, file, send

pytestmark = pytest.mark.django_db

ADDRESS = "/api/models/ada/tiny/discussions"


@pytest.fixture
def ada():
    return make.person("ada")


@pytest.fixture
def bob():
    return make.person("bob")


@pytest.fixture
def repository(ada):
    return make.repository(ada, "tiny", files={"a.txt": b"one\n"})


def opened(client, who, **body):
    return send(client, "POST", ADDRESS, {"title": "A thought", "description": "**Hi**"} | body, bearer(who)).json()


def test_open_read_and_act(client, repository, ada, bob):
    number = opened(client, bob)["num"]
    one = client.get(f"{ADDRESS}/{number}").json()
    said = one["events"][0]

    assert (one["status"], one["isPullRequest"], one["author"]["name"]) == ("open", False, "bob")
    assert one["repo"] == {"name": "ada/tiny", "type": "model"}
    assert said["data"]["latest"]["html"].strip() == "<p><strong>Hi</strong></p>"

    who = bearer(bob)
    at = f"{ADDRESS}/{number}"
    new = send(client, "POST", f"{at}/comment", {"comment": "<script>x</script>ok"}, who).json()["newMessage"]
    title = send(client, "POST", f"{at}/title", {"title": "Another"}, who).json()["newTitle"]
    edit = send(client, "POST", f"{at}/comment/{said['id']}/edit", {"content": "Hello"}, who).json()["updatedComment"]
    hidden = send(client, "POST", f"{at}/comment/{new['id']}/hide", {}, bearer(ada)).json()["updatedComment"]
    status = send(client, "POST", f"{at}/status", {"status": "closed", "comment": "Bye"}, who).json()["newStatus"]

    assert "script" not in new["data"]["latest"]["html"]
    assert title["data"] == {"from": "A thought", "to": "Another"}
    assert (edit["id"], edit["data"]["edited"], edit["data"]["latest"]["raw"]) == (said["id"], True, "Hello")
    assert [past["raw"] for past in edit["data"]["history"]] == ["**Hi**"]
    assert (hidden["data"]["hidden"], hidden["data"]["latest"]["raw"], hidden["data"]["latest"]["html"]) == (
        True,
        "",
        "",
    )
    assert status["data"] == {"status": "closed"}
    text = client.get(at).content.decode()
    assert "script" not in text
    assert [event["type"] for event in json.loads(text)["events"]] == [
        "comment", "comment", "title-change", "comment", "status-change",
    ]  # fmt: skip


def test_a_hidden_comment_tells_nothing_of_its_past(client, repository, bob):
    number = opened(client, bob, description="first secret")["num"]
    said = client.get(f"{ADDRESS}/{number}").json()["events"][0]["id"]
    at = f"{ADDRESS}/{number}/comment/{said}"
    send(client, "POST", f"{at}/edit", {"content": "second secret"}, bearer(bob))
    send(client, "POST", f"{at}/hide", {}, bearer(bob))

    assert "secret" not in client.get(f"{ADDRESS}/{number}").content.decode()
    assert "secret" not in client.get(f"/ada/tiny/discussions/{number}").content.decode()


ACTIONS = {
    "": {"title": "A thought"},
    "/1/comment": {"comment": "Hi"},
    "/1/title": {"title": "Better"},
    "/1/status": {"status": "closed"},
    "/1/merge": {},
}
EXPECTED = {
    "anonymous": [401, 401, 403, 403, 403],
    "stranger": [200, 200, 403, 403, 403],
    "reader token": [403, 403, 403, 403, 403],
    "author": [200, 200, 200, 200, 403],
    "staff": [200, 200, 200, 200, 403],
    "writer": [200, 200, 200, 200, 200],
}


@pytest.mark.parametrize("who", EXPECTED)
@pytest.mark.parametrize("action", ACTIONS)
def test_who_may_do_what(client, repository, ada, bob, who, action):
    commit(client, "/api/models/ada/tiny/commit/main?create_pr=1", file("b.txt"), headers=bearer(bob))
    headers = {
        "anonymous": dict,
        "stranger": lambda: bearer(make.person()),
        "reader token": lambda: bearer(bob, "read"),
        "author": lambda: bearer(bob),
        "staff": lambda: bearer(make.person(is_staff=True)),
        "writer": lambda: bearer(ada),
    }[who]()

    answer = send(client, "POST", ADDRESS + action, ACTIONS[action], headers)

    assert answer.status_code == EXPECTED[who][list(ACTIONS).index(action)], answer.content


def test_a_private_repository_hides_its_discussions(client, ada, bob):
    made = make.repository(ada, "tiny", visibility="private")
    discussions.open_discussion(made, title="Hello", by=make.as_principal(ada))

    def statuses(address):
        return [client.get(address, headers=who).status_code for who in ({}, bearer(bob), bearer(ada))]

    assert statuses(ADDRESS) == statuses(f"{ADDRESS}/1") == [401, 404, 200]
    assert send(client, "POST", ADDRESS, {"title": "Hello"}, bearer(bob)).status_code == 404


def test_lists_filter_and_page(client, repository, ada, bob):
    by = make.as_principal(bob)
    for number in range(51):
        discussions.open_discussion(repository, title=f"Talk {number}", by=by)
    pull = discussions.open_discussion(repository, title="Idea", by=make.as_principal(ada), pull_request=True)

    def numbers(**asked):
        found = client.get(ADDRESS, asked).json()
        return found["count"], found["start"], [one["num"] for one in found["discussions"]]

    assert numbers() == (52, 0, list(range(52, 2, -1)))
    assert numbers(p=1) == (52, 50, [2, 1])
    assert numbers(type="pull_request") == numbers(author="ada") == (1, 0, [pull.number])
    assert numbers(status="closed") == numbers(author="nobody") == (0, 0, [])
    assert numbers(status="open", type="discussion")[0] == 51
    assert client.get(ADDRESS, {"status": "odd"}).status_code == 400
    assert numbers(p="²") == numbers()
    assert client.get(f"{ADDRESS}/99").status_code == 404
    assert client.get(f"{ADDRESS}/{10**20}").status_code == 404
    assert send(client, "POST", f"{ADDRESS}/1/comment/zz/edit", {"content": "x"}, bearer(ada)).status_code == 404
    assert send(client, "POST", f"{ADDRESS}/1/dance", {}, bearer(ada)).status_code == 404


def test_pull_request_from_commit_to_merge(client, repository, ada, bob):
    who = bearer(bob)
    pre = {"files": [{"path": "b.txt", "sample": "", "size": 1}]}
    assert send(client, "POST", "/api/models/ada/tiny/preupload/main", pre, who).status_code == 403
    assert send(client, "POST", "/api/models/ada/tiny/preupload/main?create_pr=1", pre, who).status_code == 200
    assert client.get("/api/models/ada/tiny/xet-write-token/main", headers=who).status_code == 403
    assert client.get("/api/models/ada/tiny/xet-write-token/main?create_pr=1", headers=who).status_code == 200
    done = commit(client, "/api/models/ada/tiny/commit/main?create_pr=1", file("b.txt"), headers=who).json()
    assert send(client, "POST", "/api/models/ada/tiny/preupload/refs%2Fpr%2F1", pre, who).status_code == 200
    more = commit(client, "/api/models/ada/tiny/commit/refs%2Fpr%2F1", file("c.txt"), headers=who)
    refs = client.get("/api/models/ada/tiny/refs?include_prs=1").json()

    assert done["pullRequestUrl"] == "http://127.0.0.1:8000/ada/tiny/discussions/1"
    assert more.status_code == 200
    assert refs["pullRequests"] == [{"name": "1", "ref": "refs/pr/1", "targetCommit": more.json()["commitOid"]}]
    one = client.get(f"{ADDRESS}/1?diff=1").json()
    assert (one["status"], one["changes"], one["filesWithConflicts"]) == ("open", {"base": "refs/heads/main"}, [])
    assert "b.txt" in one["diff"]
    assert [event["data"].get("oid") for event in one["events"][1:]] == [done["commitOid"], more.json()["commitOid"]]

    merged = send(client, "POST", f"{ADDRESS}/1/merge", {"comment": "Thanks"}, bearer(ada))

    assert merged.status_code == 200
    one = client.get(f"{ADDRESS}/1").json()
    assert one["status"] == "merged"
    assert one["changes"]["mergeCommitId"] == client.get("/api/models/ada/tiny").json()["sha"]


def test_a_conflict_names_the_files(client, repository, ada, bob):
    commit(client, "/api/models/ada/tiny/commit/main?create_pr=1", file("a.txt", b"theirs"), headers=bearer(bob))
    commit(client, "/api/models/ada/tiny/commit/main", file("a.txt", b"ours"), headers=bearer(ada))

    refused = send(client, "POST", f"{ADDRESS}/1/merge", {}, bearer(ada))

    assert refused.status_code == 409
    assert "a.txt" in refused.json()["error"]
    assert client.get(f"{ADDRESS}/1").json()["filesWithConflicts"] == ["a.txt"]


@pytest.mark.parametrize("what", ["list", "details"])
def test_more_rows_need_no_more_queries(client, repository, ada, what):
    by = make.as_principal(ada)

    def add():
        one = discussions.open_discussion(repository, title="Hello", by=make.as_principal(make.person()))
        first = repository.discussions.get(number=1)
        discussions.edit_comment(discussions.comment(first, "Hi", by=by), "Ho", by=by)
        return one

    def count():
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get(ADDRESS if what == "list" else f"{ADDRESS}/1").status_code == 200
        return len(queries)

    add()
    one = count()
    add()
    add()
    assert count() == one
