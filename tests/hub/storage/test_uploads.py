import hashlib
import io
import os
import random
import time

import pytest

from hub.storage.errors import DigestMismatch, ObjectMissing, TooLarge, UploadIncomplete
from hub.storage.uploads import PartialUploads

DATA = random.Random(1).randbytes(2_500_000)
SHA = hashlib.sha256(DATA).hexdigest()
PART = 1_000_000


@pytest.fixture
def uploads(tmp_path):
    return PartialUploads(tmp_path / "objects" / "uploads")


def part(number):
    return io.BytesIO(DATA[(number - 1) * PART : number * PART])


def test_parts_in_any_order_make_the_object(uploads, objects):
    upload = uploads.begin("u1", size=len(DATA), part_size=PART)
    assert upload.count == 3
    for number in (3, 1, 2):
        stored = uploads.put_part("u1", number, part(number))
        assert stored.etag == hashlib.sha256(part(number).read()).hexdigest()
    assert uploads.complete("u1", SHA, objects) == len(DATA)
    assert objects.path(SHA).read_bytes() == DATA
    with pytest.raises(ObjectMissing):
        uploads.find("u1")


def test_upload_is_taken_up_where_it_stopped(uploads, objects, tmp_path):
    uploads.begin("u1", size=len(DATA), part_size=PART)
    uploads.put_part("u1", 1, part(1))
    with pytest.raises(UploadIncomplete) as caught:
        uploads.complete("u1", SHA, objects)
    assert caught.value.missing == [2, 3]
    later = PartialUploads(uploads.root)
    later.begin("u1", size=len(DATA), part_size=PART)
    assert [found.number for found in later.parts("u1")] == [1]
    later.put_part("u1", 2, part(2))
    later.put_part("u1", 3, part(3))
    later.put_part("u1", 1, part(1))
    later.complete("u1", SHA, objects)
    assert objects.exists(SHA)


def test_broken_part_does_not_count(uploads):
    uploads.begin("u1", size=len(DATA), part_size=PART)
    uploads.put_part("u1", 1, part(1))
    with pytest.raises(DigestMismatch):
        uploads.put_part("u1", 1, io.BytesIO(b"short"))
    with pytest.raises(TooLarge):
        uploads.put_part("u1", 3, part(1))
    assert uploads.parts("u1") == []


def test_wrong_object_is_refused_and_forgotten(uploads, objects):
    uploads.begin("u1", size=PART, part_size=PART)
    uploads.put_part("u1", 1, part(2))
    with pytest.raises(DigestMismatch):
        uploads.complete("u1", SHA, objects)
    assert not objects.exists(SHA)
    with pytest.raises(ObjectMissing):
        uploads.parts("u1")


def test_other_sizes_start_anew(uploads):
    uploads.begin("u1", size=len(DATA), part_size=PART)
    uploads.put_part("u1", 1, part(1))
    uploads.begin("u1", size=len(DATA), part_size=2 * PART)
    assert uploads.parts("u1") == []


@pytest.mark.parametrize("number", [0, -1, 4])
def test_part_numbers_are_bounded(uploads, number):
    uploads.begin("u1", size=len(DATA), part_size=PART)
    with pytest.raises(ValueError):
        uploads.put_part("u1", number, part(1))


@pytest.mark.parametrize("key", ["", "../x", "a/b", ".x", "x" * 129])
def test_keys_are_plain_words(uploads, key):
    with pytest.raises(ValueError):
        uploads.begin(key, size=1, part_size=1)


def test_unknown_upload_is_missing(uploads, objects):
    for use in (uploads.parts, uploads.find, lambda key: uploads.complete(key, SHA, objects)):
        with pytest.raises(ObjectMissing):
            use("nothing")
    uploads.abort("nothing")


def test_old_uploads_go_to_the_trash_and_come_back(uploads, tmp_path):
    uploads.begin("old", size=1, part_size=1)
    uploads.begin("new", size=1, part_size=1)
    os.utime(uploads.root / "old", (1000, 1000))
    limit = time.time() - 60
    trash = tmp_path / "objects" / "trash"
    assert [key for key, _bytes in uploads.idle(limit)] == ["old"]
    assert not uploads.discard("new", trash, idle_since=limit)
    assert uploads.discard("old", trash, idle_since=limit)
    assert not uploads.discard("old", trash, idle_since=limit)
    with pytest.raises(ObjectMissing):
        uploads.find("old")
    uploads.find("new")

    assert uploads.put_back("old", trash)
    assert not uploads.put_back("old", trash)
    uploads.find("old")


def test_an_object_made_of_old_parts_is_fresh(uploads, objects):
    """Its bytes lay there for days; a sweep must not take it the moment it is finished."""
    uploads.begin("u1", size=len(DATA), part_size=PART)
    for number in (1, 2, 3):
        uploads.put_part("u1", number, part(number))
    os.utime(uploads.root / "u1" / "data", (1000, 1000))
    uploads.complete("u1", SHA, objects)
    assert objects.stored_at(SHA) > 1000
