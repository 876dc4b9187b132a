"""Every reader of strange bytes and texts: it answers, or says in its own words why it cannot."""

import contextlib
import io
import pickle
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Invalid
from hub.algorithms import (
    cards,
    citations,
    data_files,
    evaluations,
    gate_forms,
    import_sources,
    patterns,
    pickles,
    provenance,
    ranges,
    rendering,
    scanning,
    secrets,
    weights,
    words,
)
from hub.git import lfs_pointer, paths
from hub.selectors import paging
from hub.storage.errors import XetError
from hub.storage.xet import shard, xorb
from tests.fuzz.strange import DEEP, TEXTS, VALUES, bytes_like, changed
from tests.hub.storage.conftest import PackedXorb, file_record, shard_of
from tests.hub.weights import gguf, safetensors

CARD = """---
license: mit
language: [en, zh]
tags: [a, b]
base_model: ada/tiny
datasets: ada/shapes
configs:
- config_name: default
  data_files: [{split: train, path: "data/*.parquet"}]
model-index:
- name: x
  results: [{task: {type: t}, dataset: {name: d, type: d}, metrics: [{type: acc, value: 0.5}]}]
extra_gated_fields:
  Name: text
  Agree: checkbox
---
# Title
[x](a.md) <script>alert(1)</script> ![y](//z) `code`
| a | b |
|---|---|
| 1 | 2 |
"""
CFF = "cff-version: 1.2.0\ntitle: X\nauthors:\n- family-names: L\n  given-names: Ada\n  orcid: https://orcid.org/0\n"
WORK = citations.Work("X", (), "2026", "/ada/tiny")


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.pkl", pickle.dumps({"a": [1, (2, b"x")]}))
        archive.writestr("../x", "y" * 2000)
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        entry = tarfile.TarInfo("a/b.pkl")
        entry.size = 4
        archive.addfile(entry, io.BytesIO(b"N.xx"))
    return file.getvalue()


XORB = PackedXorb([bytes([number]) * 9000 for number in range(3)])
SHARD = shard_of(file_record((XORB, 0, 2), (XORB, 1, 3), sha256="ab" * 32))


def scanned(name):
    return lambda data: scanning.inspect(io.BytesIO(data), name, len(data))


def of_bytes(reader):
    """A reader that asks for places in a file: it gets them from these bytes."""
    return lambda data: reader(lambda start, length: data[start : start + length])


PICKLE = pickle.dumps({"weights": [1.5, "x", b"y" * 100], "f": range}, protocol=4)
BYTES = {
    "pickle": (lambda data: pickles.read_pickles(io.BytesIO(data)), (), (PICKLE, pickle.dumps([1] * 99, 0))),
    "zip": (scanned("a.zip"), (), (zipped(),)),
    "tar": (scanned("a.tar.gz"), (), (tarred(),)),
    "bin": (scanned("a.bin"), (), (zipped(), PICKLE)),
    "npy": (scanned("a.npy"), (), (b"\x93NUMPY\x01\x00v\x00{'descr': '<f4'}",)),
    "html": (scanned("a.svg"), (), (b"<svg onload='x'><a href='javascript:'>",)),
    "safetensors": (
        of_bytes(lambda read: weights.parameters_of(weights.safetensors_header(read))),
        (weights.WeightsUnreadable,),
        (safetensors(a=("F32", [2, 3]), b=("BF16", [4])),),
    ),
    "gguf": (of_bytes(weights.gguf_facts), (weights.WeightsUnreadable,), (gguf({"a": "b", "c": 3}, {"t": [2, 3]}),)),
    "xorb": (xorb.parse, (XetError,), (XORB.body,)),
    "shard": (shard.parse, (XetError,), (SHARD,)),
    "pointer": (lfs_pointer.parse_pointer, (), (lfs_pointer.format_pointer("ab" * 32, 5),)),
    "secrets": (lambda data: secrets.find("a.txt", data), (), (b"hf_" + b"a" * 34, b"AKIA" + b"A" * 16)),
    "credits": (lambda data: provenance.parse(data.decode("utf-8", "replace")), (), (b'{"credits": [{"user": "a"}]}',)),
}  # fmt: skip
OF_TEXT = {
    "card": (lambda text: cards.tags_of(cards.parse(text), "model"), (), CARD),
    "faults of a card": (lambda text: cards.faults(text, "dataset"), (), CARD),
    "rendering": (lambda text: rendering.render_card(text, base="/a/", files="/b/"), (), CARD),
    "citation": (lambda text: citations.of_cff(text, WORK), (), CFF),
    "results": (lambda text: evaluations.read_file(text, "x.yaml"), (), "- dataset: {id: a}\n  value: 3\n"),
    "questions": (gate_forms.read_questions, (gate_forms.FormInvalid,), "A: text\nB: {type: select, options: [a]}"),
    "attributes": (lambda text: patterns.is_lfs("a/b.bin", patterns.lfs_rules(text)), (), "*.b filter=lfs\n[a]**/x"),
    "ignored": (lambda text: patterns.is_ignored("a/b.bin", patterns.ignore_rules(text)), (), "*.log\n!a/**/b\n[!a]"),
    "range": (lambda text: ranges.parse_range(text, 1000), (ranges.RangeNotSatisfiable,), "bytes=0-99,200-"),
    "cursor": (paging.decode, (Invalid,), paging.encode([1, 2])),
    "words": (words.split, (), "stable-diffusion 模型 v1.5"),
    "path": (paths.path_fault, (), "a/b c/d.txt"),
    "source": (
        lambda text: import_sources.parse_source(text, endpoint="https://hub.example", kind="model"), (),
        "https://hub.example/datasets/a/b/tree/main",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BYTES)
def test_readers_of_bytes(name):
    reader, refusals, samples = BYTES[name]

    @given(bytes_like(*samples))
    def read(data):
        with contextlib.suppress(refusals):
            reader(data)

    read()


@pytest.mark.parametrize("name", OF_TEXT)
def test_readers_of_texts(name):
    reader, refusals, sample = OF_TEXT[name]
    texts = bytes_like(sample.encode()).map(lambda data: data.decode("utf-8", "replace"))

    @given(st.one_of(texts, TEXTS, DEEP.map(lambda data: data.decode()[:20_000])))
    def read(text):
        with contextlib.suppress(refusals):
            reader(text)

    read()


METADATA = cards.read_block(cards.split(CARD)[0])


@given(changed(METADATA) | st.dictionaries(TEXTS, VALUES))
def test_metadata_of_any_shape(metadata):
    """YAML gives numbers, dates and lists where texts were meant."""
    if isinstance(metadata, dict):
        facts = cards.facts_of(metadata)
        cards.tags_of(facts, "dataset")
        evaluations.results_of(metadata, [])
        data_files.splits_of(metadata, ["data/a.parquet", "train.csv"])
        with contextlib.suppress(gate_forms.FormInvalid):
            gate_forms.of_card(metadata)
