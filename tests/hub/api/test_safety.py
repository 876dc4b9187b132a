"""What the doors say about inspections, credentials, reports and opt-outs."""

import base64
import hashlib
import io
import json
import pickle

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.enums import Role
from accounts.services import organisations
from hub.models import Report, Repository
from hub.services import commits, objects, opt_outs, reports, scanning
from tests.factories import hub as make
from tests.factories.accounts import StaffFactory, join
from tests.hub.algorithms.test_pickles import Calls
from tests.hub.algorithms.test_secrets import FOUND
from tests.hub.api.test_doors import bearer, commit, file, send

pytestmark = pytest.mark.django_db

EVIL = pickle.dumps(Calls(eval, "1"))
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def ada():
    return make.person("ada")


@pytest.fixture
def repository(ada):
    made = make.repository(ada, "tiny", files={"evil.pkl": EVIL, "a.txt": b"hello"})
    scanning.scan_ref(made, "refs/heads/main")
    return made


def upheld(repository, **more):
    staff = make.as_principal(StaffFactory())
    report = reports.file_report(repository, kind="copyright", statement="Mine", by=staff)
    reports.take_up(report, by=staff)
    return reports.uphold(report, **({"rule": "Terms 3", "reason": "So it is", "by": staff, "is_whole": True} | more))


def test_verdicts_in_trees_and_infos(client, repository):
    tree = {one["path"]: one for one in client.get("/api/models/ada/tiny/tree/main?expand=true").json()}
    assert tree["a.txt"]["securityFileStatus"] == {"status": "safe", "avScan": None, "pickleImportScan": None}
    scan = tree["evil.pkl"]["securityFileStatus"]
    assert scan["status"] == "unsafe"
    assert scan["pickleImportScan"]["pickleImports"] == [{"module": "builtins", "name": "eval", "safety": "dangerous"}]
    asked = {"paths": ["evil.pkl"], "expand": True}
    [one] = send(client, "POST", "/api/models/ada/tiny/paths-info/main", asked).json()
    assert one["securityFileStatus"]["status"] == "unsafe"
    assert "securityFileStatus" not in client.get("/api/models/ada/tiny/tree/main").json()[0]
    expected = {"scansDone": True, "filesWithIssues": [{"path": "evil.pkl", "level": "unsafe"}]}
    for query in ("securityStatus=True", "expand=securityRepoStatus"):
        assert client.get(f"/api/models/ada/tiny?{query}").json()["securityRepoStatus"] == expected
    assert "securityRepoStatus" not in client.get("/api/models/ada/tiny").json()


@pytest.mark.parametrize("count", [1, 3])
def test_verdicts_take_one_query(client, ada, count, django_assert_num_queries):
    made = make.repository(ada, "many", files={f"{number}.pkl": EVIL + b"%d" % number for number in range(count)})
    scanning.scan_ref(made, "refs/heads/main")
    with CaptureQueriesContext(connection) as plain:
        client.get("/api/models/ada/many/tree/main")
    with django_assert_num_queries(len(plain) + 1):
        client.get("/api/models/ada/many/tree/main?expand=1")


def test_programs_are_warned_and_browsers_asked(client, repository):
    address = "/ada/tiny/resolve/main/evil.pkl"
    served = client.get(address)
    assert b"".join(served.streaming_content) == EVIL
    topic, _, words = served["X-HF-Warning"].partition(";")
    assert "unsafe" in topic
    assert "builtins.eval" in words
    assert "X-HF-Warning" not in client.get("/ada/tiny/resolve/main/a.txt")

    sent = client.get(address, headers=BROWSER)
    assert sent.status_code == 302
    assert sent["Location"].startswith("/ada/tiny/blob/")
    page = client.get(sent["Location"]).content.decode()
    assert "may harm" in page
    assert "builtins.eval" in page
    understood = page.partition("?understood=")[2][:40]
    confirmed = client.get(f"{address}?understood={understood}", headers=BROWSER)
    assert b"".join(confirmed.streaming_content) == EVIL
    elsewhere = BROWSER | {"Sec-Fetch-Site": "cross-site"}
    assert client.get(f"{address}?understood={understood}", headers=elsewhere).status_code == 302
    assert client.get("/ada/tiny/resolve/main/a.txt", headers=BROWSER).status_code == 200


