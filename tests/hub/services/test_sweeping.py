"""The sweeper takes what nothing needs, nothing else, and brings it back when asked."""

import hashlib
import io
import os
import shutil
import threading
from contextlib import suppress
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from common.errors import Conflict
from hub import stores
from hub.enums import SweepState
from hub.git.errors import GitError
from hub.models import (
    BucketObject,
    LargeObject,
    OfferedObject,
    ReleasedObject,
    Repository,
    RepositoryObject,
    Sweep,
    SweptItem,
)
from hub.services import bucket_files, commits, large_files, objects, refs, repositories, sweep_undo, sweeping
from hub.services.bucket_files import DeleteFile
from hub.services.commits import AddPointer
from hub.storage.errors import XetMissing
from hub.storage.xet.ingest import ingest
from tests.factories import hub as make

pytestmark = pytest.mark.django_db
BY_THREADS = pytest.mark.django_db(transaction=True)

LATER = timedelta(days=40)


@pytest.fixture(autouse=True)
def own_stores(settings, tmp_path):
    settings.OBJECTS_ROOT = tmp_path / "objects"
    settings.REPOSITORIES_ROOT = tmp_path / "repositories"


@pytest.fixture
def ada():
    return make.person("ada")


@pytest.fixture
def by(ada):
    return make.as_principal(ada)


def later(**more):
    """A sweep some weeks from now, after one that notices what is idle."""
    sweeping.sweep(delete=True)
    LargeObject.objects.filter(idle_since__isnull=False).update(idle_since=timezone.now() - timedelta(days=1))
    return sweeping.sweep(delete=True, now=timezone.now() + LATER, **more)


def taken(run, kind):
    return set(run.items.filter(kind=kind).values_list("name", flat=True))


def digest(data):
    return hashlib.sha256(data).hexdigest()


def test_all_that_is_referred_to_stays(ada, by):
    repository, bucket = make.repository(ada), make.bucket(ada, files={"a": b"bucket" * 900})
    make.put_large(repository, {"old.bin": b"old" * 900}, by=by)
    make.put_large(repository, {"old.bin": b"new" * 900}, by=by)
    refs.create_branch(repository, "side", by=by)
    make.put_large(repository, {"side.bin": b"side" * 900}, by=by, branch="side")
    refs.create_tag(repository, "v1", by=by, revision="side")
    refs.delete_branch(repository, "side", by=by)
    file = ingest(stores.xet_store(), io.BytesIO(os.urandom(300_000)))
    objects.hold_xet(repository, [file], by=by)
    commits.commit(repository, [AddPointer("x.bin", file.sha256, file.size)], by=by, message="Xet")

    run = later()

    assert run.counts == {}
    assert b"".join(stores.xet_store().read_file(file.hash))
    assert {digest(data * 900) for data in (b"old", b"new", b"side")} <= {
        one.name for one in stores.plain_objects().names()
    }
    assert bucket.files.get().object.sha256 == digest(b"bucket" * 900)


def test_history_keeps_what_no_head_of_a_branch_ever_named(ada, by):
    """A push may add a large file and remove it again: its object was never marked, and is needed all the same."""
    repository = make.repository(ada)
    name = make.put_large(repository, {"a.bin": b"once" * 900}, by=by)["a.bin"]
    commits.commit(repository, [commits.DeleteFile("a.bin")], by=by, message="Remove")
    RepositoryObject.objects.filter(repository=repository).update(committed_at=None)

    run = later()

    assert run.counts == {}
    assert RepositoryObject.objects.get(object_id=name).committed_at is not None


def test_git_keeps_an_object_whose_rows_were_lost(ada, by):
    repository = make.repository(ada)
    name = make.put_large(repository, {"a.bin": b"a" * 900}, by=by)["a.bin"]
    commits.commit(repository, [commits.DeleteFile("a.bin")], by=by, message="Only history names it now")
    RepositoryObject.objects.all().delete()

    assert later().counts == {}
    assert LargeObject.objects.filter(pk=name).exists()


def test_a_dry_run_counts_and_changes_nothing(ada, by):
    repository = make.repository(ada)
    name = make.put_large(repository, {"a.bin": b"a" * 900}, by=by)["a.bin"]
    large_files.delete_for_good(repository, {name}, by=by)
    LargeObject.objects.update(idle_since=timezone.now() - LATER)
    os.utime(stores.plain_objects().path(name), (1000, 1000))

    run = sweeping.sweep(delete=False)

    assert (run.state, run.bytes) == (SweepState.DRY, 900)
    assert run.counts == {"object": {"count": 1, "bytes": 0}, "plain": {"count": 1, "bytes": 900}}
    assert stores.plain_objects().exists(name)
    assert not SweptItem.objects.exists()


