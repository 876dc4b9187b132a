"""The Xet store by itself: what it takes, what it refuses, what it gives back."""

import hashlib
import io
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from hub.storage.errors import DigestMismatch, RangeBeyondEnd, TooLarge, XetError, XetMissing
from hub.storage.xet import cas, hashing, shard, xorb
from hub.storage.xet.cas import XetStore
from hub.storage.xet.ingest import ingest
from hub.storage.xet.reconstruction import reconstruct
from hub.storage.xet.shard import FileRecord, Term

from .conftest import PackedXorb, file_record, shard_of

RANDOM = random.Random(11)
ONE = PackedXorb([RANDOM.randbytes(RANDOM.randint(8192, 20_000)) for _ in range(12)])
TWO = PackedXorb([bytes([number]) * 9000 for number in range(5)])


def plain(*parts):
    return b"".join(chunk for packed, start, end in parts for chunk in packed.chunks[start:end])


PARTS = ((ONE, 2, 7), (TWO, 1, 3), (ONE, 0, 3), (TWO, 4, 5))
WHOLE = plain(*PARTS)


@pytest.fixture
def file(store):
    ONE.put(store)
    TWO.put(store)
    return store.accept_shard(shard_of(file_record(*PARTS, sha256=hashlib.sha256(WHOLE).hexdigest())))[0]


def test_xorb_is_stored_once(store):
    first = ONE.put(store)
    again = ONE.put(store)
    assert (first.inserted, again.inserted) == (True, False)
    assert first.plain_size == sum(map(len, ONE.chunks))
    assert first.chunks == 12
    assert store.has_xorb(ONE.name)
    assert not store.has_xorb(TWO.name)


def test_xorb_under_another_name_is_refused(store):
    with pytest.raises(XetError):
        store.put_xorb(TWO.name, io.BytesIO(ONE.body))
    with pytest.raises(XetError):
        store.put_xorb(ONE.name, io.BytesIO(b""))
    with pytest.raises(XetError):
        store.put_xorb("../" * 21 + "x", io.BytesIO(ONE.body))
    with pytest.raises(TooLarge):
        store.put_xorb(ONE.name, io.BytesIO(bytes(xorb.MAX_UPLOAD + 1)))
    assert list(store.xorbs.names()) == []


def test_footer_is_not_stored(store):
    store.put_xorb(ONE.name, io.BytesIO(ONE.body + b"XETBLOB" + bytes(500)))
    assert store.xorbs.size(ONE.name) == len(ONE.body)


def test_index_is_rebuilt_for_a_xorb_whose_writer_died(store):
    packed_otherwise = PackedXorb(ONE.chunks, xorb.PLAIN)
    assert packed_otherwise.name == ONE.name
    repeated = PackedXorb([bytes(9000), bytes(10_000)], xorb.PLAIN)
    smaller = PackedXorb([bytes(9000), bytes(10_000)], xorb.LZ4)
    repeated.put(store)
    store.indexes.delete(repeated.name)
    assert not store.has_xorb(repeated.name)
    smaller.put(store)
    file = store.accept_shard(shard_of(file_record((smaller, 0, 2))))[0]
    assert b"".join(store.read_file(file.hash)) == bytes(19_000)


def test_file_is_accepted_and_read_back(store, file):
    assert file.sha256 == hashlib.sha256(WHOLE).hexdigest()
    assert file.size == len(WHOLE)
    assert file.xorbs == {ONE.name, TWO.name}
    assert b"".join(store.read_file(file.hash)) == WHOLE
    again = XetStore(store.recipes.records.root.parent)
    assert again.file(file.hash) == file
    assert list(again.recipes) == [file]


@pytest.mark.parametrize("seed", range(30))
def test_any_range_is_read_and_reconstructed(store, file, seed):
    dice = random.Random(seed)
    first = dice.randrange(len(WHOLE))
    last = dice.randrange(first, len(WHOLE))
    assert b"".join(store.read_file(file.hash, first, last + 1 - first)) == WHOLE[first : last + 1]
    plan = reconstruct(store, file, first, last)
    got = b""
    for term in plan.terms:
        name = hashing.to_hex(term.xorb)
        fetch = next(f for f in plan.fetches if f.xorb == name and f.start <= term.start and term.end <= f.end)
        with store.xorbs.open(name) as source:
            source.seek(fetch.first)
            data = source.read(fetch.last + 1 - fetch.first)
        run = store.index(name).run(fetch.start, fetch.end)
        chunks = list(xorb.unpack_run(memoryview(data), run))
        piece = b"".join(chunks[term.start - fetch.start : term.end - fetch.start])
        assert len(piece) == term.length
        got += piece
    assert got[plan.offset : plan.offset + last + 1 - first] == WHOLE[first : last + 1]


