"""Hashes, xorbs, shards, chunks: the formats by themselves."""

import io
import os
import random
import struct
from contextlib import suppress

import hf_xet
import lz4.frame
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.storage.errors import XetError
from hub.storage.xet import chunking, hashing, shard, xorb

from .conftest import PackedXorb, file_record, shard_of

RANDOM = random.Random(7)
CHUNKS = [RANDOM.randbytes(9000), bytes(20_000), b"text " * 3000, struct.pack("<2000f", *map(float, range(2000))), b"x"]


def batch_tree_hash(chunks):
    """The tree as the specification draws it: level by level over whole lists."""
    level = list(chunks)
    while len(level) > 1:
        above, start = [], 0
        while start < len(level):
            end = min(start + 9, len(level))
            for position in range(start + 2, end):
                if struct.unpack("<Q", level[position][0][24:])[0] % 4 == 0:
                    end = position + 1
                    break
            group = level[start:end]
            text = "".join(f"{hashing.to_hex(raw)} : {size}\n" for raw, size in group)
            above.append((hashing.blake3(text.encode(), key=hashing.NODE_KEY).digest(), sum(s for _, s in group)))
            start = end
        level = above
    return level[0][0]


@given(st.lists(st.tuples(st.binary(min_size=32, max_size=32), st.integers(1, 131072)), min_size=1, max_size=200))
def test_streamed_tree_is_the_tree_of_whole_lists(chunks):
    tree = hashing.TreeHasher()
    for raw, size in chunks:
        tree.add(raw, size)
    assert tree.tree_hash() == batch_tree_hash(chunks)


def test_no_chunks_have_a_hash_of_zeros():
    assert hashing.TreeHasher().tree_hash() == bytes(32)
    assert hashing.TreeHasher().file_hash() == bytes(32)


@given(st.binary(min_size=32, max_size=32))
def test_hash_goes_to_hex_and_back(raw):
    assert hashing.from_hex(hashing.to_hex(raw)) == raw


def test_hex_is_four_little_endian_words():
    assert hashing.to_hex(bytes(range(32))) == "07060504030201000f0e0d0c0b0a090817161514131211101f1e1d1c1b1a1918"


@pytest.mark.parametrize("text", ["", "0" * 63, "0" * 65, "G" * 64, "A" * 64, "../" * 21 + "x"])
def test_anything_else_is_no_hash(text):
    with pytest.raises(XetError):
        hashing.from_hex(text)


@pytest.mark.parametrize("scheme", [xorb.PLAIN, xorb.LZ4, xorb.GROUPED_LZ4])
def test_xorb_is_read_whatever_its_packing(scheme):
    packed = PackedXorb(CHUNKS, scheme)
    index = xorb.parse(packed.body)
    assert index.hash() == packed.raw
    assert index.packed_size == len(packed.body)
    assert index.plain_size == sum(map(len, CHUNKS))
    run = index.run(1, 4)
    data = memoryview(packed.body)[run[0].packed_start : run[-1].packed_end]
    assert list(xorb.unpack_run(data, run)) == CHUNKS[1:4]
    assert xorb.XorbIndex(index.data).hash() == packed.raw


def test_footer_of_older_clients_is_left_out():
    packed = PackedXorb(CHUNKS)
    index = xorb.parse(packed.body + b"XETBLOB" + bytes(100))
    assert index.packed_size == len(packed.body)


@pytest.mark.parametrize(("start", "end"), [(0, 0), (3, 2), (-1, 2), (0, 6), (5, 6)])
def test_runs_outside_a_xorb_are_refused(start, end):
    index = xorb.parse(PackedXorb(CHUNKS).body)
    with pytest.raises(XetError):
        index.run(start, end)


def chunk(body, scheme, plain, version=0):
    return bytes([version]) + len(body).to_bytes(3, "little") + bytes([scheme]) + plain.to_bytes(3, "little") + body


BOMB = lz4.frame.compress(bytes(50_000_000))
BAD_XORBS = {
    "empty": b"",
    "only a footer": b"XETBLOB",
    "version": chunk(b"x", 0, 1, version=1),
    "scheme": chunk(b"x", 3, 1),
    "length of a plain chunk": chunk(b"xy", 0, 1),
    "no plain bytes": chunk(b"", 0, 0),
    "too long a chunk": chunk(bytes(131073), 0, 131073),
    "not LZ4": chunk(b"rubbish that is not a frame", 1, 100),
    "a bomb": chunk(BOMB[:200_000], 1, 131072),
    "longer than it says": chunk(lz4.frame.compress(b"abcd"), 1, 3),
    "shorter than it says": chunk(lz4.frame.compress(b"abcd"), 1, 5),
    "something after the frame": chunk(lz4.frame.compress(b"abcd") + b"x", 1, 4),
    "cut frame": chunk(lz4.frame.compress(b"abcd" * 100)[:-8], 1, 400),
    "cut header": chunk(b"x", 0, 1) + b"\0\0",
    "cut body": chunk(b"x", 0, 1) + chunk(b"xyz", 0, 3)[:-1],
    "too many chunks": chunk(b"x", 0, 1) * 8193,
    "too many bytes": chunk(lz4.frame.compress(bytes(131072)), 1, 131072) * 513,
}


