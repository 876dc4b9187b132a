import hashlib
import io
import multiprocessing
import os
from pathlib import Path

import pytest

from hub.storage.errors import DigestMismatch, ObjectMissing, TooLarge
from hub.storage.objects import LocalObjects, sweep, write_file

DATA = b"weights" * 500_000
SHA = hashlib.sha256(DATA).hexdigest()


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file() and path.name != "sweep.lock"]


def test_object_is_stored_once_and_read_back(objects):
    assert objects.put(io.BytesIO(DATA), SHA) == len(DATA)
    assert objects.put(io.BytesIO(DATA), SHA, size=len(DATA)) == len(DATA)
    assert objects.exists(SHA)
    assert objects.size(SHA) == len(DATA)
    assert objects.path(SHA).read_bytes() == DATA
    with objects.open(SHA) as file:
        file.seek(7)
        assert file.read(7) == b"weights"
    assert [(stored.name, stored.size) for stored in objects.names()] == [(SHA, len(DATA))]
    assert files(objects.root) == [objects.path(SHA)]


def test_wrong_bytes_leave_nothing_behind(objects):
    for source, size in ((DATA[:-1], None), (DATA + b"x", None), (DATA[:-1], len(DATA))):
        with pytest.raises(DigestMismatch):
            objects.put(io.BytesIO(source), SHA, size=size)
    with pytest.raises(TooLarge):
        objects.put(io.BytesIO(DATA), SHA, size=len(DATA) - 1)
    assert not objects.exists(SHA)
    assert files(objects.root) == []


def test_sender_that_vanishes_leaves_nothing_behind(objects):
    class Vanishing:
        def read(self, size=-1, /):
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        objects.put(Vanishing(), SHA)
    assert files(objects.root) == []


def test_missing_object_is_missing_everywhere(objects):
    assert not objects.exists(SHA)
    assert objects.size(SHA) is None
    assert objects.path(SHA) is None
    assert objects.stored_at(SHA) is None
    assert not objects.delete(SHA)
    assert not objects.touch(SHA)
    assert list(objects.names()) == []
    with pytest.raises(ObjectMissing):
        objects.open(SHA)


@pytest.mark.parametrize("name", ["", "../" * 10 + "etc/passwd", SHA.upper(), SHA[:-1], SHA + "\n"])
def test_only_digests_are_names(objects, name):
    for use in (objects.exists, objects.open, objects.delete, objects.path):
        with pytest.raises(ValueError):
            use(name)
    with pytest.raises(ValueError):
        objects.put(io.BytesIO(b""), name)


def test_empty_object_is_an_object(objects):
    empty = hashlib.sha256(b"").hexdigest()
    assert objects.put(io.BytesIO(b""), empty) == 0
    assert objects.size(empty) == 0


def test_offering_an_object_again_makes_it_fresh(objects):
    objects.put(io.BytesIO(DATA), SHA)
    os.utime(objects.path(SHA), (1000, 1000))
    assert objects.stored_at(SHA) == 1000
    objects.put(io.BytesIO(DATA), SHA)
    assert objects.stored_at(SHA) > 1000


def _adopt(root: Path, name: str, results) -> None:
    store = LocalObjects(root)
    for _ in range(20):
        with store.stage(io.BytesIO(str(os.getpid()).encode())) as staged:
            if store.adopt(staged, name):
                results.put(os.getpid())


def test_of_many_writers_one_wins_and_its_bytes_stay(objects):
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    writers = [context.Process(target=_adopt, args=(objects.root, SHA, results)) for _ in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    winner = results.get(timeout=10)
    assert results.empty()
    assert objects.path(SHA).read_text() == str(winner)
    assert files(objects.root) == [objects.path(SHA)]


def test_stage_of_dead_writers_is_swept(objects):
    old = objects.stage(io.BytesIO(b"old"))
    os.utime(old.path, (1000, 1000))
    with objects.stage(io.BytesIO(b"new")) as new:
        assert objects.sweep_stage(older_than=60) == 1
        assert not old.path.exists()
        assert new.path.exists()
    assert sweep(objects.root / "nothing", 1) == 0


def test_small_files_are_written_whole(tmp_path):
    write_file(tmp_path / "a" / "b", b"1")
    write_file(tmp_path / "a" / "b", b"2")
    assert (tmp_path / "a" / "b").read_bytes() == b"2"
    assert len(files(tmp_path)) == 1
