"""The real client, hf_xet, against the store over HTTP."""

import hashlib
import os
import random
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hub.storage.xet.ingest import ingest

from .xet_server import serving

UPLOAD = """
import sys, time, hf_xet
session = hf_xet.XetSession()
access = {"endpoint": sys.argv[1], "token": "t", "token_expiry_unix_secs": int(time.time()) + 3600}
with session.new_upload_commit(**access) as commit:
    handles = [commit.start_upload_file(path, **OPTIONS) for path in sys.argv[2:]]
for handle in handles:
    print(handle.result().xet_info.hash)
"""
DOWNLOAD = """
import sys, time, hf_xet
session = hf_xet.XetSession()
info = hf_xet.XetFileInfo(sys.argv[2], int(sys.argv[3]))
access = {"endpoint": sys.argv[1], "token": "t", "token_expiry_unix_secs": int(time.time()) + 3600}
if len(sys.argv) == 5:
    with session.new_file_download_group(**access) as group:
        group.start_download_file(info, sys.argv[4])
else:
    group = session.new_download_stream_group(**access)
    with open(sys.argv[4], "wb") as file:
        for block in group.download_stream(info, start=int(sys.argv[5]), end=int(sys.argv[6])):
            file.write(block)
"""


class Client:
    """hf_xet in a process and with a memory of its own, like a user's machine."""

    def __init__(self, url: str, home: Path) -> None:
        self.url = url
        self.home = home

    def run(self, code: str, *arguments) -> list[str]:
        self.home.mkdir(exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-c", code, self.url, *map(str, arguments)],
            env={"PATH": os.environ["PATH"], "HOME": str(self.home), "HF_XET_CACHE": str(self.home / "xet")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout.split()

    def upload(self, *paths: Path, skip_sha256: bool = False) -> list[str]:
        options = '{"sha256": hf_xet.SKIP_SHA256}' if skip_sha256 else "{}"
        return self.run(UPLOAD.replace("OPTIONS", options), *paths)

    def download(self, file_hash: str, size: int, *span: int) -> bytes:
        target = self.home / "out"
        self.run(DOWNLOAD, file_hash, size, target, *span)
        return target.read_bytes()


@pytest.fixture(params=[2, 1], ids=["version 2", "version 1"])
def server(request, store):
    with serving(store, versions=request.param) as hub:
        yield hub


@pytest.fixture
def server2(store):
    with serving(store) as hub:
        yield hub


RANDOM = random.Random(21)
FILES = {
    "random": RANDOM.randbytes(5_000_000),
    "zeros": bytes(2_000_000),
    "text": b"".join(b"line %d of many\n" % number for number in range(100_000)),
    "floats": struct.pack("<500000f", *(RANDOM.gauss(0, 1) for _ in range(500_000))),
    "one": b"x",
    "chunk": RANDOM.randbytes(8192),
}


def test_files_go_up_and_come_down(server, store, tmp_path):
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    hashes = Client(server.url, tmp_path / "a").upload(*(tmp_path / name for name in FILES))
    assert server.errors == []
    told = {file.hash: file for file in server.files}
    reader = Client(server.url, tmp_path / "b")
    for file_hash, data in zip(hashes, FILES.values(), strict=True):
        assert told[file_hash].size == len(data)
        assert told[file_hash].sha256 == hashlib.sha256(data).hexdigest()
        assert b"".join(store.read_file(file_hash)) == data
        assert reader.download(file_hash, len(data)) == data
    version = f"v{server.versions} reconstructions"
    assert server.received[version] >= len(FILES)
    assert server.received["v2 shards"] == (1 if server.versions == 2 else 0)


def test_ranges_come_down(server, tmp_path):
    (tmp_path / "random").write_bytes(FILES["random"])
    client = Client(server.url, tmp_path / "a")
    file_hash = client.upload(tmp_path / "random")[0]
    for start, end in ((0, 1), (4_999_999, 5_000_000), (1_234_567, 3_456_789)):
        fresh = Client(server.url, tmp_path / f"b{start}")
        assert fresh.download(file_hash, 5_000_000, start, end) == FILES["random"][start:end]


def test_file_without_a_claimed_sha256_gets_one(server2, tmp_path):
    (tmp_path / "text").write_bytes(FILES["text"])
    Client(server2.url, tmp_path / "a").upload(tmp_path / "text", skip_sha256=True)
    assert [file.sha256 for file in server2.files] == [hashlib.sha256(FILES["text"]).hexdigest()]


def test_large_file_spans_xorbs_and_a_small_change_is_cheap(server2, store, tmp_path):
    data = random.Random(5).randbytes(140_000_000)
    (tmp_path / "large").write_bytes(data)
    writer = Client(server2.url, tmp_path / "a")
    file_hash = writer.upload(tmp_path / "large")[0]
    file = store.file(file_hash)
    assert len(file.xorbs) >= 3
    assert file.sha256 == hashlib.sha256(data).hexdigest()
    assert Client(server2.url, tmp_path / "b").download(file_hash, len(data)) == data
    changed = data[:70_000_000] + b"changed" + data[70_100_000:]
    (tmp_path / "large").write_bytes(changed)
    before = server2.received["xorb bytes"]
    again = writer.upload(tmp_path / "large")[0]
    assert server2.received["xorb bytes"] - before < len(data) * 0.05
    assert store.file(again).sha256 == hashlib.sha256(changed).hexdigest()


def test_dedup_answers_spare_another_machine_the_upload(server2, store, tmp_path):
    data = random.Random(6).randbytes(10_000_000)
    (tmp_path / "file").write_bytes(data)
    first = Client(server2.url, tmp_path / "a").upload(tmp_path / "file")[0]
    file = store.file(first)
    for chunk, xorb in store.dedup_chunks(file).items():
        server2.dedup[chunk] = store.dedup_answer([xorb], key=os.urandom(32), expires=int(time.time()) + 3600)
    (tmp_path / "file").write_bytes(data + b"a little more")
    before = server2.received["xorb bytes"]
    second = Client(server2.url, tmp_path / "b").upload(tmp_path / "file")[0]
    assert server2.received["dedup answers"] >= 1
    assert server2.received["xorb bytes"] - before < len(data) * 0.05
    assert b"".join(store.read_file(second)) == data + b"a little more"


def test_file_of_another_door_comes_down_by_xet(server2, store, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(FILES["random"] + FILES["zeros"])
    with path.open("rb") as source:
        file = ingest(store, source)
    assert Client(server2.url, tmp_path / "a").download(file.hash, file.size) == path.read_bytes()
    # The client finds the same id, and the server has it already.
    assert Client(server2.url, tmp_path / "b").upload(path) == [file.hash]
    assert server2.files[-1] == file


def test_upload_taken_up_after_the_client_died(server2, store, tmp_path):
    """Xorbs that arrived before a crash count: the same client, started again, succeeds."""
    data = random.Random(8).randbytes(70_000_000)
    (tmp_path / "file").write_bytes(data)
    client = Client(server2.url, tmp_path / "a")
    (tmp_path / "a").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", UPLOAD.replace("OPTIONS", "{}"), server2.url, str(tmp_path / "file")],
        env={"PATH": os.environ["PATH"], "HOME": str(client.home), "HF_XET_CACHE": str(client.home / "xet")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while server2.received["xorbs"] == 0 and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.wait()
    file_hash = client.upload(tmp_path / "file")[0]
    assert store.file(file_hash).sha256 == hashlib.sha256(data).hexdigest()
