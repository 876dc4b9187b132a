"""The doors of buckets: who may, what is answered, and that nothing leaks from one to another."""

import io
import json

import pytest

from accounts.enums import Role
from accounts.models import Namespace
from hub import stores
from hub.models import Bucket, BucketFile
from hub.models.buckets import EMPTY
from hub.services import objects
from hub.storage.xet.ingest import ingest
from tests.factories import hub as make
from tests.factories.accounts import MembershipFactory, OrganisationFactory, StaffFactory, UserFactory, job_token
from tests.hub.api.test_resolve import body
from tests.hub.api.test_xet import bearer, with_xet

pytestmark = pytest.mark.django_db
DATA = bytes(range(256)) * 1500


def send(client, address, *operations, headers):
    lines = b"".join(json.dumps(operation).encode() + b"\n" for operation in operations)
    return client.post(f"/api/buckets/{address}/batch", lines, content_type="application/x-ndjson", headers=headers)


def token(client, address, access, headers=None):
    response = client.get(f"/api/buckets/{address}/xet-{access}-token", headers=headers or {})
    return {"Authorization": f"Bearer {response['X-Xet-Access-Token']}"}


def test_a_bucket_is_created_read_hidden_moved_and_deleted(client):
    mine = bearer(make.person("ada"))
    kind = "application/json"

    made = client.post("/api/buckets/me/store", {"visibility": "private"}, content_type=kind, headers=mine)
    again = client.post("/api/buckets/ada/STORE", {}, content_type=kind, headers=mine)
    info = client.get("/api/buckets/ada/store", headers=mine).json()
    opened = client.put("/api/buckets/ada/store/settings", {"private": False}, content_type=kind, headers=mine)
    body = {"fromRepo": "ada/store", "toRepo": "ada/moved", "type": "bucket"}
    moved = client.post("/api/repos/move", body, content_type=kind, headers=mine)
    listed = client.get("/api/buckets/ada?search=MOV").json()
    gone = client.delete("/api/buckets/ada/moved", headers=mine)

    assert made.json()["url"] == again.json()["url"] == "http://127.0.0.1:8000/buckets/ada/store"
    assert again.status_code == 409
    assert (info["id"], info["private"], info["size"], info["totalFiles"]) == ("ada/store", True, 0, 0)
    assert info["createdAt"].endswith("Z")
    assert opened.json()["private"] is False
    assert moved.json()["id"] == "ada/moved"
    assert [one["id"] for one in listed] == ["ada/moved"]
    assert gone.status_code == 200
    assert client.get("/api/buckets/ada/moved", headers=mine)["X-Error-Code"] == "RepoNotFound"


@pytest.mark.parametrize(
    ("body", "status"),
    [({"region": "us"}, 400), ({"resourceGroupId": "x"}, 400), ({"visibility": "odd"}, 400), ({"private": "yes"}, 400)],
)
def test_settings_that_would_do_nothing_are_refused(client, body, status):
    mine = bearer(make.person("ada"))

    response = client.post("/api/buckets/ada/store", body, content_type="application/json", headers=mine)

    assert (response.status_code, Bucket.objects.count()) == (status, 0)


def test_names_without_owner_and_missing_buckets(client):
    mine = bearer(make.person("ada"))

    assert client.get("/api/buckets/store", headers=mine).status_code == 404
    assert client.delete("/api/buckets/store", headers=mine).status_code == 404
    assert client.get("/api/buckets/me").status_code == 401
    for address in ("ada/none", "ada/none/tree", "ada/none/events", "ada/none/xet-read-token"):
        missing = client.get(f"/api/buckets/{address}", headers=mine)
        assert (missing.status_code, missing["X-Error-Code"]) == (404, "RepoNotFound")
        assert client.get(f"/api/buckets/{address}").status_code == 401


@pytest.fixture
def people():
    admin = UserFactory()
    organisation = OrganisationFactory(name="lab", admin=admin)
    return {
        "stranger": UserFactory(),
        "reader": MembershipFactory(organisation=organisation).user,
        "writer": MembershipFactory(organisation=organisation, role=Role.WRITE).user,
        "admin": admin,
        "staff": StaffFactory(),
    }


