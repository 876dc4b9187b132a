"""What other hubs were seen to get wrong, as far as no other test is about it (docs/reference/defects-of-peers.md)."""

import json
import os

import pytest

from hub.git.reading import log
from hub.git.repositories import open_repository
from hub.models import Repository
from hub.services import repositories
from tests.factories import hub as make
from tests.hub.api.test_doors import bearer, commit, file
from tests.hub.api.test_lfs import batch, named

pytestmark = pytest.mark.django_db

API = "/api/models/ada/tiny"


def paths(client, headers):
    return [one["path"] for one in client.get(f"{API}/tree/main?recursive=1", headers=headers).json()]


@pytest.mark.parametrize(
    ("operation", "header", "status"),
    [
        (("deletedFile", {"path": "missing"}), {}, 404),
        (("file", {"path": "../outside", "content": "eA==", "encoding": "base64"}), {}, 422),
        (("lfsFile", {"path": "w", "algo": "sha256", "oid": "ab" * 32, "size": 5}), {}, 422),
        (("nonsense", {"path": "a"}), {}, 400),
        (file("late.txt"), {"parentCommit": "0" * 40}, 412),
    ],
)
def test_nothing_of_a_failed_commit_is_in_the_next(client, operation, header, status):
    ada = make.person("ada")
    make.repository(ada, "tiny")
    who = bearer(ada)

    failed = commit(client, f"{API}/commit/main", file("failed.txt"), operation, headers=who, **header)
    done = commit(client, f"{API}/commit/main", file("next.txt"), headers=who)

    assert (failed.status_code, done.status_code) == (status, 200)
    assert paths(client, who) == [".gitattributes", "next.txt"]
    assert client.get("/ada/tiny/resolve/main/failed.txt", headers=who).status_code == 404


def test_every_commit_has_an_id_that_can_be_looked_up(client):
    """Also one that changes nothing, an empty one, and one by pull request."""
    ada = make.person("ada")
    make.repository(ada, "tiny", files={"a.txt": b"x"})
    who = bearer(ada)

    answers = [
        commit(client, f"{API}/commit/main", *operations, headers=who).json()
        for operations in ([file("a.txt")], [], [file("b.txt")], [("deletedFile", {"path": "b.txt"})])
    ]
    answers.append(commit(client, f"{API}/commit/main?create_pr=1", file("c.txt"), headers=who).json())

    for answer in answers:
        assert len(answer["commitOid"]) == 40
        assert answer["commitUrl"].endswith(answer["commitOid"])
        assert client.get(f"{API}/revision/{answer['commitOid']}").json()["sha"] == answer["commitOid"]


def test_history_has_every_commit_with_its_parent(client):
    ada = make.person("ada")
    repository = make.repository(ada, "tiny", files={"a.txt": b"1"})
    for number in range(3):
        make.put(repository, {"a.txt": b"%d" % number * 2}, by=make.as_principal(ada), message=f"Change {number}")

    history = client.get(f"{API}/commits/main").json()
    page = client.get("/ada/tiny/commits/main").content.decode()

    titles = ["Change 2", "Change 1", "Change 0", "Add files"]
    assert [one["title"] for one in history][:4] == titles
    known = log(open_repository(repository.path), history[0]["id"])
    assert [one["id"] for one in history] == [one.oid for one in known]
    assert [one.parents for one in known[:-1]] == [(one.oid,) for one in known[1:]]
    assert [page.index(title) for title in titles] == sorted(page.index(title) for title in titles)


def test_no_upload_is_signed_for_what_is_not_there_or_no_longer(client):
    ada = make.person("ada")
    repository = make.repository(ada, "tiny")
    who, data = bearer(ada), os.urandom(100)

    nowhere = batch(client, "upload", named(data), address="/ada/none.git", headers=who)
    signed = batch(client, "upload", named(data), headers=who).json()["objects"][0]["actions"]["upload"]["href"]
    token = client.get("/api/models/ada/none/xet-write-token/main", headers=who)
    repositories.delete(repository, by=make.as_principal(ada))
    late = client.put(signed, data, content_type="application/octet-stream")

    assert (nowhere.status_code, token.status_code) == (404, 404)
    assert "actions" not in json.dumps(nowhere.json())
    assert late.status_code == 403
    assert not Repository.objects.exists()


@pytest.mark.parametrize("service", ["git-upload-pack", "git-receive-pack"])
def test_git_is_asked_for_a_password_at_every_door(client, service):
    make.repository(make.person("ada"), "secret", visibility="private")
    kind = f"application/x-{service}-request"

    first = client.get(f"/ada/secret.git/info/refs?service={service}")
    second = client.post(f"/ada/secret.git/{service}", b"0000", content_type=kind)

    for answer in (first, second):
        assert (answer.status_code, answer["WWW-Authenticate"][:5]) == (401, "Basic")


@pytest.mark.parametrize(
    "asked",
    [
        "search=blue", "author=bob", "filter=red", "pipeline_tag=translation", "library=diffusers", "language=zh",
        "license=apache-2.0", "dataset=ada/data", "num_parameters=min:1B", "gated=true", "inference=warm", "apps=x",
        "inference_provider=x", "limit=1",
    ],
)  # fmt: skip
def test_no_parameter_of_a_search_is_ignored(client, asked):
    ada, bob = make.person("ada"), make.person("bob")
    make.repository(ada, "plain", files={"README.md": b"---\nlicense: mit\n---\n"})
    card = b"---\nlicense: apache-2.0\ntags: [red]\npipeline_tag: translation\nlibrary_name: diffusers\nlanguage: zh\n"
    found = make.repository(bob, "blue", files={"README.md": card + b"datasets: [ada/data]\n---\n"})
    Repository.objects.filter(pk=found.pk).update(gated="manual", parameters=2 * 10**9)

    listed = [one["id"] for one in client.get(f"/api/models?{asked}").json()]

    nobody = asked.startswith(("inference", "apps"))
    assert listed == ([] if nobody else ["bob/blue"])


def test_what_a_search_does_not_know_is_refused(client):
    for asked in ("sort=beauty", "direction=1", "limit=-1", "gated=perhaps", "expand=colour"):
        assert client.get(f"/api/models?{asked}").status_code == 400, asked