def test_a_commit_with_credentials(client, ada):
    make.repository(ada, "open")
    make.repository(ada, "closed", visibility="private")
    secret = FOUND["GitHub token"].encode()
    who = bearer(ada)

    refused = commit(client, "/api/models/ada/open/commit/main", file("k.txt", secret), headers=who)
    allowed = commit(
        client, "/api/models/ada/open/commit/main", file("k.txt", secret), headers=who,
        description="Allow-Secrets: of a test",
    )  # fmt: skip
    warned = commit(client, "/api/models/ada/closed/commit/main", file("k.txt", secret), headers=who)

    assert refused.status_code == 422
    assert "k.txt:1" in refused.json()["error"]
    assert secret.decode() not in refused.content.decode()
    assert (allowed.status_code, warned.status_code) == (200, 200)
    assert "k.txt:1" in warned.json()["hookOutput"]
    assert warned["X-HF-Warning"].startswith("secrets;")


def test_the_token_that_commits_itself_ends(client, ada):
    make.repository(ada, "open")
    who = bearer(ada)
    leaked = who["Authorization"].removeprefix("Bearer ").encode()
    refused = commit(client, "/api/models/ada/open/commit/main", file("k.txt", leaked), headers=who)
    assert refused.status_code == 422
    assert client.get("/api/whoami-v2", headers=who).status_code == 401


DOORS = {
    "info": "/api/models/ada/tiny",
    "tree": "/api/models/ada/tiny/tree/main",
    "refs": "/api/models/ada/tiny/refs",
    "resolve": "/ada/tiny/resolve/main/a.txt",
    "raw": "/ada/tiny/raw/main/a.txt",
    "git": "/ada/tiny/info/refs?service=git-upload-pack",
    "xet": "/api/models/ada/tiny/xet-read-token/main",
    "discussions": "/api/models/ada/tiny/discussions",
    "settings page": "/ada/tiny/settings",
}
EXPECTED = {
    "anonymous": {},
    "stranger": {},
    "member": {"info": 200},
    "owner": {"info": 200, "settings page": 200},
    "staff": dict.fromkeys(DOORS, 200) | {"settings page": 403},
}


@pytest.mark.parametrize("who", EXPECTED)
def test_what_is_disabled_is_closed_at_every_door(client, who):
    eve, bob = make.person("eve"), make.person("bob")
    lab = organisations.create_organisation("lab", by=make.as_principal(eve))
    join(lab, bob, role=Role.READ, by=make.as_principal(eve))
    made = make.repository(eve, "tiny", files={"a.txt": b"x"})
    Repository.objects.filter(pk=made.pk).update(namespace=lab.namespace)
    made.refresh_from_db()
    upheld(made)
    people = {"stranger": make.person, "member": lambda: bob, "owner": lambda: eve, "staff": StaffFactory}
    person = people[who]() if who in people else None
    headers = bearer(person) if person else {}
    for door, address in DOORS.items():
        where = address.replace("ada/", "lab/")
        if door == "settings page":
            if person is None:
                continue
            client.force_login(person)
            answer = client.get(where)
            client.logout()
        else:
            answer = client.get(where, headers=headers)
        expected = EXPECTED[who].get(door, 403)
        assert answer.status_code == expected, door
        if expected == 403 and door not in {"git", "settings page"}:
            assert answer["X-Error-Message"] == "Access to this resource is disabled."
        if expected == 200 and door == "info":
            assert answer.json()["disabled"] is True
    assert client.get("/api/models").json() == []


def test_what_is_disabled_takes_no_writes_and_can_be_deleted(client, ada, repository):
    who = bearer(ada)
    upheld(repository)
    assert commit(client, "/api/models/ada/tiny/commit/main", file("x"), headers=who).status_code == 403
    settings = {"private": True}
    assert send(client, "PUT", "/api/models/ada/tiny/settings", settings, who).status_code == 403
    assert send(client, "POST", "/api/repos/move", {"fromRepo": "ada/tiny", "toRepo": "ada/b"}, who).status_code == 403
    gone = {"name": "tiny", "organization": "ada"}
    assert send(client, "DELETE", "/api/repos/delete", gone, bearer(make.person())).status_code == 403
    assert send(client, "DELETE", "/api/repos/delete", gone, who).status_code == 200


