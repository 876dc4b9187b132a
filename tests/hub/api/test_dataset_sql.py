"""SQL over the tables of a data set."""

import pytest

from tests.factories import datasets as make_data
from tests.factories import hub as make

pytestmark = pytest.mark.django_db
ADDRESS = "/api/datasets/ada/shapes/sql"


@pytest.fixture
def shapes():
    files = {"train.parquet": make_data.shapes(5), "test.csv": b"text\nshape number 3\n"}
    return make_data.dataset(make.person("ada"), "shapes", files=files)


def ask(client, query, **more):
    return client.post(ADDRESS, {"query": query} | more, content_type="application/json")


def test_splits_are_tables_whatever_their_format(client, shapes):
    answer = ask(client, "SELECT data.label, data.image FROM data JOIN test USING (text)", split="train")

    assert answer.status_code == 200
    found = answer.json()
    assert [column["name"] for column in found["columns"]] == ["label", "image"]
    assert found["rows"][0][0] == 1
    picture = client.get(found["rows"][0][1]["src"])
    assert (picture["Content-Type"], b"".join(picture.streaming_content)[:4]) == ("image/png", b"\x89PNG")
    assert found["truncated"] is False


def test_what_is_wrong_is_said_with_its_place(client, shapes):
    answer = ask(client, "SELECT *\nFROM data\nWHERE colour = 1")

    assert answer.status_code == 422
    assert 'Referenced column "colour" not found' in answer.json()["error"]
    assert (answer.json()["line"], answer.json()["column"]) == (3, 7)
    assert answer["X-Error-Message"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"query": ""}, 400),
        ({"query": "SELECT '" + "x" * 30_000 + "'"}, 400),
        ({"query": 3}, 400),
        ({"query": "SELECT 1", "key": "short"}, 400),
        ({"query": "SELECT 1", "split": "none"}, 404),
        ({"query": "DELETE FROM data"}, 422),
        ({"query": "SELECT * FROM read_csv('/etc/passwd')"}, 422),
    ],
)
def test_what_cannot_be_asked(client, shapes, body, status):
    answer = client.post(ADDRESS, body, content_type="application/json")
    assert (answer.status_code, bool(answer.json()["error"])) == (status, True)


def test_a_query_that_takes_too_long_is_ended(client, shapes, settings):
    settings.VIEWER_SECONDS = 5
    answer = ask(client, "SELECT count(*) FROM range(1000000000000) a, range(1000000) b")
    assert answer.status_code == 422
    assert "longer than 5 seconds" in answer.json()["error"]


def test_whoever_has_the_key_cancels(client, shapes):
    from threading import Timer

    from hub.services import dataset_rows

    key = "k" * 20
    Timer(3, dataset_rows.cancel, [shapes, key]).start()
    answer = ask(client, "SELECT count(*) FROM range(1000000000000) a, range(1000000) b", key=key)
    assert "cancelled" in answer.json()["error"]
    assert client.delete(f"{ADDRESS}/{key}").status_code == 204
    assert client.delete(f"{ADDRESS}/short").status_code == 400


def test_readers_are_limited_per_process(client, shapes, monkeypatch):
    import threading

    from hub.services import dataset_rows

    monkeypatch.setattr(dataset_rows, "_readers", threading.BoundedSemaphore(1))
    monkeypatch.setattr(dataset_rows, "_PATIENCE", 0.01)
    dataset_rows._readers.acquire()
    answer = ask(client, "SELECT 1")
    assert (answer.status_code, answer["Retry-After"]) == (429, "5")


def test_a_browser_session_needs_its_token(shapes):
    from django.test import Client

    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make.person())
    assert ask(browser, "SELECT 1").status_code == 403
