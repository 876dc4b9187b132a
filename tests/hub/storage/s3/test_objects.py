"""The store of objects on a real S3 server: the same promises as the one in files."""

import hashlib
import io
import secrets
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import replace

import pytest

from hub.storage.errors import DigestMismatch, ObjectMissing, StoreUnavailable, TooLarge
from hub.storage.objects import Shown
from hub.storage.s3 import bucket as buckets
from hub.storage.s3.bucket import Bucket
from hub.storage.s3.objects import S3Objects

DATA = bytes(range(256)) * 40
SHA = hashlib.sha256(DATA).hexdigest()


def ask(url, method="GET", data=None, **headers):
    """Status and body; 0 when the server hung up on what it did not want."""
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()
    except urllib.error.URLError as broken:
        assert isinstance(broken.reason, ConnectionError)
        return 0, b""


def test_an_object_goes_in_and_comes_out(objects):
    assert objects.put(io.BytesIO(DATA), SHA, size=len(DATA)) == len(DATA)

    assert objects.exists(SHA)
    assert objects.size(SHA) == len(DATA)
    assert objects.path(SHA) is None
    with objects.open(SHA) as file:
        assert file.read() == DATA
    with objects.open(SHA, 100, 50) as file:
        assert file.read(50) == DATA[100:150]
    assert [(found.name, found.size) for found in objects.names()] == [(SHA, len(DATA))]


def test_an_open_object_can_be_read_anywhere(objects):
    objects.put(io.BytesIO(DATA), SHA)

    with objects.open(SHA, 10, 5) as file:
        first = file.read(5)
        beyond = file.read(20)
        file.seek(-7, io.SEEK_END)
        tail = file.read()
        file.seek(3)
        again = file.read(4)

    assert first + beyond == DATA[10:35]
    assert (tail, again) == (DATA[-7:], DATA[3:7])


def test_wrong_bytes_leave_nothing(objects, tmp_path):
    with pytest.raises(DigestMismatch):
        objects.put(io.BytesIO(b"other"), SHA)
    with pytest.raises(TooLarge):
        objects.put(io.BytesIO(DATA), SHA, size=3)

    assert list(objects.names()) == []
    assert list((tmp_path / "spool").iterdir()) == []
    with pytest.raises(ObjectMissing):
        objects.open(SHA)
    assert (objects.size(SHA), objects.stored_at(SHA), objects.touch(SHA), objects.delete(SHA)) == (
        None, None, False, False,
    )  # fmt: skip


def test_the_empty_object(objects):
    name = hashlib.sha256(b"").hexdigest()

    assert objects.put(io.BytesIO(b""), name, size=0) == 0

    with objects.open(name) as file:
        assert file.read() == b""


def test_of_two_writers_one_is_first(objects):
    said = []

    def write():
        staged = objects.stage(io.BytesIO(DATA))
        said.append(objects.adopt(staged, SHA))

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert sorted(said) == [False, False, False, True]


def test_touching_makes_an_object_young_again_for_listings_too(objects):
    objects.put(io.BytesIO(DATA), SHA)
    other = hashlib.sha256(b"x").hexdigest()
    objects.put(io.BytesIO(b"x"), other)
    before = objects.stored_at(SHA)
    while int(time.time()) <= before + 1:
        time.sleep(0.1)

    assert objects.touch(SHA)

    listed = {found.name: found.stored_at for found in objects.names()}
    assert listed[SHA] == objects.stored_at(SHA) > before
    assert listed[other] == objects.stored_at(other) <= before + 1
    assert objects.delete(SHA)
    assert [found.name for found in objects.names()] == [other]
    assert list(objects.bucket.items("touched/")) == []


def test_large_objects_go_in_and_are_copied_in_parts(objects, monkeypatch):
    monkeypatch.setattr(buckets, "PART", 5 * 2**20)
    monkeypatch.setattr("hub.storage.s3.objects.PART", 5 * 2**20)
    data = secrets.token_bytes(12 * 2**20)
    sha256 = hashlib.sha256(data).hexdigest()

    objects.put(io.BytesIO(data), sha256)
    objects.bucket.copy(f"plain/{sha256}", "copy")

    with objects.open(sha256) as file:
        assert file.read() == data
    assert objects.bucket.read("copy") == data


def test_a_link_opens_one_object_for_a_while(objects):
    objects.put(io.BytesIO(DATA), SHA)
    url = objects.url(SHA, 60, Shown(content_type="text/plain", disposition='inline; filename="a b.txt";'))

    with urllib.request.urlopen(url, timeout=20) as answer:
        assert answer.headers["Content-Type"] == "text/plain"
        assert answer.headers["Content-Disposition"] == 'inline; filename="a b.txt";'
        assert answer.read() == DATA
    assert ask(url, Range="bytes=5-9") == (206, DATA[5:10])
    assert ask(url, Range=f"bytes={len(DATA)}-")[0] == 416


def test_forged_altered_and_old_links_are_refused(objects, place):
    objects.put(io.BytesIO(DATA), SHA)
    url = objects.url(SHA, 60)
    thief = Bucket(replace(place, secret_key="guessed"))
    old = objects.url(SHA, 1)
    time.sleep(2.1)

    assert ask(url.replace("octet-stream", "octet-straem"))[0] == 403
    assert ask(url.replace(SHA, "0" * 64))[0] == 403
    assert ask(url, "PUT", b"x")[0] == 403
    assert ask(url, "DELETE")[0] == 403
    assert ask(url.partition("?")[0])[0] == 403
    assert ask(old)[0] == 403
    assert ask(S3Objects(thief, "plain", objects._spool).url(SHA, 60))[0] == 403


def test_a_link_to_a_part_opens_no_other(objects):
    objects.put(io.BytesIO(DATA), SHA)
    url = objects.url(SHA, 60, Shown(byte_range=(10, 19)))

    assert ask(url, Range="bytes=10-19") == (206, DATA[10:20])
    assert ask(url, Range="bytes=0-19")[0] == 403
    assert ask(url)[0] == 403


def test_the_library_is_loaded_only_where_it_is_used():
    code = (
        "import django, sys; django.setup(); from hub import stores, urls; stores.xet_store().xorbs.exists('0' * 64); "
    )
    code += "sys.exit(bool({'boto3', 'botocore'} & sys.modules.keys()))"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_links_there_are_none(bucket, tmp_path):
    assert S3Objects(bucket, "plain", tmp_path, is_linked=False).url(SHA, 60) is None


def test_a_server_that_is_away_says_so(place, tmp_path):
    nowhere = Bucket(replace(place, endpoint="http://127.0.0.1:9"))
    gone = S3Objects(nowhere, "plain", tmp_path)

    with pytest.raises(StoreUnavailable):
        gone.put(io.BytesIO(DATA), SHA)
    with pytest.raises(StoreUnavailable):
        gone.open(SHA)