# Who reads a private bucket, writes to it, changes its settings.
MATRIX = {
    "anonymous": (401, 401, 401),
    "stranger": (404, 404, 404),
    "reader": (200, 403, 403),
    "writer": (200, 200, 403),
    "admin": (200, 200, 200),
    "staff": (200, 403, 403),
    "job": (200, 200, 403),
    "other job": (404, 404, 404),
}


@pytest.mark.parametrize("who", MATRIX)
def test_who_may_do_what_with_a_private_bucket(client, people, who):
    lab = Namespace.objects.get(name="lab")
    bucket = make.bucket(people["admin"], "store", visibility="private", files={"a/b.bin": DATA})
    Bucket.objects.update(namespace=lab)
    headers = bearer(people[who]) if who in people else {}
    if who.endswith("job"):
        home = lab if who == "job" else people["admin"].namespace
        headers = {"Authorization": f"Bearer {job_token(people['admin'], namespace=home)}"}
    base, kind = "/api/buckets/lab/store", "application/json"
    reads, writes, settings = MATRIX[who]

    for address in (base, f"{base}/tree", f"{base}/xet-read-token", "/buckets/lab/store/resolve/a/b.bin"):
        assert client.get(address, headers=headers).status_code == reads, address
    found = client.post(f"{base}/paths-info", {"paths": ["a/b.bin"]}, content_type=kind, headers=headers)
    assert found.status_code == reads
    listed = [one["id"] for one in client.get("/api/buckets/lab", headers=headers).json()]
    assert listed == (["lab/store"] if reads == 200 else [])
    assert client.get(f"{base}/xet-write-token", headers=headers).status_code == writes
    deleted = send(client, "lab/store", {"type": "deleteFile", "path": "a/b.bin"}, headers=headers)
    assert deleted.status_code == writes
    changed = client.put(f"{base}/settings", {"private": True}, content_type=kind, headers=headers)
    assert changed.status_code == settings
    assert client.delete(base, headers=headers).status_code == settings
    assert Bucket.objects.filter(pk=bucket.pk).exists() is (settings != 200)


def test_a_read_token_changes_nothing(client):
    ada = make.person("ada")
    make.bucket(ada, "store", files={"a": DATA})
    mine = bearer(ada, scope="read")

    assert send(client, "ada/store", {"type": "deleteFile", "path": "a"}, headers=mine).status_code == 403
    made = client.post("/api/buckets/ada/new", {}, content_type="application/json", headers=mine)
    assert made.status_code == 403
    assert client.get("/api/buckets/ada/store/xet-write-token", headers=mine).status_code == 403
    assert client.delete("/api/buckets/ada/store", headers=mine).status_code == 403


def test_a_batch_answers_200_unless_nothing_worked(client):
    ada = make.person("ada")
    mine = bearer(ada)
    make.bucket(ada, "store", files={"a": DATA})
    xet_hash = BucketFile.objects.get().xet_hash
    source = {"sourceRepoType": "bucket", "sourceRepoId": "ada/store", "mtime": 1700000000123}
    good = {"type": "copyFile", "path": "b", "xetHash": xet_hash} | source
    bad = {"type": "copyFile", "path": "c", "xetHash": EMPTY} | source

    partly = send(client, "ada/store", good, bad, headers=mine)
    never = send(client, "ada/store", bad, headers=mine)
    nothing = send(client, "ada/store", headers=mine)
    empty = send(client, "ada/store", {"type": "addFile", "path": "e", "xetHash": EMPTY, "mtime": 0}, headers=mine)

    assert (partly.status_code, [one["path"] for one in partly.json()["failed"]]) == (200, ["c"])
    assert never.status_code == 422
    assert never.json()["failed"][0]["error"]
    assert (nothing.status_code, nothing.json()["failed"]) == (200, [])
    assert empty.json()["failed"] == []
    files = {one["path"]: one for one in client.get("/api/buckets/ada/store/tree").json()}
    assert list(files) == ["a", "b", "e"]
    assert (files["b"]["mtime"], files["b"]["size"]) == ("2023-11-14T22:13:20.123Z", len(DATA))


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"[]",
        b'{"type": "odd", "path": "a"}',
        b'{"type": "deleteFile"}',
        b'{"type": "deleteFile", "path": "a\\u0000b"}',
        b'{"type": "addFile", "path": "a", "xetHash": "zz"}',
        b'{"type": "addFile", "path": "a", "xetHash": "%s", "mtime": 1e300}' % (b"0" * 64),
        b'{"type": "addFile", "path": "a", "xetHash": "%s", "mtime": "now"}' % (b"0" * 64),
    ],
)
def test_malformed_batches_change_nothing(client, line):
    ada = make.person("ada")
    make.bucket(ada, "store")
    good = b'{"type": "addFile", "path": "good", "xetHash": "%s"}\n' % (b"0" * 64)

    address, kind = "/api/buckets/ada/store/batch", "application/x-ndjson"
    response = client.post(address, good + line, content_type=kind, headers=bearer(ada))

    assert (response.status_code, BucketFile.objects.count()) == (400, 0)