def test_ranges_at_the_edges(store, file):
    assert b"".join(store.read_file(file.hash, len(WHOLE) - 1)) == WHOLE[-1:]
    assert b"".join(store.read_file(file.hash, 5, 0)) == b""
    assert b"".join(store.read_file(file.hash, 5, 10**9)) == WHOLE[5:]
    for offset in (len(WHOLE), len(WHOLE) + 1):
        with pytest.raises(RangeBeyondEnd):
            store.read_file(file.hash, offset)
        with pytest.raises(RangeBeyondEnd):
            reconstruct(store, file, offset)
    with pytest.raises(ValueError):
        store.read_file(file.hash, -1)
    with pytest.raises(XetMissing):
        store.read_file("0" * 63 + "1")


def test_both_forms_of_a_reconstruction(store, file):
    plan = reconstruct(store, file, 0, 0)
    run = store.index(ONE.name).run(2, 3)[0]
    terms = [{"hash": ONE.name, "unpacked_length": len(ONE.chunks[2]), "range": {"start": 2, "end": 3}}]
    span = {"start": run.packed_start, "end": run.packed_end - 1}
    assert plan.version_1(lambda fetch: f"/{fetch.first}") == {
        "offset_into_first_range": 0,
        "terms": terms,
        "fetch_info": {ONE.name: [{"range": {"start": 2, "end": 3}, "url": f"/{run.packed_start}", "url_range": span}]},
    }
    assert plan.version_2(lambda fetch: f"/{fetch.last}") == {
        "offset_into_first_range": 0,
        "terms": terms,
        "xorbs": {
            ONE.name: [{"url": f"/{run.packed_end - 1}", "ranges": [{"chunks": {"start": 2, "end": 3}, "bytes": span}]}]
        },
    }


def test_overlapping_terms_are_fetched_once(store, file):
    plan = reconstruct(store, file)
    assert sorted((fetch.xorb, fetch.start, fetch.end) for fetch in plan.fetches) == sorted(
        [(ONE.name, 0, 7), (TWO.name, 1, 3), (TWO.name, 4, 5)]
    )


def test_empty_file(store):
    assert store.accept_shard(shard_of(FileRecord(bytes(32), (), (), None)))[0].size == 0
    assert list(store.read_file("0" * 64)) == []
    assert reconstruct(store, store.file("0" * 64)).terms == ()


def honest(**changes):
    record = file_record((ONE, 2, 7), (TWO, 1, 3))
    fields = {"hash": record.hash, "terms": record.terms, "proofs": record.proofs, "sha256": None}
    return FileRecord(**(fields | changes))


LIES = {
    "no proofs": honest(proofs=()),
    "wrong proof": honest(proofs=(ONE.proof(2, 7), bytes(32))),
    "proof of fewer chunks": honest(proofs=(ONE.proof(2, 6), TWO.proof(1, 3))),
    "wrong id": honest(hash=b"\1" * 32),
    "wrong sha256": honest(sha256="00" * 32),
    "wrong length": honest(terms=(Term(ONE.raw, 2, 7, 1), TWO.term(1, 3))),
    "chunks that are not there": honest(terms=(Term(ONE.raw, 2, 13, 1), TWO.term(1, 3))),
    "terms swapped": honest(terms=(TWO.term(1, 3), ONE.term(2, 7)), proofs=(TWO.proof(1, 3), ONE.proof(2, 7))),
    "unknown xorb": honest(terms=(Term(b"\1" * 32, 0, 1, 1), TWO.term(1, 3))),
}


