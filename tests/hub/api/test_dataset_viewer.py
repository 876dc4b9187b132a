"""Rows, pictures, statistics and Parquet of data sets, in the shapes that other tools know."""

import io
import json

import pyarrow.parquet as pq
import pytest
from PIL import Image

from accounts.models import Namespace
from accounts.principal import ANONYMOUS
from accounts.services import tokens
from hub.models import AccessRequest, DatasetView, Repository, RepositoryObject, TreeEntry
from hub.selectors.reports import blocks_of
from hub.services import dataset_views, reports
from tests.factories import datasets as make_data
from tests.factories import hub as make
from tests.factories.accounts import MembershipFactory, OrganisationFactory, StaffFactory, UserFactory

pytestmark = pytest.mark.django_db

TRAIN = "data/train-00000-of-00002.parquet"
TRAIN_2 = "data/train-00001-of-00002.parquet"
QUESTIONS = ["is-valid", "splits", "parquet", "size", "info", "first-rows", "rows", "statistics"]
ADDRESSES = [
    *[f"/datasets-server/{name}?dataset={{name}}" for name in QUESTIONS],
    "/datasets-server/search?dataset={name}&query=shape",
    "/datasets-server/filter?dataset={name}&where=label=1",
    "/api/datasets/{name}/parquet",
    "/api/datasets/{name}/parquet/default",
    "/api/datasets/{name}/parquet/default/train",
    "/api/datasets/{name}/croissant",
    "/datasets/{name}/viewer",
    "/datasets/{name}/viewer/default/train",
    "/datasets/{name}/sql",
]


@pytest.fixture
def ada():
    return make.person("ada")


@pytest.fixture
def shapes(ada):
    files = {TRAIN: make_data.shapes(10), TRAIN_2: make_data.shapes(3, start=10)}
    return make_data.dataset(ada, "shapes", files=files | {"data/test-00000-of-00001.parquet": make_data.shapes(2)})