def test_trees_have_folders_prefixes_and_pages(client):
    ada = make.person("ada")
    make.bucket(ada, "store", files={path: path.encode() * 50 for path in ("a/1", "a/2", "ab", "b/c/3", "d")})
    base = "http://127.0.0.1:8000/api/buckets/ada/store/tree"

    def walk(address):
        found = []
        while address:
            response = client.get(address)
            found += [(one["type"][:1], one["path"]) for one in response.json()]
            address = response["Link"].partition(">")[0][1:] if "Link" in response else ""
        return found

    whole = [("f", path) for path in ("a/1", "a/2", "ab", "b/c/3", "d")]
    level = [("d", "a"), ("f", "ab"), ("d", "b"), ("f", "d")]
    assert walk(base) == walk(f"{base}?recursive=True&limit=2") == whole
    assert walk(f"{base}?recursive=False") == walk(f"{base}?recursive=false&limit=1") == level
    assert walk(f"{base}/a") == whole[:3]
    assert walk(f"{base}/a%2F") == walk(f"{base}/a?recursive=false") == whole[:2]
    assert walk(f"{base}/ab?recursive=false") == [("f", "ab")]
    assert walk(f"{base}/zzz") == []
    for cursor in ("%ff", "AA=="):
        assert client.get(f"{base}?cursor={cursor}").status_code == 400


@pytest.mark.parametrize("count", [1, 3])
def test_lists_take_the_same_number_of_queries(client, count, django_assert_num_queries):
    ada = make.person("ada")
    for number in range(count):
        make.bucket(ada, f"store{number}", files={f"{name}/x": b"%d" % name * 50 for name in range(count)})

    with django_assert_num_queries(2):
        assert len(client.get("/api/buckets/ada/store0/tree").json()) == count
    with django_assert_num_queries(4):
        assert len(client.get("/api/buckets/ada/store0/tree?recursive=false").json()) == count
    with django_assert_num_queries(3):
        assert len(client.get("/api/buckets/ada").json()) == count


def test_files_by_name(client):
    ada = make.person("ada")
    hashes = make.fill(make.bucket(ada, "store"), {"a/b.bin": DATA}, by=make.as_principal(ada))
    send(client, "ada/store", {"type": "addFile", "path": "empty", "xetHash": EMPTY}, headers=bearer(ada))
    address = "/buckets/ada/store/resolve/a%2Fb.bin"

    head = client.head(address)
    part = client.get(address, headers={"Range": "bytes=100-199"})
    missing = client.head("/buckets/ada/store/resolve/none")

    assert (head["X-Xet-Hash"], head["X-Linked-Size"]) == (hashes["a/b.bin"], str(len(DATA)))
    assert head["Link"] == '<http://127.0.0.1:8000/api/buckets/ada/store/xet-read-token>; rel="xet-auth"'
    assert body(client.get(address)) == DATA
    assert (part.status_code, body(part)) == (206, DATA[100:200])
    assert (missing.status_code, missing["X-Error-Code"]) == (404, "EntryNotFound")
    assert client.head("/buckets/ada/store/resolve/empty")["X-Xet-Hash"] == EMPTY
    assert body(client.get("/buckets/ada/store/resolve/empty")) == b""


