"""Commits and clones of 10,000 files, against git itself."""

import base64
import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measuring import Measure, alternately, seconds
from benchmarks.site import Bench

FILES = 10_000
_SMALL_COMMITS = 40


def measures(bench: Bench) -> Iterator[Measure]:
    files = _tree()
    numbers = iter(range(100))

    def by_api() -> float:
        name = f"ada/many{next(numbers)}"
        bench.api.create_repo(name)
        lines = _lines(files)
        return seconds(lambda: bench.commit(name, lines))

    stream = _stream(files)

    def by_git() -> float:
        folder = bench.folder / "import.git"
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(["git", "init", "-q", "--bare", folder], check=True)
        command = ["git", "-C", str(folder), "fast-import", "--quiet"]
        return seconds(lambda: subprocess.run(command, input=stream, check=True))

    value, floor = alternately(by_api, by_git, 3)
    bench.note_memory()
    yield Measure(f"commit of {FILES:,} small files", value, "s", 2.5, floor, "git fast-import of the same tree")
    yield _one_file(bench)
    yield _clone(bench)


def _tree() -> dict[str, bytes]:
    """100 folders of 100 files, about 1.2 KB each, all different."""
    return {
        f"folder{n % 100:02}/file{n:05}.json": json.dumps(
            {"n": n, "text": hashlib.sha256(b"%d" % n).hexdigest() * 18}
        ).encode()
        for n in range(FILES)
    }


def _lines(files: dict[str, bytes]) -> list[bytes]:
    lines = [{"key": "header", "value": {"summary": "many"}}]
    for path, data in files.items():
        content = base64.b64encode(data).decode()
        lines.append({"key": "file", "value": {"path": path, "content": content, "encoding": "base64"}})
    return [json.dumps(line).encode() for line in lines]


def _stream(files: dict[str, bytes]) -> bytes:
    head = b"commit refs/heads/main\ncommitter ada <ada@localhost> 1700000000 +0000\ndata 4\nmany\n"
    return head + b"".join(
        b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(data), data) for path, data in files.items()
    )


def _one_file(bench: Bench) -> Measure:
    before = bench.cpu()
    for number in range(_SMALL_COMMITS):
        bench.commit("ada/many0", _lines({f"folder{number:02}/one.json": b"%d" % number}))
    used = (bench.cpu() - before) / _SMALL_COMMITS * 1000
    bench.note_memory()
    return Measure(f"1 file into {FILES:,}: processor time of the server", used, "ms", 25)


def _clone(bench: Bench) -> Measure:
    source = _repository(bench)
    target = bench.folder / "clone"

    def clone(address: str) -> float:
        shutil.rmtree(target, ignore_errors=True)
        command = ["git", "clone", "-q", address, str(target)]
        return seconds(lambda: subprocess.run(command, check=True))

    value, floor = alternately(lambda: clone(f"{bench.url}/ada/many0"), lambda: clone(f"file://{source}"), 5)
    shutil.rmtree(target, ignore_errors=True)
    bench.note_memory()
    return Measure(f"clone of {FILES:,} files", value, "s", 1.3, floor, "git clone file://")


def _repository(bench: Bench) -> Path:
    """Where ada/many0 lies on disk."""
    asked = "from hub.models import Repository; print('at', Repository.objects.get(name='many0').path)"
    said = bench.site.manage("shell", "-c", asked)
    return Path(next(line for line in said.splitlines() if line.startswith("at "))[3:])