def asked(client, what, **query):
    answer = client.get(f"/datasets-server/{what}", {"dataset": "ada/shapes"} | query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def bearer(user):
    return {"Authorization": f"Bearer {tokens.issue_token(user, name='t', scope='write')}"}


def test_splits_and_their_files(client, shapes):
    assert [(one["config"], one["split"]) for one in asked(client, "splits")["splits"]] == [
        ("default", "train"),
        ("default", "test"),
    ]
    files = asked(client, "parquet")["parquet_files"]
    assert [(one["split"], one["filename"]) for one in files] == [
        ("train", "0000.parquet"),
        ("train", "0001.parquet"),
        ("test", "0000.parquet"),
    ]
    assert files[1]["url"] == "http://127.0.0.1:8000/api/datasets/ada/shapes/parquet/default/train/1.parquet"
    target = client.get(files[1]["url"])
    assert target["Location"] == f"/datasets/ada/shapes/resolve/{shapes.head}/{TRAIN_2}"
    assert client.get("/api/datasets/ada/shapes/parquet").json()["default"]["train"][1] == files[1]["url"]
    size = asked(client, "size")["size"]
    assert (size["dataset"]["num_rows"], size["splits"][0]["num_rows"], size["splits"][0]["num_columns"]) == (15, 13, 5)
    info = asked(client, "info", config="default")["dataset_info"]
    assert info["features"]["label"]["names"] == ["circle", "square"]
    assert info["splits"]["test"]["num_examples"] == 2
    assert all(asked(client, "is-valid").values())


@pytest.mark.parametrize("offset", [0, 3, 4, 9, 10, 12])
def test_rows_anywhere_across_row_groups_and_files(client, shapes, offset):
    found = asked(client, "rows", config="default", split="train", offset=offset, length=3)

    wanted = list(range(offset, min(offset + 3, 13)))
    assert [row["row_idx"] for row in found["rows"]] == wanted
    assert [row["row"]["text"] for row in found["rows"]] == [f"shape number {n}" for n in wanted]
    assert found["num_rows_total"] == 13
    assert [one["name"] for one in found["features"]] == ["image", "text", "label", "size", "tags"]


def test_rows_past_the_end_are_none(client, shapes):
    assert asked(client, "rows", offset=13)["rows"] == []
    assert asked(client, "rows", offset=10**12)["rows"] == []


def test_pictures_are_made_anew_behind_signed_links(client, shapes):
    row = asked(client, "first-rows")["rows"][0]["row"]
    assert (row["image"]["width"], row["image"]["height"]) == (40, 30)
    assert row["tags"] == [0, 1]

    picture = client.get(row["image"]["src"])
    assert picture["Content-Type"] == "image/png"
    assert picture["X-Content-Type-Options"] == "nosniff"
    assert Image.open(io.BytesIO(b"".join(picture.streaming_content))).size == (40, 30)
    unsigned = row["image"]["src"].partition("?")[0]
    assert client.get(unsigned).status_code == 403
    assert client.get(row["image"]["src"].replace("png", "jpg", 1)).status_code == 403


def test_what_is_no_picture_is_not_passed_on(client, ada):
    svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    columns = {"image": [{"bytes": svg, "path": "x.png"}, {"bytes": None, "path": None}, None]}
    make_data.dataset(ada, "shapes", files={"a.parquet": make_data.parquet(columns)})

    rows = [row["row"]["image"] for row in asked(client, "rows")["rows"]]

    assert rows == [{"bytes": "<71 bytes>", "path": "x.png"}, {"bytes": None, "path": None}, None]


def test_sounds_play_as_what_they_begin_like(client, ada):
    wav = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(28)
    make_data.dataset(ada, "shapes", files={"a.parquet": make_data.parquet({"a": [{"bytes": wav, "path": "a.wav"}]})})

    (sound,) = asked(client, "rows")["rows"][0]["row"]["a"]

    answer = client.get(sound["src"])
    assert (sound["type"], answer["Content-Type"]) == ("audio/wav", "audio/wav")
    assert b"".join(answer.streaming_content) == wav


def test_searching_and_filtering(client, shapes):
    found = asked(client, "search", query="NUMBER 1")
    assert [row["row_idx"] for row in found["rows"]] == [1, 10, 11, 12]
    assert found["num_rows_total"] == 4
    found = asked(client, "filter", where="label = 1 AND size > 2", length=1)
    assert [row["row_idx"] for row in found["rows"]] == [5]
    assert found["has_more"]
    wrong = client.get("/datasets-server/filter", {"dataset": "ada/shapes", "where": "colour = 1"})
    assert wrong.status_code == 422
    assert "colour" in wrong.json()["error"]


@pytest.mark.parametrize(
    "where", ["1=1) UNION SELECT 1 --", "1=1; DROP VIEW data", "true) FROM read_csv('/etc/passwd') WHERE (true"]
)
def test_a_condition_cannot_leave_its_data_set(client, shapes, where):
    answer = client.get("/datasets-server/filter", {"dataset": "ada/shapes", "where": where})
    assert answer.status_code == 422
    assert "root:" not in answer.content.decode()


def test_statistics_of_every_kind_of_column(client, shapes):
    found = asked(client, "statistics", split="train")

    by_name = {one["column_name"]: one for one in found["statistics"]}
    assert found["num_examples"] == 13
    assert not found["partial"]
    assert {name: one["column_type"] for name, one in by_name.items()} == {
        "image": "image",
        "text": "string_label",
        "label": "class_label",
        "size": "float",
        "tags": "list",
    }
    assert by_name["label"]["column_statistics"]["frequencies"] == {"circle": 7, "square": 6}
    size = by_name["size"]["column_statistics"]
    assert (size["nan_count"], size["min"], size["max"]) == (3, 0.0, 6.0)
    assert sum(size["histogram"]["hist"]) == 10


def test_what_is_asked_wrongly_says_how_to_ask(client, shapes):
    for query, status in [
        ("rows", 400),
        ("rows?dataset=ada/shapes&length=101", 400),
        ("rows?dataset=ada/shapes&offset=-1", 400),
        ("rows?dataset=ada/shapes&config=none", 404),
        ("rows?dataset=ada/shapes&split=none", 404),
        ("rows?dataset=ada/none", 401),
        ("nothing?dataset=ada/shapes", 404),
        ("filter?dataset=ada/shapes", 400),
    ]:
        answer = client.get(f"/datasets-server/{query}")
        assert answer.status_code == status, (query, answer.content)
        assert answer.json()["error"]


def test_every_commit_has_tables_of_its_own(client, shapes, ada):
    old = shapes.head
    make.put(shapes, {TRAIN: make_data.shapes(2)}, by=make.as_principal(ada))
    waiting = client.get("/datasets-server/rows?dataset=ada/shapes")
    assert (waiting.status_code, waiting.json()["code"], waiting["Retry-After"]) == (503, "ResponseNotReady", "3")

    make_data.looked_at(shapes)

    assert asked(client, "rows")["num_rows_total"] == 5
    assert asked(client, "rows", revision=old)["num_rows_total"] == 13


def test_what_did_not_change_is_not_read_again(client, shapes, ada, monkeypatch):
    make.put(shapes, {"notes.md": b"words"}, by=make.as_principal(ada))
    monkeypatch.setattr(dataset_views, "_fill", None)

    make_data.looked_at(shapes)

    assert asked(client, "rows")["num_rows_total"] == 13


@pytest.mark.parametrize(
    ("path", "data", "rows"),
    [
        ("train.csv", b"name,size\nring,1\nbox,2\n", [{"name": "ring", "size": 1}, {"name": "box", "size": 2}]),
        ("train.tsv", b"name\tsize\nring\t1\n", [{"name": "ring", "size": 1}]),
        ("train.jsonl", b'{"a": {"b": [1]}}\n{"a": null}\n', [{"a": {"b": [1]}}, {"a": None}]),
        ("train.json", b'[{"a": 1}, {"a": "two"}]', [{"a": "1"}, {"a": "two"}]),
        ("empty.csv", b"name,size\n", []),
    ],
)
def test_other_formats_become_parquet(client, ada, path, data, rows):
    make_data.dataset(ada, "shapes", files={path: data})

    assert [row["row"] for row in asked(client, "rows")["rows"]] == rows
    (file,) = asked(client, "parquet")["parquet_files"]
    answer = client.get(file["url"])
    assert pq.read_table(io.BytesIO(b"".join(answer.streaming_content))).num_rows == len(rows)


def test_a_converted_table_that_was_swept_is_made_again(client, ada):
    from hub import stores

    made = make_data.dataset(ada, "shapes", files={"train.csv": b"a\n1\n"})
    split = DatasetView.objects.get(commit=made.head).splits.get()
    stores.viewer_files().delete(split.converted)

    assert client.get("/datasets-server/rows?dataset=ada/shapes").status_code == 503
    make_data.looked_at(made)
    assert asked(client, "rows")["num_rows_total"] == 1


def test_a_data_set_without_tables_says_so(client, ada):
    make_data.dataset(ada, "shapes", files={"a.bin": b"\x00"})

    answer = client.get("/datasets-server/rows?dataset=ada/shapes")

    assert answer.status_code == 422
    assert "no Parquet" in answer.json()["error"]
    assert not any(asked(client, "is-valid").values())
    assert b"no Parquet" in client.get("/datasets/ada/shapes/viewer").content


@pytest.mark.parametrize(
    ("who", "status"), [("anonymous", 401), ("stranger", 404), ("reader", 200), ("owner", 200), ("staff", 200)]
)
def test_a_private_data_set_is_for_its_own_people(client, who, status):
    admin = UserFactory()
    organisation = OrganisationFactory(name="lab", admin=admin)
    made = make_data.dataset(admin, "shapes", visibility="private")
    Repository.objects.filter(pk=made.pk).update(namespace=Namespace.objects.get(name="lab"))
    people = {
        "stranger": UserFactory,
        "reader": lambda: MembershipFactory(organisation=organisation).user,
        "owner": lambda: admin,
        "staff": StaffFactory,
    }
    if who in people:
        client.force_login(people[who]())

    for address in ADDRESSES:
        answer = client.get(address.format(name="lab/shapes"))
        assert answer.status_code == status, address
        assert status == 200 or b"shape number" not in answer.content
    asking = {"query": "SELECT 1"}
    answer = client.post("/api/datasets/lab/shapes/sql", asking, content_type="application/json")
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("who", "status"), [("anonymous", 401), ("stranger", 403), ("let in", 200), ("owner", 200), ("staff", 200)]
)
def test_a_gated_data_set_shows_rows_to_those_who_were_let_in(client, shapes, ada, who, status):
    Repository.objects.filter(pk=shapes.pk).update(gated="manual")
    person = {"owner": lambda: ada, "staff": StaffFactory}.get(who, UserFactory)()
    if who == "let in":
        AccessRequest.objects.create(repository=shapes, user=person, state="accepted")
    if who != "anonymous":
        client.force_login(person)

    for address in ADDRESSES:
        answer = client.get(address.format(name="ada/shapes"))
        assert answer.status_code == status, address
        assert status == 200 or b"shape number" not in answer.content
    asking = {"query": "SELECT 1"}
    answer = client.post("/api/datasets/ada/shapes/sql", asking, content_type="application/json")
    assert answer.status_code == status


