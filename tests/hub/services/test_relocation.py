"""Large files move between files and S3, and are found all the while."""

import io
import os

import pytest
from django.core.management import CommandError, call_command

from hub import checks, stores
from hub.services import relocation
from hub.storage.xet.ingest import ingest

PLAIN = os.urandom(50_000)
OTHER = os.urandom(300_000)


@pytest.fixture
def filled(settings, s3_settings):
    """One plain object and one Xet file, in files."""
    import hashlib

    settings.OBJECT_STORE = "files"
    sha256 = hashlib.sha256(PLAIN).hexdigest()
    stores.plain_objects().put(io.BytesIO(PLAIN), sha256)
    return sha256, ingest(stores.xet_store(), io.BytesIO(OTHER))


def is_whole(sha256, file):
    with stores.plain_objects().open(sha256) as found:
        plain = found.read()
    return plain == PLAIN and b"".join(stores.xet_store().read_file(file.hash)) == OTHER


def everything(shelf):
    objects = (*shelf.plain.names(), *shelf.xorbs.names())
    return sorted(found.name for found in (*objects, *shelf.indexes.items(), *shelf.recipes.items()))


def test_there_and_back(filled, settings):
    held = everything(stores.files())
    settings.OBJECT_STORE = "s3"
    assert is_whole(*filled)  # from files, while nothing has moved
    assert stores.plain_objects().url(filled[0], 60) is None

    for _step in zip(range(2), relocation.move("s3"), strict=False):
        pass  # stopped in the middle
    assert is_whole(*filled)
    steps = list(relocation.move("s3"))
    assert {step.kind for step in steps if step.copied} < {step.kind for step in steps}
    assert everything(stores.bucket()) == held
    assert is_whole(*filled)

    assert [step.copied for step in relocation.move("s3", remove=True)] == [0] * 4
    assert everything(stores.files()) == []
    assert is_whole(*filled)
    assert stores.plain_objects().url(filled[0], 60) is not None
    assert len(list(stores.xet_store().xorbs.names())) == 1

    settings.OBJECT_STORE = "files"
    assert is_whole(*filled)
    list(relocation.move("files", remove=True))
    assert everything(stores.bucket()) == []
    assert everything(stores.files()) == held
    settings.S3_ENDPOINT = ""
    assert is_whole(*filled)


def test_damaged_things_stay_where_they_are(filled, settings, capsys):
    sha256, _file = filled
    path = stores.files().plain.path(sha256)
    path.chmod(0o644)
    path.write_bytes(b"rotten")
    settings.OBJECT_STORE = "s3"

    with pytest.raises(CommandError, match="1 damaged"):
        call_command("hub_move_objects", "--to", "s3", "--remove")

    assert path.read_bytes() == b"rotten"
    assert not stores.bucket().plain.exists(sha256)
    assert everything(stores.files()) == [sha256]
    assert "damaged" in capsys.readouterr().err


def test_the_command(filled, settings, capsys):
    with pytest.raises(CommandError, match="WELLSPRING_OBJECT_STORE=s3"):
        call_command("hub_move_objects", "--to", "s3")
    settings.OBJECT_STORE = "s3"

    call_command("hub_move_objects", "--to", "s3")
    call_command("hub_move_objects", "--to", "s3")

    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("4 looked at, 4 copied")
    assert second == "4 looked at, 0 copied, 0 bytes."
    settings.S3_ENDPOINT = ""
    with pytest.raises(CommandError, match="No bucket"):
        call_command("hub_move_objects", "--to", "files")


def test_an_object_that_is_still_in_the_old_place_is_not_stored_twice(filled, settings):
    sha256, _file = filled
    settings.OBJECT_STORE = "s3"

    stores.plain_objects().put(io.BytesIO(PLAIN), sha256)

    assert not stores.bucket().plain.exists(sha256)
    assert [found.name for found in stores.plain_objects().names()] == [sha256]
    assert stores.plain_objects().delete(sha256)
    assert not stores.plain_objects().exists(sha256)


def test_the_check_tells_whether_the_bucket_is_in_reach(s3_settings, settings):
    assert checks.objects_are_in_reach() == []
    settings.ENVIRONMENT = "production"
    settings.OBJECTS_ORIGIN = "http://objects.example.org"
    assert [found.id for found in checks.objects_are_in_reach()] == ["wellspring.W002"]
    settings.OBJECTS_ORIGIN = "https://objects.example.org"
    settings.S3_BUCKET = "there-is-none"
    (error,) = checks.objects_are_in_reach()
    assert (error.id, "NoSuchBucket" in error.msg) == ("wellspring.E002", True)
    settings.S3_ENDPOINT = ""
    assert checks.objects_are_in_reach() == []
