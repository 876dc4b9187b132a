"""One GiB up and down, by each door, against the programs that do nothing else."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from benchmarks.measuring import Measure, alternately, seconds
from benchmarks.site import Bench
from tests.support import nginx

SIZE = 2**30
_BLOCK = 2**24
_TURNS = 3


def measures(bench: Bench) -> Iterator[Measure]:
    file = bench.folder / "big.bin"
    _fill(file)
    yield from _uploads(bench, file)
    yield from _downloads(bench, file)
    yield _again(bench, file)


def _fill(file: Path) -> None:
    with file.open("wb") as out:
        for _block in range(SIZE // _BLOCK):
            out.write(os.urandom(_BLOCK))


def _uploads(bench: Bench, file: Path) -> Iterator[Measure]:
    copy = bench.folder / "copy.bin"

    def floor() -> float:
        copy.unlink(missing_ok=True)
        return seconds(
            lambda: subprocess.run(
                f"cp {file} {copy} && sha256sum {copy}", shell=True, check=True, stdout=subprocess.DEVNULL
            )
        )

    numbers = iter(range(100))

    def by_lfs() -> float:
        _touch(file)
        sha256 = _sha256(file)
        name = f"ada/lfs{next(numbers)}"
        bench.api.create_repo(name)
        return seconds(lambda: _lfs(bench, name, file, sha256))

    value, least = alternately(by_lfs, floor, _TURNS)
    bench.note_memory()
    yield Measure("upload of 1 GiB by LFS", value, "s", 1.5, least, "cp and sha256sum")

    def by_xet() -> float:
        _touch(file)
        name = f"ada/xet{next(numbers)}"
        bench.api.create_repo(name)
        return seconds(lambda: _client(bench, "upload", name, str(file), "big.bin"))

    value, least = alternately(by_xet, floor, _TURNS)
    copy.unlink(missing_ok=True)
    bench.note_memory()
    yield Measure("upload of 1 GiB by Xet, hf upload as a whole", value, "s", 2.0, least, "cp and sha256sum")


def _downloads(bench: Bench, file: Path) -> Iterator[Measure]:
    name = "ada/plain"
    bench.api.create_repo(name)
    _touch(file)  # else it would be known as Xet from the uploads, and be put together from that
    _lfs(bench, name, file, _sha256(file))
    with nginx.static(bench.folder, bench.folder / "floor") as floor:

        def get(address: str) -> float:
            command = ["curl", "-sf", "-o", "/dev/null", address]
            return SIZE / seconds(lambda: subprocess.run(command, check=True)) / 2**20

        best = f"{floor}/{file.name}"
        path = f"/{name}/resolve/main/big.bin"
        # From here on nothing that was uploaded is still on its way to the disk, and both copies are in memory.
        os.sync()
        get(best)
        get(bench.front + path)
        value, least = alternately(lambda: get(bench.front + path), lambda: get(best), 5)
        yield Measure(
            "download of 1 GiB, nginx in front", value, "MiB/s", 0.9, least, "nginx, static file", at_least=True
        )
        value, least = alternately(lambda: get(bench.url + path), lambda: get(best), 5)
        yield Measure(
            "download of 1 GiB, embedded server", value, "MiB/s", 0.5, least, "nginx, static file", at_least=True
        )
        bench.note_memory()


def _again(bench: Bench, file: Path) -> Measure:
    """The share of bytes that travel when one hundredth of a file changed in one place."""
    bench.api.create_repo("ada/again")
    cache = bench.folder / "client-again"
    _client(bench, "upload", "ada/again", str(file), "big.bin", home=cache)
    with file.open("r+b") as out:
        out.seek(SIZE // 3)
        out.write(os.urandom(SIZE // 100))
    before = _stored(bench)
    _client(bench, "upload", "ada/again", str(file), "big.bin", home=cache)
    bench.note_memory()
    return Measure("re-upload of 1 GiB with 1 % changed: bytes sent", (_stored(bench) - before) / SIZE * 100, "%", 5)


def _stored(bench: Bench) -> int:
    return sum(path.stat().st_size for path in (bench.folder / "site/objects/xet").rglob("*") if path.is_file())


def _touch(file: Path) -> None:
    """Other bytes, so that nothing is known of this file yet."""
    with file.open("r+b") as out:
        for start in range(0, SIZE, 2**16):
            out.seek(start)
            out.write(os.urandom(16))


def _sha256(file: Path) -> str:
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _lfs(bench: Bench, name: str, file: Path, sha256: str) -> None:
    """What a client does when it knows the digest: ask, send, verify, commit."""
    asked: dict[str, Any] = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": sha256, "size": SIZE}]}
    address = f"{bench.url}/{name}.git/info/lfs/objects/batch"
    answer = requests.post(address, json=asked, headers=bench.headers, timeout=60)
    answer.raise_for_status()
    actions = answer.json()["objects"][0].get("actions")
    if actions:
        subprocess.run(["curl", "-sfS", "-T", str(file), actions["upload"]["href"], "-o", "/dev/null"], check=True)
        if verify := actions.get("verify"):
            body: dict[str, Any] = {"oid": sha256, "size": SIZE}
            requests.post(verify["href"], json=body, headers=bench.headers, timeout=60).raise_for_status()
    line = b'{"key": "lfsFile", "value": {"path": "big.bin", "algo": "sha256", "oid": "%s", "size": %d}}'
    bench.commit(name, [b'{"key": "header", "value": {"summary": "big"}}', line % (sha256.encode(), SIZE)])


def _client(bench: Bench, *words: str, home: Path | None = None) -> None:
    """The stock command, without what it remembers unless a home is given."""
    folder = home or bench.folder / "client"
    if home is None:
        shutil.rmtree(folder, ignore_errors=True)
    env = os.environ | {
        "HF_ENDPOINT": bench.url, "HF_TOKEN": bench.token, "HF_HOME": str(folder), "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    }  # fmt: skip
    subprocess.run(["hf", *words], env=env, check=True, stdout=subprocess.DEVNULL)