def test_a_pointer_to_anothers_object_shows_no_rows_of_it(client, ada):
    import hashlib

    from hub.services import commits, objects
    from hub.services.commits import AddPointer

    data = make_data.shapes()
    digest = hashlib.sha256(data).hexdigest()
    secret = make.repository(ada, "secret", kind="dataset", visibility="private")
    objects.receive(secret, digest, len(data), io.BytesIO(data), by=make.as_principal(ada))
    commits.commit(
        secret, [AddPointer("train.parquet", digest, len(data))], by=make.as_principal(ada), message="Add rows"
    )
    assert make_data.looked_at(secret).splits.get().rows == 5
    client.force_login(ada)
    rows = "/datasets-server/rows?dataset=ada/secret"
    assert client.get(rows).status_code == 200
    eve = make.person("eve")
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(data)}\n".encode()
    make_data.dataset(eve, "shapes", files={"train.parquet": pointer})

    answer = client.get("/datasets-server/rows?dataset=eve/shapes")

    assert answer.status_code == 422
    assert "never uploaded" in answer.json()["error"]
    RepositoryObject.objects.filter(repository=secret).delete()
    assert client.get(rows).status_code == 422  # kept pages go with the file


def test_a_moved_data_set_is_found_by_its_old_name(client, shapes, ada):
    from hub.services import repositories

    repositories.move(shapes, ada.namespace, "forms", by=make.as_principal(ada))

    assert asked(client, "rows")["num_rows_total"] == 13
    assert client.get("/api/datasets/ada/shapes/parquet").status_code == 307