@pytest.mark.parametrize("name", BAD_XORBS)
def test_bad_xorb_is_refused(name):
    with pytest.raises(XetError):
        xorb.parse(BAD_XORBS[name])


def test_largest_xorb_is_accepted():
    body = chunk(lz4.frame.compress(bytes(131072)), 1, 131072) * 512
    assert xorb.parse(body).plain_size == xorb.MAX_XORB_SIZE
    assert len(xorb.parse(chunk(b"x", 0, 1) * 8192)) == 8192


PACKED = PackedXorb(CHUNKS)


@settings(deadline=None)
@given(cut=st.integers(0, len(PACKED.body) - 1))
def test_truncated_xorb_is_refused_or_is_another(cut):
    with suppress(XetError):
        assert xorb.parse(PACKED.body[:cut]).hash() != PACKED.raw


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.integers(0, len(PACKED.body) - 1), st.integers(0, 255)), min_size=1, max_size=5))
def test_mutated_xorb_is_refused_or_is_what_it_says(changes):
    body = bytearray(PACKED.body)
    for position, value in changes:
        body[position] = value
    try:
        index = xorb.parse(body)
    except XetError:
        return
    if index.hash() == PACKED.raw:
        run = index.run(0, len(index))
        assert list(xorb.unpack_run(memoryview(body), run)) == CHUNKS


@given(st.binary(max_size=500))
def test_rubbish_is_no_xorb_no_index_no_shard(data):
    for read in (xorb.XorbIndex, shard.parse):
        with pytest.raises(XetError):
            read(data)
    with suppress(XetError):
        xorb.parse(data)


SHARD = shard.write(
    [
        file_record((PACKED, 0, 3), (PACKED, 4, 5), sha256="12" * 32),
        file_record((PACKED, 1, 2)),
        shard.FileRecord(bytes(32), (), (), None),
    ],
    [shard.XorbRecord(PACKED.raw, tuple((raw, 0, 1) for raw in PACKED.hashes))],
)


def test_shard_is_read_as_written():
    message = shard.parse(SHARD)
    assert shard.write(message.files, message.xorbs) == SHARD
    assert message.files[0].sha256 == "12" * 32
    assert message.files[0].terms == (PACKED.term(0, 3), PACKED.term(4, 5))
    assert message.files[1].sha256 is None
    assert [len(record.chunks) for record in message.xorbs] == [5]
    assert shard.parse(SHARD + bytes(200)) == message


@pytest.mark.parametrize("cut", range(0, len(SHARD), 16))
def test_truncated_shard_is_refused(cut):
    with pytest.raises(XetError):
        shard.parse(SHARD[:cut])


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(st.integers(0, len(SHARD) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_mutated_shard_never_does_more_than_fail(changes):
    body = bytearray(SHARD)
    for position, value in changes:
        body[position] = value
    with suppress(XetError):
        shard.parse(body)


def test_counts_that_would_fill_the_memory_are_refused():
    for offset in (48 + 36, SHARD.rfind(PACKED.raw) + 36):
        body = bytearray(SHARD)
        body[offset : offset + 4] = b"\xff\xff\xff\x7f"
        with pytest.raises(XetError):
            shard.parse(body)


SAMPLES = {
    "random": random.Random(3).randbytes(3_000_000),
    "zeros": bytes(1_000_000),
    "text": b"".join(b"line %d of many\n" % number for number in range(60_000)),
    "one byte": b"x",
    "shortest chunk": random.Random(4).randbytes(8192),
    "below a block": random.Random(5).randbytes((1 << 20) - 1),
    "a block": random.Random(6).randbytes(1 << 20),
}


class Dribble(io.BytesIO):
    """Gives few bytes at a time, as a network does."""

    def read(self, size=-1, /):
        return super().read(min(size, 77_777))


@pytest.mark.parametrize("name", SAMPLES)
def test_chunks_are_those_of_the_real_client(name, tmp_path):
    data = SAMPLES[name]
    path = tmp_path / "file"
    path.write_bytes(data)
    theirs = hf_xet.hash_files([os.fspath(path)])[0].hash
    for source in (io.BytesIO(data), Dribble(data)):
        tree = hashing.TreeHasher()
        chunks = list(chunking.chunks(source))
        assert b"".join(chunks) == data
        for part in chunks:
            tree.add(hashing.chunk_hash(part), len(part))
        assert hashing.to_hex(tree.file_hash()) == theirs


def test_empty_stream_has_no_chunks():
    assert list(chunking.chunks(io.BytesIO(b""))) == []


def test_dedup_answer_hides_chunk_hashes():
    key = b"k" * 32
    answer = shard.write_dedup_answer([(PACKED.raw, xorb.parse(PACKED.body))], key=key, expires=2_000_000_000)
    told = shard.parse(answer).xorbs[0].chunks
    assert [row[0] for row in told] == [hashing.keyed(raw, key) for raw in PACKED.hashes]
    assert not any(raw in answer for raw in PACKED.hashes)
    assert shard_of() == shard.write([])