def test_a_removed_small_file(client, ada, repository):
    report = upheld(repository, is_whole=False, paths=["a.txt"])
    for address in ("/ada/tiny/resolve/main/a.txt", "/ada/tiny/raw/main/a.txt"):
        answer = client.get(address)
        assert (answer.status_code, answer["X-Error-Code"]) == (451, "EntryNotFound")
        assert str(report.pk) in answer.json()["error"]
    assert client.get("/ada/tiny/resolve/main/evil.pkl").status_code == 200
    assert "hello" not in client.get("/ada/tiny/blob/main/a.txt").content.decode()
    head = repository.head or Repository.objects.get(pk=repository.pk).head
    assert "+hello" not in client.get(f"/ada/tiny/commit/{head}").content.decode()
    packs = client.post("/ada/tiny/git-upload-pack", b"0000", content_type="application/x-git-upload-pack-request")
    assert packs.status_code == 403
    assert b"not given out" in packs.content


def test_a_removed_card_is_not_rendered(client, ada):
    made = make.repository(ada, "card", files={"README.md": b"# Stolen words"})
    assert "Stolen words" in client.get("/ada/card").content.decode()
    upheld(made, is_whole=False, paths=["README.md"])
    assert "Stolen words" not in client.get("/ada/card").content.decode()


def large(repository, path, data, by):
    sha256 = hashlib.sha256(data).hexdigest()
    objects.receive(repository, sha256, len(data), io.BytesIO(data), by=by)
    commits.commit(repository, [commits.AddPointer(path, sha256, len(data))], by=by, message="Add")
    return sha256


def test_removed_content_is_gone_everywhere_and_cannot_be_taken_along(client, ada, repository):
    eve = make.person("eve")
    copy, third = make.repository(eve, "copy"), make.repository(eve, "third")
    data = b"y" * 5000
    sha256 = large(repository, "big.bin", data, make.as_principal(ada))
    large(copy, "other.bin", data, make.as_principal(eve))
    upheld(repository, is_whole=False, contents=[sha256])

    assert client.get("/eve/copy/resolve/main/other.bin").status_code == 451
    wanted = {"operation": "download", "objects": [{"oid": sha256, "size": 5000}]}
    [one] = send(client, "POST", "/eve/copy.git/info/lfs/objects/batch", wanted).json()["objects"]
    assert one["error"]["code"] == 410
    body = {"target": {"type": "model", "name": "eve/third"}, "files": [{"sha256": sha256}]}
    taken = send(client, "POST", "/api/models/eve/copy/lfs-files/duplicate", body, bearer(eve))
    assert len(taken.json()["failed"]) == 1
    assert not third.objects_held.exists()


def test_git_still_clones_when_only_large_files_are_removed(client, ada, repository):
    large(repository, "big.bin", b"z" * 5000, make.as_principal(ada))
    upheld(repository, is_whole=False, paths=["big.bin"])
    assert client.get("/ada/tiny/resolve/main/big.bin").status_code == 451
    packs = client.post("/ada/tiny/git-upload-pack", b"0000", content_type="application/x-git-upload-pack-request")
    assert packs.status_code == 200


def test_the_register_as_json(client, ada, repository):
    upheld(repository)
    hidden = make.repository(ada, "hidden", visibility="private")
    reports.take_up(
        reports.file_report(
            hidden, kind="malware", statement="I am bob", by=make.as_principal(ada), contact="b@example.org"
        ),
        by=make.as_principal(StaffFactory()),
    )
    reports.file_report(repository, kind="other", statement="unread", by=make.as_principal(ada))

    rows = client.get("/api/register").json()

    assert [row["state"] for row in rows] == ["under_review", "upheld"]
    assert rows[0]["about"] is None
    assert rows[1]["about"] == "model:ada/tiny"
    assert rows[1]["disabled"] == {"repository": True, "files": 0}
    text = json.dumps(rows)
    assert not any(word in text for word in ("bob", "example.org", "hidden", "Mine"))
    assert [row["kind"] for row in client.get("/api/register?kind=malware").json()] == ["malware"]
    assert client.get("/api/register?state=received").json() != []  # an unknown filter filters nothing
    assert client.get("/api/register?cursor=1").json() == []


@pytest.mark.parametrize("count", [1, 3])
def test_the_register_takes_the_same_number_of_queries(client, repository, count, django_assert_num_queries):
    for _number in range(count):
        upheld(repository)
    with django_assert_num_queries(2):
        assert len(client.get("/api/register").json()) == count


