"""What clients bring straight to the bucket counts for nothing until it was verified."""

import hashlib
import io
import secrets
import time

import pytest

from hub.storage.errors import DigestMismatch, ObjectMissing, TooLarge, UploadIncomplete
from hub.storage.s3.uploads import SMALLEST_PART, S3Uploads
from tests.hub.storage.s3.test_objects import ask

DATA = secrets.token_bytes(SMALLEST_PART + 1000)
SHA = hashlib.sha256(DATA).hexdigest()
SMALL = b"small"
SMALL_SHA = hashlib.sha256(SMALL).hexdigest()


def brought(uploads, data=SMALL, key="k"):
    """One piece, as a client brings it."""
    url = uploads.whole_url(key, len(data), 60)
    assert ask(url, "PUT", data)[0] == 200
    return url


def test_one_piece(uploads, objects):
    brought(uploads)

    assert not objects.exists(SMALL_SHA)
    assert uploads.complete("k", SMALL_SHA, objects) == len(SMALL)
    assert objects.size(SMALL_SHA) == len(SMALL)
    # The process may die before it notes the object: then this is done again.
    assert uploads.complete("k", SMALL_SHA, objects) == len(SMALL)
    uploads.abort("k")
    with pytest.raises(ObjectMissing):
        uploads.complete("k", SMALL_SHA, objects)
    assert [item.key.split("/")[0] for item in objects.bucket.items("")] == ["plain", "touched"]


def test_one_piece_has_the_length_that_was_announced(uploads):
    url = uploads.whole_url("k", 5, 60)

    assert ask(url, "PUT", b"longer")[0] == 403
    assert ask(url, "PUT", b"shrt")[0] == 403
    assert ask(url.replace("/staging/k", "/plain/" + SMALL_SHA), "PUT", SMALL)[0] == 403
    assert ask(url)[0] == 403


def test_empty_and_huge_pieces_come_through_the_site(uploads):
    assert uploads.whole_url("k", 0, 60) is None
    assert uploads.whole_url("k", 6 * 1024**3, 60) is None


def test_wrong_bytes_become_no_object(uploads, objects):
    brought(uploads, b"wrong")

    with pytest.raises(DigestMismatch):
        uploads.complete("k", SMALL_SHA, objects)

    assert list(objects.names()) == []
    assert list(objects.bucket.items("")) == []


def test_bytes_that_change_while_they_are_verified(uploads, objects, monkeypatch):
    url = brought(uploads)
    digest = S3Uploads._digest

    def and_then_others(self, source):
        found = digest(self, source)
        assert ask(url, "PUT", b"evil!")[0] == 200
        return found

    monkeypatch.setattr(S3Uploads, "_digest", and_then_others)
    uploads.complete("k", SMALL_SHA, objects)

    with objects.open(SMALL_SHA) as file:
        assert file.read() == SMALL


def test_parts(uploads, objects):
    plan = uploads.begin("k", size=len(DATA), part_size=1000)
    assert plan.part_size == SMALLEST_PART
    first, second = uploads.part_urls("k", 60)

    assert ask(second, "PUT", DATA[SMALLEST_PART:])[0] == 200
    with pytest.raises(UploadIncomplete) as incomplete:
        uploads.complete("k", SHA, objects)
    assert incomplete.value.missing == [1]
    assert ask(first, "PUT", DATA[: SMALLEST_PART - 1])[0] in {0, 403}
    assert ask(first, "PUT", DATA[:SMALLEST_PART])[0] == 200
    assert [part.number for part in uploads.parts("k")] == [1, 2]
    assert uploads.begin("k", size=len(DATA), part_size=1000) == plan  # taken up, not begun anew
    assert [part.number for part in uploads.parts("k")] == [1, 2]

    assert uploads.complete("k", SHA, objects) == len(DATA)
    assert uploads.complete("k", SHA, objects) == len(DATA)
    uploads.abort("k")
    with objects.open(SHA) as file:
        assert file.read() == DATA
    with pytest.raises(ObjectMissing):
        uploads.find("k")


def test_another_plan_begins_anew(uploads):
    uploads.begin("k", size=len(DATA), part_size=SMALLEST_PART)
    uploads.put_part("k", 2, io.BytesIO(DATA[SMALLEST_PART:]))

    uploads.begin("k", size=len(DATA) + 1, part_size=SMALLEST_PART)

    assert uploads.parts("k") == []


def test_parts_of_wrong_bytes(uploads, objects):
    uploads.begin("k", size=10, part_size=SMALLEST_PART)
    (url,) = uploads.part_urls("k", 60)
    assert ask(url, "PUT", b"0123456789")[0] == 200

    with pytest.raises(DigestMismatch):
        uploads.complete("k", SHA, objects)

    assert list(objects.bucket.items("")) == []
    with pytest.raises(ObjectMissing):
        uploads.parts("k")


def test_parts_through_the_site(uploads, objects):
    uploads.begin("k", size=len(DATA), part_size=SMALLEST_PART)

    with pytest.raises(DigestMismatch):
        uploads.put_part("k", 1, io.BytesIO(b"short"))
    with pytest.raises(TooLarge):
        uploads.put_part("k", 2, io.BytesIO(DATA))
    with pytest.raises(ValueError, match="parts 1 to 2"):
        uploads.put_part("k", 3, io.BytesIO(b""))
    for number in (1, 2):
        start = (number - 1) * SMALLEST_PART
        part = uploads.put_part("k", number, io.BytesIO(DATA[start : start + SMALLEST_PART]))
        assert part in uploads.parts("k")

    assert uploads.complete("k", SHA, objects) == len(DATA)


def test_old_uploads_are_forgotten(uploads, bucket, tmp_path):
    brought(uploads, key="one")
    uploads.begin("two", size=10, part_size=SMALLEST_PART)
    bucket.put("verifying/left", b"x")

    now = time.time()
    assert list(uploads.idle(now - 3600)) == []
    assert {key for key, _size in uploads.idle(now + 3600)} == {"one", "two"}
    assert not uploads.discard("one", tmp_path, idle_since=now - 3600)
    assert uploads.discard("one", tmp_path, idle_since=now + 3600)
    assert uploads.discard("two", tmp_path, idle_since=now + 3600)
    assert not uploads.put_back("one", tmp_path)
    assert uploads.sweep_stage(older_than=3600) == 0
    assert uploads.sweep_stage(older_than=-3600) == 1

    assert list(bucket.items("")) == []


@pytest.mark.parametrize("key", ["", "../up", "a/b", "-a", "a" * 200])
def test_keys_are_plain(uploads, key):
    with pytest.raises(ValueError, match="key of an upload"):
        uploads.whole_url(key, 1, 60)
