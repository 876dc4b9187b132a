"""Files by name: headers, ranges, who may read."""

import hashlib

import pytest

from accounts.services import tokens
from hub.services import commits, objects
from hub.services.commits import AddPointer
from tests.factories import hub as make

pytestmark = pytest.mark.django_db
DATA = bytes(range(256)) * 40


class Reader:
    """Bytes as they arrive."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, size: int = -1, /) -> bytes:
        block, self.data = self.data[:size], self.data[size:]
        return block


def with_object(owner, data=DATA, path="weights.bin", **facts):
    repository = make.repository(owner, **facts)
    sha256 = hashlib.sha256(data).hexdigest()
    objects.receive(repository, sha256, len(data), Reader(data), by=make.as_principal(repository.created_by))
    by = make.as_principal(owner)
    oid = commits.commit(repository, [AddPointer(path, sha256, len(data))], by=by, message="Add weights").oid
    return repository, sha256, oid


def bearer(user):
    return {"Authorization": f"Bearer {tokens.issue_token(user, name='t', scope='write')}"}


def body(response):
    return b"".join(response.streaming_content) if response.streaming else response.content


def test_head_tells_all_that_clients_need(client):
    owner = make.person("ada")
    _repository, sha256, oid = with_object(owner, name="tiny")

    response = client.head("/ada/tiny/resolve/main/weights.bin")

    assert response.status_code == 200
    assert response["X-Repo-Commit"] == oid
    assert response["ETag"] == response["X-Linked-Etag"] == f'"{sha256}"'
    assert response["X-Linked-Size"] == response["Content-Length"] == str(len(DATA))
    assert response["Accept-Ranges"] == "bytes"
    assert response["Content-Disposition"] == 'inline; filename="weights.bin";'
    assert "X-Xet-Hash" not in response
    assert body(response) == b""


@pytest.mark.parametrize("kind", ["model", "dataset", "space", "kernel"])
def test_every_kind_resolves_under_its_prefix(client, kind):
    owner = make.person("ada")
    repository = make.repository(owner, "thing", kind=kind, files={"a/b.txt": b"hello"})

    response = client.get(f"/{repository.prefix}ADA/Thing/resolve/{repository.head}/a/b.txt")

    assert body(response) == b"hello"
    assert response["ETag"] == '"b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"'


def test_an_old_revision_gives_the_old_bytes_and_etag(client):
    owner = make.person("ada")
    repository = make.repository(owner, "tiny", files={"a.txt": b"one"})
    old = repository.head
    make.put(repository, {"a.txt": b"two"}, by=make.as_principal(owner))

    assert body(client.get(f"/ada/tiny/resolve/{old}/a.txt")) == b"one"
    assert body(client.get(f"/ada/tiny/resolve/{old[:8]}/a.txt")) == b"one"
    assert body(client.get("/ada/tiny/resolve/main/a.txt")) == b"two"


@pytest.mark.parametrize(
    ("asked", "status", "expected", "content_range"),
    [
        ("bytes=0-99", 206, DATA[:100], "bytes 0-99/10240"),
        ("bytes=10000-", 206, DATA[10000:], "bytes 10000-10239/10240"),
        ("bytes=-5", 206, DATA[-5:], "bytes 10235-10239/10240"),
        ("bytes=10239-99999", 206, DATA[-1:], "bytes 10239-10239/10240"),
        ("bytes=10240-", 416, b"", "bytes */10240"),
        ("bytes=5-4", 200, DATA, None),
        ("lines=1-2", 200, DATA, None),
        ("bytes=0-1,4-5", 200, DATA, None),
    ],
)
def test_ranges(client, asked, status, expected, content_range):
    with_object(make.person("ada"), name="tiny")

    response = client.get("/ada/tiny/resolve/main/weights.bin", headers={"Range": asked})

    assert (response.status_code, body(response)) == (status, expected)
    assert response.get("Content-Range") == content_range
    if status != 416:
        assert response["Content-Length"] == str(len(expected))


def test_conditions(client):
    _repository, sha256, _oid = with_object(make.person("ada"), name="tiny")
    address = "/ada/tiny/resolve/main/weights.bin"

    assert client.get(address, headers={"If-None-Match": f'W/"x", "{sha256}"'}).status_code == 304
    resumed = client.get(address, headers={"Range": "bytes=0-0", "If-Range": f'"{sha256}"'})
    changed = client.get(address, headers={"Range": "bytes=0-0", "If-Range": '"other"'})
    assert (resumed.status_code, changed.status_code) == (206, 200)
    body(resumed), body(changed)


def test_errors_carry_the_codes_of_the_protocol(client):
    repository = make.repository(make.person("ada"), "tiny", files={"d/x.txt": b"x"})
    somebody = bearer(make.person())

    missing = client.get("/ada/tiny/resolve/main/no.txt")
    folder = client.get("/ada/tiny/resolve/main/d")
    revision = client.get("/ada/tiny/resolve/nowhere/x.txt")
    nobody = client.get("/ada/none/resolve/main/x.txt", headers=somebody)
    one = client.get("/gpt2/resolve/main/x.txt", headers=somebody)

    assert [answer.status_code for answer in (missing, folder, revision, nobody, one)] == [404] * 5
    assert [answer["X-Error-Code"] for answer in (missing, folder, revision, nobody, one)] == [
        "EntryNotFound", "EntryNotFound", "RevisionNotFound", "RepoNotFound", "RepoNotFound",
    ]  # fmt: skip
    assert missing["X-Repo-Commit"] == repository.head
    assert nobody["X-Error-Message"] == nobody.json()["error"]


def test_private_files_are_for_members(client):
    owner = make.person("ada")
    make.repository(owner, "secret", visibility="private", files={"x.txt": b"x"})
    address = "/ada/secret/resolve/main/x.txt"

    anonymous = client.get(address)
    stranger = client.get(address, headers=bearer(make.person()))
    member = client.get(address, headers=bearer(owner))

    assert (anonymous.status_code, anonymous["X-Error-Code"]) == (401, "RepoNotFound")
    assert (stranger.status_code, stranger["X-Error-Code"]) == (404, "RepoNotFound")
    assert body(member) == b"x"


def test_a_moved_repository_redirects(client):
    from hub.services import repositories

    owner = make.person("ada")
    repository = make.repository(owner, "old", files={"x.txt": b"x"})
    repositories.move(repository, owner.namespace, "new", by=make.as_principal(owner))

    response = client.head("/ada/OLD/resolve/main/x.txt?download=true")

    assert (response.status_code, response["Location"]) == (307, "/ada/new/resolve/main/x.txt?download=true")


def test_files_of_strangers_cannot_run_as_pages(client):
    make.repository(make.person("ada"), "tiny", files={"evil.html": b"<script>1</script>"})

    response = client.get("/ada/tiny/resolve/main/evil.html")

    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert "sandbox" in response["Content-Security-Policy"]
    assert response["X-Content-Type-Options"] == "nosniff"


def test_downloads_count_clients_once_a_day(client):
    owner = make.person("ada")
    repository, _sha256, _oid = with_object(owner, name="tiny")
    address = "/ada/tiny/resolve/main/weights.bin"

    for headers in ({}, {}, {"Range": "bytes=100-"}, bearer(owner)):
        body(client.get(address, headers=headers))
    client.head(address)

    repository.refresh_from_db()
    assert repository.downloads == 2


def test_an_object_of_one_repository_opens_no_door_of_another(client):
    owner, thief = make.person("ada"), make.person("eve")
    _secret, sha256, _oid = with_object(owner, name="secret", visibility="private")
    stolen = make.repository(thief, "stolen")

    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(DATA)}\n".encode()
    make.put(stolen, {"weights.bin": pointer}, by=make.as_principal(thief))
    response = client.get("/eve/stolen/resolve/main/weights.bin", headers=bearer(thief))

    assert response.status_code == 404
    assert DATA not in body(response)