def test_deleted_files_go_after_the_grace_come_back_and_go_for_good(ada, by):
    repository = make.repository(ada)
    name = make.put_large(repository, {"a.bin": b"a" * 900}, by=by)["a.bin"]
    large_files.delete_for_good(repository, {name}, by=by)
    assert sweeping.sweep(delete=True, now=timezone.now() + timedelta(days=6)).counts == {}

    run = sweeping.sweep(delete=True, now=timezone.now() + timedelta(days=8))
    assert run.state == SweepState.SWEPT
    assert taken(run, "plain") == taken(run, "object") == {name}
    assert not LargeObject.objects.filter(pk=name).exists()
    assert not stores.plain_objects().exists(name)
    assert not ReleasedObject.objects.exists()

    undone, failures = sweep_undo.undo(run.pk)
    assert (undone.state, failures) == (SweepState.UNDONE, [])
    assert stores.plain_objects().path(name).read_bytes() == b"a" * 900
    assert LargeObject.objects.get(pk=name).is_plain
    with pytest.raises(Conflict):
        sweep_undo.undo(run.pk)

    again = sweeping.sweep(delete=True, now=timezone.now() + timedelta(days=8))
    Sweep.objects.filter(pk=again.pk).update(ended_at=timezone.now() - timedelta(days=15))
    assert sweep_undo.purge() == 1
    assert not (settings.OBJECTS_ROOT / "trash" / str(again.pk)).exists()
    with pytest.raises(Conflict):
        sweep_undo.undo(again.pk)


def test_xorbs_stay_while_one_file_needs_one_chunk_of_them(ada, by):
    bucket = make.bucket(ada)
    shared, rest = os.urandom(400_000), os.urandom(400_000)
    make.fill(bucket, {"one": shared + rest, "two": shared}, by=by)
    one, two = bucket.files.get(path="one"), bucket.files.get(path="two")
    bucket_files.apply(bucket, [DeleteFile("one")], by=by)

    run = later()
    assert taken(run, "recipe") == {one.xet_hash}
    assert b"".join(stores.xet_store().read_file(two.xet_hash)) == shared

    bucket_files.apply(bucket, [DeleteFile("two")], by=by)
    last = later()
    assert len(taken(last, "xorb")) > 0
    assert not list(stores.xet_store().xorbs.names())
    with pytest.raises(XetMissing):
        stores.xet_store().file(two.xet_hash)

    assert sweep_undo.undo(last.pk)[1] == []
    assert b"".join(stores.xet_store().read_file(two.xet_hash)) == shared


def test_xorbs_wait_for_clients_that_remember_them(ada, by):
    bucket = make.bucket(ada)
    make.fill(bucket, {"one": os.urandom(100_000)}, by=by)
    bucket_files.apply(bucket, [DeleteFile("one")], by=by)

    run = sweeping.sweep(delete=True, now=timezone.now() + timedelta(days=21))
    assert taken(run, "recipe")
    assert not taken(run, "xorb")


def test_uploads_that_nothing_named_go_and_are_held_again(ada, by):
    eve = make.person("eve")
    repository, bucket = make.repository(ada), make.bucket(ada)
    name = make.upload(repository, b"waiting" * 9, by=by)
    make.upload(repository, b"offered" * 9, by=make.as_principal(eve))
    file = ingest(stores.xet_store(), io.BytesIO(b"bucket" * 99))
    objects.hold_xet(bucket, [file], by=by)
    plan = stores.partial_uploads().begin("1-1-a-9", size=9, part_size=9)
    stores.partial_uploads().put_part(plan.key, 1, io.BytesIO(b"unfinised"))

    run = sweeping.sweep(delete=True, now=timezone.now() + timedelta(days=8))

    assert run.counts["holding"]["count"] == 3
    assert taken(run, "upload") == {plan.key}
    assert not RepositoryObject.objects.exists()
    assert not OfferedObject.objects.exists()
    assert not BucketObject.objects.exists()
    assert Repository.objects.get().used_storage == 0
    assert LargeObject.objects.filter(idle_since__isnull=True).count() == 0

    assert sweep_undo.undo(run.pk)[1] == []
    assert RepositoryObject.objects.get().object_id == name
    assert OfferedObject.objects.get().user == eve
    assert BucketObject.objects.get().xet_hash == file.hash
    assert Repository.objects.get().used_storage == 63
    assert [part.number for part in stores.partial_uploads().parts(plan.key)] == [1]