@pytest.mark.parametrize("count", [1, 3])
def test_more_splits_take_no_more_queries(client, ada, count, django_assert_max_num_queries):
    names = ["train", "validation", "test"][:count]
    make_data.dataset(ada, "shapes", files={f"{name}.csv": b"a\n1\n" for name in names})

    with django_assert_max_num_queries(8):
        assert len(asked(client, "splits")["splits"]) == count
    with django_assert_max_num_queries(8):
        assert len(asked(client, "parquet")["parquet_files"]) == count


def test_the_store_is_kept_in_bounds(client, shapes, settings):
    from hub import stores

    asked(client, "rows")
    store = stores.viewer_files()
    assert list(store.names())
    settings.VIEWER_CACHE = 0
    dataset_views.tidy()
    assert list(store.names()) == []
    assert asked(client, "rows")["rows"][0]["row"]["image"]["src"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the judge's own libraries
def test_croissant_is_valid_and_names_files_with_their_digests(client, shapes, tmp_path):
    import hashlib

    import mlcroissant

    answer = client.get("/api/datasets/ada/shapes/croissant")

    assert answer["Content-Type"] == "application/ld+json"
    found = answer.json()
    file = tmp_path / "croissant.json"
    file.write_text(json.dumps(found))
    metadata = mlcroissant.Dataset(jsonld=str(file)).metadata
    assert [one.name for one in metadata.record_sets] == ["default/train", "default/test"]
    by_name = {one["@id"]: one for one in found["distribution"]}
    assert by_name[TRAIN]["sha256"] == hashlib.sha256(make_data.shapes(10)).hexdigest()
    assert by_name[TRAIN]["contentUrl"].endswith(f"/datasets/ada/shapes/resolve/{shapes.head}/{TRAIN}")
    types = {one["name"]: one["dataType"] for one in found["recordSet"][0]["field"]}
    assert types == {
        "image": "sc:ImageObject",
        "text": "sc:Text",
        "label": "sc:Integer",
        "size": "sc:Float",
        "tags": "sc:Integer",
    }


def test_what_a_report_removed_is_not_shown(client, shapes):
    asked(client, "first-rows", config="default", split="train")
    staff = make.as_principal(StaffFactory())
    digest = TreeEntry.objects.get(path=TRAIN_2).lfs_sha256 or TreeEntry.objects.get(path=TRAIN_2).oid
    report = reports.file_report(
        shapes, kind="copyright", statement="It is mine.", by=ANONYMOUS, address="192.0.2.1", paths=[TRAIN_2]
    )
    report = reports.take_up(report, by=staff)
    reports.uphold(report, rule="Terms 3.1", reason="It is hers.", by=staff, paths=[TRAIN_2])

    assert list(blocks_of(shapes, [digest])) == [digest]
    for what in ("first-rows", "rows", "statistics"):
        query = {"dataset": "ada/shapes", "config": "default", "split": "train"}
        assert client.get(f"/datasets-server/{what}", query).status_code == 422, what
    page = client.get("/datasets/ada/shapes/viewer/default/train")
    assert f"The content of {TRAIN_2} was deleted." in page.content.decode()
    assert "rows" not in page.context
    assert all(not column.bars and not column.facts for column in page.context["columns"])
    assert asked(client, "rows", config="default", split="test")["rows"]
