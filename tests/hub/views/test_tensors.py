"""The table of tensors, on the pages of files and models."""

import json
import struct

import pytest

from hub.services import reports, weights
from tests.factories import hub as make
from tests.factories.accounts import StaffFactory
from tests.hub.gated import CLOSED_TO, OPEN_TO, scene
from tests.hub.weights import safetensors

pytestmark = pytest.mark.django_db

EVERYBODY = [*OPEN_TO, *CLOSED_TO]
LAYERS = {f"model.layers.{n}.mlp.weight": ("BF16", [2, n + 1]) for n in range(12)}


@pytest.fixture
def ada():
    return make.person("ada")


def page(client, address):
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_one_file_folded_filtered_and_added_up(client, ada):
    data = safetensors(lm_head=("F32", [1000, 2]), **LAYERS)
    make.repository(ada, "m", files={"model.safetensors": data})
    address = "/ada/m/blob/main/model.safetensors"

    top = page(client, address)
    assert "2.16 K" in top
    assert "13 tensors" not in top
    assert '<dt class="mono">BF16</dt><dd title="156">156' in top
    assert "[1000, 2]" in top
    assert "?in=model.#tensors" in top
    inside = page(client, f"{address}?in=model.")
    assert inside.index("model.layers.2.mlp.weight") < inside.index("model.layers.10.mlp.weight")
    assert "[2, 11]" in page(client, f"{address}?in=model.layers.10.")

    found = page(client, f"{address}?tensor=layers.1+bf16")
    assert "3 tensors" in found
    assert "lm_head" not in found
    assert "No tensor fits" in page(client, f"{address}?tensor=nothing")


def test_long_lists_have_pages(client, ada, monkeypatch):
    monkeypatch.setattr("hub.views.tensors.SIZE", 5)
    make.repository(ada, "m", files={"model.safetensors": safetensors(**LAYERS)})
    second = page(client, "/ada/m/blob/main/model.safetensors?tensor=mlp&p=1")
    assert "Page 2 of 3" in second
    assert "model.layers.5.mlp.weight" in second
    assert "model.layers.4.mlp.weight" not in second


def sharded(ada, *, missing=False):
    index = {"weight_map": {"a.weight": "m-1.safetensors", "b.weight": "m-2.safetensors"}}
    files = {"m.safetensors.index.json": json.dumps(index).encode(), "m-1.safetensors": safetensors(a=("F16", [3]))}
    if not missing:
        files["m-2.safetensors"] = safetensors(b=("F32", [4]))
    return make.repository(ada, "m", files=files)


def test_the_shards_of_an_index_are_listed_together(client, ada):
    repository = sharded(ada)
    html = page(client, "/ada/m/blob/main/m.safetensors.index.json")
    assert "/ada/m/blob/main/m-1.safetensors#tensors" in html
    assert 'title="7">7<' in html

    weights.record(repository)
    model = page(client, "/ada/m")
    assert "/ada/m/blob/main/m.safetensors.index.json#tensors" in model
    assert "F32, F16" in model


def test_a_missing_shard_lists_nothing(client, ada):
    sharded(ada, missing=True)
    assert "a shard is missing" in page(client, "/ada/m/blob/main/m.safetensors.index.json")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no header", "a header is broken"),
        (struct.pack("<Q", weights.SHOWN_HEADER + 1) + b"{}", "too long to be shown"),
        (struct.pack("<Q", 2) + b"[]", "a header is broken"),
        (b"", "a header is broken"),
    ],
)
def test_broken_and_boundless_headers_are_not_read(client, ada, data, words):
    make.repository(ada, "m", files={"model.safetensors": data})
    assert words in page(client, "/ada/m/blob/main/model.safetensors")


def test_what_a_report_took_away_is_not_listed(client, ada):
    data = safetensors(hush=("F32", [1]))
    repository = make.repository(ada, "m", files={"model.safetensors": data})
    assert "hush" in page(client, "/ada/m/blob/main/model.safetensors")

    staff = make.as_principal(StaffFactory())
    report = reports.file_report(repository, kind="copyright", statement="Mine.", by=staff, paths=["model.safetensors"])
    reports.take_up(report, by=staff)
    reports.uphold(report, rule="r", reason="Yes", by=staff, paths=["model.safetensors"])

    assert "hush" not in page(client, "/ada/m/blob/main/model.safetensors")


@pytest.mark.parametrize("who", EVERYBODY)
def test_a_gate_closes_the_table_too(client, who):
    found = scene()
    if user := found.people.get(who):
        client.force_login(user)
    html = page(client, "/lab/gated/blob/main/model.safetensors")
    assert ("a header is broken" in html) == (who in OPEN_TO)