@pytest.mark.parametrize(
    ("who", "status"), [("anonymous", 401), ("stranger", 404), ("member", 200), ("owner", 200), ("staff", 200)]
)
def test_what_is_left_out_of_a_private_data_set(client, who, status):
    eve, bob = make.person("eve"), make.person("bob")
    lab = organisations.create_organisation("lab", by=make.as_principal(eve))
    join(lab, bob, role=Role.READ, by=make.as_principal(eve))
    made = make.repository(eve, "set", kind="dataset", visibility="private")
    Repository.objects.filter(pk=made.pk).update(namespace=lab.namespace)
    made.refresh_from_db()
    request = opt_outs.request_opt_out(made, matches=[("path", "a/b.png")], statement="Mine", by=make.as_principal(bob))
    for state in ("acknowledged", "verified", "honoured"):
        opt_outs.answer(request, state, by=make.as_principal(eve))
    people = {"stranger": make.person, "member": lambda: bob, "owner": lambda: eve, "staff": StaffFactory}
    headers = bearer(people[who]()) if who in people else {}
    answer = client.get("/api/datasets/lab/set/opt-outs", headers=headers)
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["matches"]["path"] == ["a/b.png"]
        assert answer.json()["requests"][0]["number"] == request.pk


def test_odd_questions_are_no_faults_of_the_site(client, repository):
    upheld(repository)
    for query in ("cursor=x", "cursor=99999999999999999999", "kind=%00", "state=a"):
        assert client.get(f"/api/register?{query}").status_code < 500
    assert Report.objects.count() == 1


@pytest.mark.parametrize(
    "name", ["a.html", "a.htm", "a.svg", "a.xml", "a.xhtml", "a.js", "a.mjs", "a.pdf", "a.mht", "a.xsl", "a", "a.css"]
)
@pytest.mark.parametrize("door", ["resolve", "raw"])
def test_nothing_that_is_given_out_runs_as_a_page_of_this_site(client, ada, name, door):
    make.repository(ada, "pages", files={name: b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>"})
    answer = client.get(f"/ada/pages/{door}/main/{name}")
    assert "sandbox" in answer["Content-Security-Policy"]
    assert "allow-scripts" not in answer["Content-Security-Policy"]
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    kind = answer["Content-Type"].partition(";")[0]
    assert kind in {"text/plain", "application/octet-stream", "image/svg+xml", "application/pdf"}


def test_the_same_for_large_files_signed_links_and_buckets(client, ada, repository):
    page = b"<script>1</script>" * 500
    sha256 = large(repository, "big.html", page, make.as_principal(ada))
    wanted = {"operation": "download", "objects": [{"oid": sha256, "size": len(page)}]}
    [one] = send(client, "POST", "/ada/tiny.git/info/lfs/objects/batch", wanted).json()["objects"]
    signed = one["actions"]["download"]["href"].partition("127.0.0.1:8000")[2]
    make.bucket(ada, "store", files={"x.html": page, "x.svg": page})
    addresses = ["/ada/tiny/resolve/main/big.html", signed]
    addresses += ["/buckets/ada/store/resolve/x.html", "/buckets/ada/store/resolve/x.svg"]
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200
        assert "sandbox" in answer["Content-Security-Policy"], address
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Type"].partition(";")[0] in {"text/plain", "application/octet-stream", "image/svg+xml"}
        assert b"".join(answer.streaming_content) == page


@pytest.mark.parametrize(
    "path",
    [
        "../x", "a/../../x", "/etc/passwd", ".git/config", ".GIT/config", ".g\u200cit/config", "git~1/config",
        "．ｇｉｔ/config", ".g\u0456t/x", "a\\.git\\config", "..\\x", "x\u202egpj.exe", "a\nb", "a\x00b",
        "a/" * 70 + "b",
        "a" * 2000, "a//b", "./x",
    ],
)  # fmt: skip
def test_paths_that_trick_are_refused_in_commits(client, ada, path):
    make.repository(ada, "tiny2")
    body = ("file", {"path": path, "content": base64.b64encode(b"x").decode(), "encoding": "base64"})
    assert commit(client, "/api/models/ada/tiny2/commit/main", body, headers=bearer(ada)).status_code in {400, 422}
