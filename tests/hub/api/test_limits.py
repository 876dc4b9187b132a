"""What the doors answer when a limit would be passed."""

import io
import os

import pytest

from hub import stores
from hub.services import quotas
from hub.storage.xet.ingest import ingest
from tests.factories import hub as make
from tests.hub.api.test_lfs import batch, bearer, named
from tests.hub.api.test_xet import token

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    ada = make.person("ada")
    make.repository(ada, "tiny")
    quotas.set_limits(ada.namespace, by="test", public_bytes=5000, file_bytes=4000)
    return ada


def preupload(client, headers, *files):
    body = {"files": [{"path": path, "size": size, "sample": ""} for path, size in files]}
    return client.post("/api/models/ada/tiny/preupload/main", body, content_type="application/json", headers=headers)


def test_preupload_tells_before_anything_is_sent(client, ada):
    headers = bearer(ada)
    large = preupload(client, headers, ("a.bin", 4001))
    many = preupload(client, headers, ("a.bin", 3000), ("b.bin", 3000))

    assert (large.status_code, large.json()["code"]) == (413, "file_too_large")
    assert "4.0 kB" in large["X-Error-Message"]
    assert (many.status_code, many.json()["code"]) == (413, "storage_full")
    assert preupload(client, headers, ("a.bin", 1000), ("note.txt", 9000)).status_code == 200


def test_preupload_lets_pass_what_may_be_here_already(client, ada):
    make.upload(ada.namespace.repositories.get(), b"x" * 3000, by=make.as_principal(ada))
    headers = bearer(ada)
    assert preupload(client, headers, ("again.bin", 3000)).status_code == 200
    assert preupload(client, headers, ("other.bin", 2999)).status_code == 413


def test_lfs_answers_object_by_object(client, ada):
    objects = [named(b"a" * 1000), named(b"b" * 4001), named(b"c" * 3900), named(b"d" * 100)]
    answer = batch(client, "upload", *objects, headers=bearer(ada)).json()["objects"]

    assert ["actions" in one for one in answer] == [True, False, False, True]
    assert [one["error"]["code"] for one in answer if "error" in one] == [413, 507]
    assert "/settings/storage" in answer[2]["error"]["message"]


def test_an_upload_that_was_allowed_may_find_the_room_taken(client, ada):
    first, second = (
        batch(client, "upload", named(data), headers=bearer(ada)).json()["objects"][0]["actions"]["upload"]["href"]
        for data in (b"a" * 2500, b"b" * 2500)
    )
    assert client.put(first, b"a" * 2500, content_type="application/octet-stream").status_code == 200
    refused = client.put(second, b"b" * 2500, content_type="application/octet-stream")
    assert (refused.status_code, refused.json()["code"]) == (413, "storage_full")


def test_xorbs_are_refused_when_nothing_is_left(client, ada):
    file = ingest(stores.xet_store(), io.BytesIO(os.urandom(20_000)))
    name = next(iter(file.xorbs))
    headers = token(client, "ada/tiny", "write", bearer(ada))
    body = stores.xet_store().xorbs.path(name).read_bytes()

    answer = client.post(
        f"/cas/v1/xorbs/default/{name}", body, content_type="application/octet-stream", headers=headers
    )

    assert answer.status_code == 413
    assert "is full" in answer.json()["error"]


def test_the_list_of_own_repositories_tells_shares(client, ada):
    repository = ada.namespace.repositories.get()
    make.upload(repository, b"x" * 3000, by=make.as_principal(ada))
    rows = client.get("/api/settings/repositories", headers=bearer(ada)).json()
    repository.refresh_from_db()

    assert rows[0]["storage"] == 3000 + repository.git_size
    assert rows[0]["storagePercent"] == 100