def test_folders_that_no_row_knows_go_and_come_back(ada, by):
    kept, doomed = make.repository(ada), make.repository(ada)
    half = kept.path.with_name(f".{kept.path.name}.0123.deleted")
    half.mkdir()
    path = doomed.path
    repositories.delete(doomed, by=by)
    shutil.copytree(kept.path, path, dirs_exist_ok=True)
    assert sweeping.sweep(delete=True).counts == {}

    run = sweeping.sweep(delete=True, now=timezone.now() + timedelta(days=2))

    assert run.counts["folder"]["count"] == 2
    assert kept.path.is_dir()
    assert not path.exists()
    assert not half.exists()
    assert sweep_undo.undo(run.pk)[1] == []
    assert (path / "HEAD").is_file()


def test_a_repository_that_cannot_be_read_stops_the_sweep_of_objects(ada, by):
    broken, other = make.repository(ada), make.repository(ada)
    name = make.put_large(other, {"a.bin": b"a" * 900}, by=by)["a.bin"]
    large_files.delete_for_good(other, {name}, by=by)
    shutil.rmtree(broken.path / "objects")

    with pytest.raises(GitError, match=f"repository {broken.pk} cannot be read"):
        sweeping.sweep(delete=True, now=timezone.now() + LATER)

    run = Sweep.objects.latest("pk")
    assert run.state == SweepState.FAILED
    assert str(broken.pk) in run.error
    assert stores.plain_objects().exists(name)


def test_a_run_that_was_killed_is_failed_and_can_be_undone(ada, by):
    killed = Sweep.objects.create()
    name = digest(b"x")
    trash = sweeping.trash_of(killed, "plain")
    stores.plain_objects().put(io.BytesIO(b"x"), name)
    SweptItem.objects.create(sweep=killed, kind="plain", name=name, size=1)
    stores.plain_objects().discard(name, trash, idle_since=timezone.now().timestamp() + 5)

    sweeping.sweep(delete=False)

    killed.refresh_from_db()
    assert killed.state == SweepState.FAILED
    assert sweep_undo.undo(killed.pk)[1] == []
    assert stores.plain_objects().exists(name)


@BY_THREADS
def test_only_one_sweep_runs():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtextextended('sweep', 0))")
    failures = []

    def work():
        try:
            sweeping.sweep(delete=False)
        except Conflict as error:
            failures.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(hashtextextended('sweep', 0))")
    assert len(failures) == 1


@BY_THREADS
def test_what_is_uploaded_or_committed_while_the_sweep_runs_survives():
    """Real threads, many rounds: sweeps and uploads of the very same objects. What was acknowledged is readable."""
    ada = make.person("ada")
    by = make.as_principal(ada)
    repository = make.repository(ada)
    contents = [b"%d" % number * 700 for number in range(6)]
    stop = threading.Event()
    sweeps = []

    def sweep():
        try:
            while not stop.is_set():
                # As if everything idle had been so for weeks, and every file were old.
                LargeObject.objects.filter(idle_since__isnull=False).update(idle_since=timezone.now() - LATER)
                for one in stores.plain_objects().names():
                    known = LargeObject.objects.filter(pk=one.name, idle_since__isnull=True).exists()
                    if not known and one.stored_at < timezone.now().timestamp() - 1:
                        with suppress(TypeError, FileNotFoundError):
                            os.utime(stores.plain_objects().path(one.name), (1000, 1000))
                sweeps.append(sweeping.sweep(delete=True))
        finally:
            connection.close()

    thread = threading.Thread(target=sweep)
    thread.start()
    try:
        for _round in range(6):
            for number, data in enumerate(contents):
                make.put_large(repository, {f"{number}.bin": data}, by=by)
                assert stores.plain_objects().path(digest(data)).read_bytes() == data
            large_files.delete_for_good(repository, {digest(data) for data in contents[:4]}, by=by)
    finally:
        stop.set()
        thread.join()
    for data in contents[4:]:
        assert LargeObject.objects.filter(pk=digest(data)).exists()
        assert stores.plain_objects().path(digest(data)).read_bytes() == data
    assert sweeps