@pytest.mark.parametrize("lie", LIES)
def test_lies_are_refused_and_nothing_is_kept(store, lie):
    ONE.put(store)
    TWO.put(store)
    good = file_record((ONE, 0, 1))
    with pytest.raises(XetError):
        store.accept_shard(shard_of(good, LIES[lie]))
    assert list(store.recipes) == []
    store.accept_shard(shard_of(good, honest()))
    assert len(list(store.recipes)) == 2


def test_knowing_the_name_of_a_xorb_is_not_enough(store):
    """A stranger learns a xorb's hash and the length of its chunks, but has not seen a byte of it."""
    ONE.put(store)
    guess = hashing.range_hash([ONE.raw])
    stolen = FileRecord(b"\1" * 32, (ONE.term(0, 12),), (guess,), None)
    with pytest.raises(XetError, match="proof"):
        store.accept_shard(shard_of(stolen))


def test_shard_that_describes_a_xorb_wrongly_is_refused(store):
    ONE.put(store)
    rows = [(chunk.hash, chunk.plain_start, chunk.length) for chunk in store.index(ONE.name).run(0, 12)]
    store.accept_shard(shard.write([], [shard.XorbRecord(ONE.raw, tuple(rows))]))
    for wrong in (rows[:-1], rows[1:], [*rows[:-1], (bytes(32), *rows[-1][1:])]):
        with pytest.raises(XetError):
            store.accept_shard(shard.write([], [shard.XorbRecord(ONE.raw, tuple(wrong))]))
    with pytest.raises(XetMissing):
        store.accept_shard(shard.write([], [shard.XorbRecord(TWO.raw, tuple(rows))]))


def test_known_file_still_needs_its_proof_and_its_sha256(store, file):
    assert store.accept_shard(shard_of(file_record(*PARTS))) == [file]
    with pytest.raises(XetError, match="sha256"):
        store.accept_shard(shard_of(file_record(*PARTS, sha256="00" * 32)))
    with pytest.raises(XetError, match="proofs"):
        store.accept_shard(shard_of(FileRecord(hashing.from_hex(file.hash), file.terms, (), None)))


def test_progress_is_told_while_a_shard_is_verified(store):
    ONE.put(store)
    steps = list(store.accepting_shard(shard_of(file_record((ONE, 0, 12)))))
    total = sum(map(len, ONE.chunks))
    assert steps[-1] == (total, total)
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)


@pytest.mark.parametrize("offset", [0, 1, 4, 5, 8, 5000])
def test_damage_on_disk_is_noticed(store, file, offset):
    path = store.xorbs.path(ONE.name)
    path.chmod(0o600)
    body = bytearray(path.read_bytes())
    body[store.index(ONE.name).run(2, 3)[0].packed_start + offset] ^= 1
    path.write_bytes(body)
    with pytest.raises(XetError):
        b"".join(store.read_file(file.hash))


def discard_idle(store, trash):
    """The names of the xorbs that a sweep takes."""
    idle = store.idle_xorbs(idle_since=time.time() - 60)
    return {one.name for one in idle if store.discard_xorb(one, trash)}


def test_sweep_takes_only_what_is_old_and_needed_by_nobody(store, file, tmp_path):
    idle = PackedXorb([b"idle" * 3000])
    fresh = PackedXorb([b"fresh" * 3000])
    trash = tmp_path / "trash"
    for packed in (idle, fresh):
        packed.put(store)
    for packed in (idle, ONE, TWO):
        os.utime(store.xorbs.path(packed.name), (1000, 1000))
    assert discard_idle(store, trash) == {idle.name}
    assert not store.has_xorb(idle.name)
    assert store.has_xorb(fresh.name)
    assert b"".join(store.read_file(file.hash)) == WHOLE

    assert store.put_back_xorb(idle.name, trash)
    assert not store.put_back_xorb(idle.name, trash)
    assert store.has_xorb(idle.name)
    assert store.index(idle.name).packed_size == len(idle.body)

    assert store.delete_file(file.hash)
    assert not store.delete_file(file.hash)
    assert discard_idle(store, trash) == {ONE.name, TWO.name, idle.name}