def test_a_file_of_one_bucket_is_not_read_through_another(client):
    ada, eve = make.person("ada"), make.person("eve")
    secret = make.bucket(ada, "secret", visibility="private")
    hashes = make.fill(secret, {"x": b"secret" * 1000}, by=make.as_principal(ada))
    make.bucket(eve, "own")
    make.repository(eve, "repository")
    address = f"/cas/v2/reconstructions/{hashes['x']}"
    add = {"type": "addFile", "path": "stolen", "xetHash": hashes["x"]}

    through_own = client.get(address, headers=token(client, "eve/own", "write", bearer(eve)))
    repository = client.get("/api/models/eve/repository/xet-write-token/main", headers=bearer(eve)).json()
    through_repository = client.get(address, headers={"Authorization": f"Bearer {repository['accessToken']}"})
    stolen = send(client, "eve/own", add, headers=bearer(eve))
    member = client.get(address, headers=token(client, "ada/secret", "read", bearer(ada)))

    assert [one.status_code for one in (through_own, through_repository, stolen, member)] == [404, 404, 422, 200]


def test_what_is_not_in_use_is_for_writers(client):
    ada = make.person("ada")
    bucket = make.bucket(ada, "store")
    file = ingest(stores.xet_store(), io.BytesIO(b"draft" * 1000))
    objects.hold_xet(bucket, [file], by=make.as_principal(ada))
    address = f"/cas/v2/reconstructions/{file.hash}"

    assert client.get(address, headers=token(client, "ada/store", "read")).status_code == 404
    assert client.get(address, headers=token(client, "ada/store", "write", bearer(ada))).status_code == 200
    add = {"type": "addFile", "path": "now", "xetHash": file.hash}
    assert send(client, "ada/store", add, headers=bearer(ada)).status_code == 200
    assert client.get(address, headers=token(client, "ada/store", "read")).status_code == 200


def test_hiding_a_bucket_closes_its_tokens_at_once(client):
    ada = make.person("ada")
    bucket = make.bucket(ada, "store")
    hashes = make.fill(bucket, {"x": DATA}, by=make.as_principal(ada))
    anybody = token(client, "ada/store", "read")
    address = f"/cas/v2/reconstructions/{hashes['x']}"
    assert client.get(address, headers=anybody).status_code == 200

    Bucket.objects.update(visibility="private")

    assert client.get(address, headers=anybody).status_code == 401


def test_objects_of_a_repository_are_duplicated_for_those_who_may_read_it(client):
    ada, eve = make.person("ada"), make.person("eve")
    _open, public = with_xet(ada, b"public" * 1000, name="open")
    _secret, private = with_xet(ada, b"private" * 1000, name="secret", visibility="private")
    make.repository(eve, "own")

    def ask(source, file, headers, target="eve/own"):
        files = [{"xetHash": file.hash, "sha256": file.sha256, "filename": "x"}]
        body = {"target": {"type": "model", "name": target}, "files": files}
        address = f"/api/models/{source}/lfs-files/duplicate"
        return client.post(address, body, content_type="application/json", headers=headers)

    done = ask("ada/open", public, bearer(eve))
    assert (done.status_code, done.json()) == (200, {"failed": []})
    assert [one["sha256"] for one in ask("ada/open", private, bearer(eve)).json()["failed"]] == [private.sha256]
    assert ask("ada/secret", private, bearer(eve)).status_code == 404
    assert ask("ada/open", public, bearer(eve), target="ada/open").status_code == 403
    assert ask("ada/open", public, {}).status_code == 403


@pytest.mark.parametrize("query", ["cursor=x", "cursor=-1", "since=yesterday", "since=2026-02-31T00:00:00Z"])
def test_a_place_to_follow_from_must_make_sense(client, query):
    make.bucket(make.person("ada"), "store")

    assert client.get(f"/api/buckets/ada/store/events?{query}").status_code == 400
