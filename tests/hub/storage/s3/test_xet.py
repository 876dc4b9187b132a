"""The Xet store on a real S3 server: what it promises on files it promises here."""

import gc
import io
import os
import time
import tracemalloc

import pytest

from hub.storage.errors import XetError, XetMissing
from hub.storage.xet.cas import XetStore
from hub.storage.xet.ingest import ingest
from hub.storage.xet.reconstruction import reconstruct
from tests.hub.storage.conftest import PackedXorb

CHUNKS = [os.urandom(20_000), bytes(range(256)) * 50, os.urandom(9000)]


def test_a_xorb_is_verified_and_stored_once(store):
    packed = PackedXorb(CHUNKS)

    first, second = packed.put(store), packed.put(store)

    assert (first.inserted, second.inserted) == (True, False)
    assert store.has_xorb(packed.name)
    assert len(store.index(packed.name)) == 3
    with pytest.raises(XetError):
        store.put_xorb("0" * 64, io.BytesIO(packed.body))
    with pytest.raises(XetMissing):
        store.index("0" * 64)
    assert [found.name for found in store.xorbs.names()] == [packed.name]


def test_an_index_that_a_crash_lost_is_made_anew(store):
    packed = PackedXorb(CHUNKS)
    packed.put(store)
    store.indexes.delete(packed.name)
    assert not store.has_xorb(packed.name)

    assert not packed.put(store).inserted

    assert len(store.index(packed.name)) == 3


def test_files_are_rebuilt_in_any_range(store, tmp_path, bucket):
    data = os.urandom(700_000)
    file = ingest(store, io.BytesIO(data))
    again = XetStore(tmp_path / "again", store.xorbs, indexes=store.indexes, recipes=store.recipes.records)

    assert b"".join(again.read_file(file.hash)) == data
    assert b"".join(again.read_file(file.hash, 123_456, 300_000)) == data[123_456:423_456]
    assert list(again.recipes) == [file]
    assert reconstruct(again, file).terms == file.terms
    (fetch,) = reconstruct(again, file).fetches
    assert again.xorbs.url(fetch.xorb, 60).startswith(bucket.place.endpoint)


def test_reading_a_large_file_takes_little_memory(store):
    file = ingest(store, io.BytesIO(os.urandom(24 * 2**20)))
    gc.collect()
    tracemalloc.start()

    length = sum(len(block) for block in store.read_file(file.hash))

    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert length == 24 * 2**20
    assert peak < 12 * 2**20


def test_idle_xorbs_go_to_the_trash_and_come_back(store, bucket, tmp_path):
    idle = PackedXorb([b"idle" * 5000])
    idle.put(store)
    file = ingest(store, io.BytesIO(os.urandom(100_000)))
    trash = tmp_path / "trash/7/xorb"
    later = time.time() + 60

    (found,) = store.idle_xorbs(idle_since=later)
    assert found.name == idle.name
    assert store.discard_xorb(found, trash)
    assert not store.has_xorb(idle.name)
    assert {item.key for item in bucket.items("trash/")} == {
        f"trash/7/xorb/{idle.name}",
        f"trash/7/xorb/indexes/{idle.name}",
    }
    assert b"".join(store.read_file(file.hash))

    assert store.put_back_xorb(idle.name, trash)
    assert store.has_xorb(idle.name)
    assert not store.put_back_xorb(idle.name, trash)
    assert list(bucket.items("trash/")) == []


def test_a_recipe_goes_to_the_trash_and_comes_back(store, tmp_path):
    file = ingest(store, io.BytesIO(os.urandom(100_000)))
    trash = tmp_path / "trash/7/recipe"
    now = time.time()

    assert not store.discard_file(file.hash, trash, idle_since=now - 3600)
    assert [found.name for found in store.recipes.idle(now + 60)] == [file.hash]
    assert store.discard_file(file.hash, trash, idle_since=now + 60)
    assert list(store.recipes) == []

    assert store.put_back_file(file.hash, trash)
    assert list(store.recipes) == [file]


def test_a_xorb_that_a_shard_took_up_stays(store, tmp_path):
    idle = PackedXorb([b"idle" * 5000])
    idle.put(store)
    (found,) = store.idle_xorbs(idle_since=time.time() + 60)
    while int(time.time()) <= found.stored_at + 1:
        time.sleep(0.1)

    store.xorbs.touch(idle.name)

    assert not store.discard_xorb(found, tmp_path / "trash/7/xorb")
    assert store.has_xorb(idle.name)