def test_recipes_are_discarded_unless_they_were_announced_since(store, file, tmp_path):
    trash = tmp_path / "trash"
    place = store.recipes.records.root / file.hash[:2] / file.hash[2:4] / file.hash
    assert list(store.recipes.idle(time.time() - 60)) == []
    os.utime(place, (1000, 1000))
    assert [one.name for one in store.recipes.idle(time.time() - 60)] == [file.hash]
    store.keep([file])
    assert not store.discard_file(file.hash, trash, idle_since=time.time() - 60)

    os.utime(place, (1000, 1000))
    assert store.discard_file(file.hash, trash, idle_since=time.time() - 60)
    assert store.recipes.get(file.hash) is None
    assert store.put_back_file(file.hash, trash)
    assert b"".join(store.read_file(file.hash)) == WHOLE


def test_a_xorb_that_is_uploaded_while_it_is_swept_stays_whole(store, tmp_path):
    """Many times, with real threads: whichever comes first, in the end the xorb is there with its index."""
    packed = PackedXorb([b"raced" * 3000])
    packed.put(store)
    for number in range(30):
        os.utime(store.xorbs.path(packed.name), (1000, 1000))
        idle = store.idle_xorbs(idle_since=time.time() - 60)
        with ThreadPoolExecutor(2) as pool:
            swept = pool.submit(lambda: [store.discard_xorb(one, tmp_path / f"trash{number}") for one in idle])  # noqa: B023
            pool.submit(packed.put, store).result()
            swept.result()
        assert store.has_xorb(packed.name)
        assert store.index(packed.name).packed_size == len(packed.body)


def test_swept_xorb_may_come_back_packed_otherwise(store, tmp_path):
    first = PackedXorb([bytes(9000), bytes(10_000)], xorb.PLAIN)
    second = PackedXorb([bytes(9000), bytes(10_000)], xorb.LZ4)
    first.put(store)
    assert store.index(first.name).packed_size == len(first.body)
    os.utime(store.xorbs.path(first.name), (1000, 1000))
    discard_idle(store, tmp_path / "trash")
    with pytest.raises(XetMissing):
        store.index(first.name)
    second.put(store)
    assert store.index(first.name).packed_size == len(second.body)


def test_shard_makes_its_xorbs_fresh(store):
    ONE.put(store)
    os.utime(store.xorbs.path(ONE.name), (1000, 1000))
    file = store.accept_shard(shard_of(file_record((ONE, 0, 1))))[0]
    store.delete_file(file.hash)
    assert store.idle_xorbs(idle_since=time.time() - 60) == []


def test_files_of_other_doors_get_a_xet_form(store):
    data = random.Random(3).randbytes(40_000_000)
    sha256 = hashlib.sha256(data).hexdigest()
    file = ingest(store, io.BytesIO(data), sha256=sha256)
    assert (file.sha256, file.size) == (sha256, len(data))
    assert b"".join(store.read_file(file.hash)) == data
    assert ingest(store, io.BytesIO(data)) == file
    assert ingest(store, io.BytesIO(b"")).hash == "0" * 64
    with pytest.raises(DigestMismatch):
        ingest(store, io.BytesIO(b"other"), sha256=sha256)


def test_dedup_chunks_hold_the_first_and_the_eligible(store, file):
    found = store.dedup_chunks(file)
    assert found[hashing.to_hex(ONE.hashes[2])] == ONE.name
    eligible = {
        hashing.to_hex(raw)
        for packed, start, end in PARTS
        for raw in packed.hashes[start:end]
        if int.from_bytes(raw[24:], "little") % 1024 == 0
    }
    assert set(found) == eligible | {hashing.to_hex(ONE.hashes[2])}
    answer = store.dedup_answer([ONE.name], key=b"k" * 32, expires=2_000_000_000)
    assert len(shard.parse(answer).xorbs[0].chunks) == 12


def test_few_terms_cannot_announce_an_endless_file(store, monkeypatch):
    monkeypatch.setattr(cas, "MAX_FILE", 100_000)
    TWO.put(store)
    with pytest.raises(XetError, match="larger than"):
        store.accept_shard(shard_of(file_record(*[(TWO, 0, 5)] * 3)))
    with pytest.raises(XetError, match="several shards"):
        store.accept_shard(shard_of(file_record((TWO, 0, 5), (TWO, 0, 1)), file_record((TWO, 0, 5), (TWO, 1, 2))))
