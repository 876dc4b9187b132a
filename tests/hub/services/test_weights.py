"""What weights say about themselves, read after the commit."""

import hashlib
import io
import json

import pytest

from common.errors import Invalid
from common.services import outbox
from hub import stores
from hub.errors import EntryNotFound
from hub.models import Repository
from hub.selectors import revision_of
from hub.services import objects, weights
from hub.services.commits import AddPointer, commit
from hub.storage.xet.ingest import ingest
from tests.factories import hub as make
from tests.hub.weights import gguf, safetensors

pytestmark = pytest.mark.django_db


def index(*shards):
    return json.dumps({"metadata": {"total_size": 1}, "weight_map": {str(n): s for n, s in enumerate(shards)}}).encode()


def recorded(files, **more):
    repository = make.repository(files=files, **more)
    weights.record(Repository.objects.get(pk=repository.pk))
    repository.refresh_from_db()
    return repository


def test_one_file():
    repository = recorded({"model.safetensors": safetensors(a=("F32", [2, 3]), b=("BF16", [4]))})
    assert repository.weights == {"safetensors": {"parameters": {"F32": 6, "BF16": 4}, "total": 10}}
    assert repository.parameters == 10


def test_the_shards_of_an_index_count_once():
    repository = recorded(
        {
            "model.safetensors.index.json": index("model-1.safetensors", "model-2.safetensors"),
            "model-1.safetensors": safetensors(a=("F16", [5])),
            "model-2.safetensors": safetensors(b=("F16", [7])),
            "other.safetensors": safetensors(c=("F16", [100])),
        }
    )
    assert repository.parameters == 12


def test_the_parts_of_a_pipeline_are_added_and_variants_left_out():
    repository = recorded(
        {
            "unet/diffusion_pytorch_model.safetensors": safetensors(a=("F32", [5])),
            "unet/diffusion_pytorch_model.fp16.safetensors": safetensors(a=("F16", [5])),
            "vae/diffusion_pytorch_model.safetensors": safetensors(b=("F32", [2])),
        }
    )
    assert repository.parameters == 7


def test_gguf():
    data = gguf({"general.architecture": "llama", "llama.context_length": 512}, {"a": [3]})
    repository = recorded({"small.gguf": data})
    assert repository.weights == {"gguf": {"total": 3, "architecture": "llama", "context_length": 512}}
    assert repository.parameters == 3


@pytest.mark.parametrize("door", ["plain", "xet"])
def test_large_objects_are_read_where_they_lie(door):
    """Longer than a block of either store, so that only the beginning is asked for."""
    data = safetensors(a=("F32", [500, 500]))
    digest = hashlib.sha256(data).hexdigest()
    ada = make.person("ada")
    by = make.as_principal(ada)
    repository = make.repository(ada)
    if door == "plain":
        objects.receive(repository, digest, len(data), io.BytesIO(data), by=by)
    else:
        objects.hold_xet(repository, [ingest(stores.xet_store(), io.BytesIO(data))], by=by)
    commit(repository, [AddPointer("model.safetensors", digest, len(data))], by=by, message="Add weights")

    weights.record(Repository.objects.get(pk=repository.pk))

    repository.refresh_from_db()
    assert repository.weights == {"safetensors": {"parameters": {"F32": 250_000}, "total": 250_000}}


@pytest.mark.parametrize(
    "files",
    [
        {"model.safetensors": b"nonsense"},
        {"model.safetensors.index.json": b"{"},
        {"model.safetensors.index.json": b"[" * 10_000},
        {"model.safetensors.index.json": index("../../etc/passwd", "missing.safetensors")},
        {"model.safetensors.index.json": index(*(f"{n}.safetensors" for n in range(1001)))},
        {"model.gguf": b"GGUF"},
        {"model.safetensors": b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n"},
    ],
)
def test_what_cannot_be_read_says_nothing(files):
    repository = recorded(files)
    assert (repository.weights, repository.parameters) == ({}, None)


def test_weights_that_go_are_forgotten_and_data_sets_have_none():
    ada = make.person("ada")
    repository = make.repository(ada, files={"model.safetensors": safetensors(a=("F32", [2]))})
    outbox.relay()
    repository.refresh_from_db()
    assert repository.parameters == 2

    make.put(repository, {"model.safetensors": b"no more"}, by=make.as_principal(ada))
    outbox.relay()
    repository.refresh_from_db()
    assert (repository.weights, repository.parameters) == ({}, None)
    assert recorded({"model.safetensors": safetensors(a=("F32", [2]))}, kind="dataset").parameters is None


def test_headers_of_all_shards_or_a_reason():
    repository = make.repository(
        files={
            "model.safetensors.index.json": index("one.safetensors"),
            "one.safetensors": safetensors(a=("F16", [5])),
            "lost.safetensors.index.json": index("two.safetensors"),
            "broken.safetensors.index.json": index("broken.safetensors"),
            "broken.safetensors": b"broken",
        }
    )
    revision = revision_of(repository, "main")

    answer = weights.sharded_headers(revision, "model.safetensors.index.json")
    assert answer["index"] == {"metadata": {"total_size": 1}}
    assert answer["headers"]["one.safetensors"]["a"]["shape"] == [5]
    for path in ("nothing.safetensors.index.json", "one.safetensors", "lost.safetensors.index.json"):
        with pytest.raises(EntryNotFound):
            weights.sharded_headers(revision, path)
    with pytest.raises(Invalid):
        weights.sharded_headers(revision, "broken.safetensors.index.json")
