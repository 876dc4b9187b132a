"""The life of a bucket, and changing many files at once."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import ProtectedError

from accounts.models import Organisation
from accounts.principal import ANONYMOUS
from common.errors import Forbidden, Invalid
from common.models import AuditEntry
from hub import stores
from hub.errors import RepositoryNotFound
from hub.models import BucketFile, LargeObject
from hub.models.buckets import EMPTY
from hub.selectors.buckets import bucket_for, buckets_visible_to, entries_in, files_below
from hub.services import bucket_files, buckets, commits, maintenance, objects
from hub.services.bucket_files import AddFile, CopyFile, DeleteFile
from hub.services.commits import AddPointer
from hub.storage.xet.ingest import ingest
from tests.factories import hub as make
from tests.factories.accounts import OrganisationFactory, StaffFactory

pytestmark = pytest.mark.django_db


def with_xet_file(owner, data, **facts):
    """A repository with a file kept as Xet; gives it and the file's hash."""
    repository = make.repository(owner, **facts)
    file = ingest(stores.xet_store(), io.BytesIO(data))
    objects.hold_xet(repository, [file], by=make.as_principal(owner))
    by = make.as_principal(owner)
    commits.commit(repository, [AddPointer("data.bin", file.sha256, file.size)], by=by, message="Add data")
    return repository, file.hash


def errors(failures):
    return [failure.path for failure in failures]


def paths(bucket, prefix=""):
    return [entry.path for entry in files_below(bucket, prefix, limit=100)]


def test_names_are_one_without_regard_to_case():
    ada = make.person("ada")
    made = make.bucket(ada, "Store")

    with pytest.raises(buckets.BucketExists):
        make.bucket(ada, "sTORE")
    assert bucket_for(ANONYMOUS, "ADA/store") == made


@pytest.mark.parametrize("name", ["", "a b", "a/b", "-a", "a..b", "x.git"])
def test_bad_names_are_refused(name):
    with pytest.raises(Invalid):
        make.bucket(name=name or " ")


def test_only_administrators_change_and_delete_a_bucket():
    ada, eve = make.person("ada"), make.as_principal(make.person("eve"))
    bucket = make.bucket(ada, "store")

    for refused in (
        lambda: buckets.update_settings(bucket, by=eve, visibility="private"),
        lambda: buckets.move(bucket, eve.user.namespace, "mine", by=eve),
        lambda: buckets.delete(bucket, by=eve),
        lambda: buckets.create(ada.namespace, "other", by=eve),
        lambda: bucket_files.apply(bucket, [DeleteFile("a")], by=eve),
        lambda: bucket_files.apply(bucket, [DeleteFile("a")], by=ANONYMOUS),
    ):
        with pytest.raises(Forbidden):
            refused()


def test_moving_and_hiding():
    ada = make.person("ada")
    by, eve = make.as_principal(ada), make.as_principal(make.person())
    bucket = make.bucket(ada, "one", files={"a": b"x" * 100})
    make.bucket(ada, "taken")

    with pytest.raises(buckets.BucketExists):
        buckets.move(bucket, ada.namespace, "TAKEN", by=by)
    moved = buckets.move(bucket, ada.namespace, "two", by=by)
    hidden = buckets.update_settings(moved, by=by, visibility="private")

    assert hidden.full_name == "ada/two"
    assert bucket_for(by, "ada/two") == hidden
    assert list(buckets_visible_to(eve).values_list("name", flat=True)) == ["taken"]
    assert buckets_visible_to(make.as_principal(StaffFactory())).count() == 2
    for principal, status in ((eve, 404), (ANONYMOUS, 401)):
        with pytest.raises(RepositoryNotFound) as refusal:
            bucket_for(principal, "ada/two")
        assert refusal.value.status == status
    assert AuditEntry.objects.filter(action__startswith="bucket.").count() >= 4


def test_a_batch_does_what_it_can_and_names_the_rest():
    ada = make.person("ada")
    by = make.as_principal(ada)
    bucket = make.bucket(ada)
    hashes = make.fill(bucket, {"old.txt": b"old" * 50, "gone.txt": b"gone" * 10}, by=by)
    moment = datetime(2024, 5, 6, tzinfo=UTC)

    failures = bucket_files.apply(
        bucket,
        [
            AddFile("new/a.txt", hashes["gone.txt"], moment, "text/plain"),
            AddFile("old.txt", hashes["gone.txt"]),
            AddFile("empty", EMPTY),
            AddFile("unknown", "a" * 64),
            AddFile("../up", hashes["old.txt"]),
            CopyFile("b.txt", EMPTY, "bucket", bucket.full_name),
            CopyFile("c.txt", hashes["old.txt"], "bucket", bucket.full_name.upper()),
            CopyFile("d.txt", hashes["old.txt"], "nonsense", "ada/none"),
            DeleteFile("gone.txt"),
            DeleteFile("gone.txt"),
            DeleteFile("empty"),
        ],
        by=by,
    )

    assert errors(failures) == ["unknown", "../up", "b.txt", "d.txt", "gone.txt"]
    assert paths(bucket) == ["c.txt", "new/a.txt", "old.txt"]
    added = BucketFile.objects.get(path="new/a.txt")
    assert (added.size, added.mtime, added.content_type) == (40, moment, "text/plain")
    bucket.refresh_from_db()
    assert (bucket.size, bucket.total_files) == (40 + 40 + 150, 3)


def test_files_come_from_where_their_author_may_read():
    ada, eve = make.person("ada"), make.person("eve")
    by = make.as_principal(eve)
    _open, public = with_xet_file(ada, b"public" * 1000, name="open")
    _secret, private = with_xet_file(ada, b"private" * 1000, name="secret", visibility="private")
    hidden = make.bucket(ada, "hidden", visibility="private", files={"x": b"hidden" * 1000})
    hashed = BucketFile.objects.get(bucket=hidden).xet_hash
    own = make.bucket(eve, "own")

    failures = bucket_files.apply(
        own,
        [
            CopyFile("public", public, "model", "ada/open"),
            CopyFile("wrong place", private, "model", "ada/open"),
            CopyFile("private", private, "model", "ada/secret"),
            CopyFile("hidden", hashed, "bucket", "ada/hidden"),
            AddFile("guessed", hashed),
            AddFile("guessed too", private),
        ],
        by=by,
    )

    assert errors(failures) == ["wrong place", "private", "hidden", "guessed", "guessed too"]
    assert paths(own) == ["public"]
    copied = bucket_files.apply(hidden, [CopyFile("y", private, "model", "ada/secret")], by=make.as_principal(ada))
    assert copied == []


def test_what_was_uploaded_elsewhere_but_never_used_is_nobodys_to_copy():
    ada = make.person("ada")
    draft = make.bucket(ada, "draft")
    file = ingest(stores.xet_store(), io.BytesIO(b"draft" * 1000))
    objects.hold_xet(draft, [file], by=make.as_principal(ada))
    own = make.bucket(eve := make.person("eve"))

    failures = bucket_files.apply(own, [CopyFile("a", file.hash, "bucket", "ada/draft")], by=make.as_principal(eve))

    assert errors(failures) == ["a"]


@pytest.mark.parametrize("count", [1, 3])
def test_a_batch_takes_the_same_number_of_queries(count, django_assert_num_queries):
    ada = make.person("ada")
    by = make.as_principal(ada)
    bucket = make.bucket(ada)
    hashes = make.fill(bucket, {f"{number}": b"%d" % number * 100 for number in range(3)}, by=by)

    with django_assert_num_queries(20):
        done = [AddFile(f"new {number}", hashes[f"{number}"]) for number in range(count)]
        done += [
            CopyFile(f"copy {number}", hashes[f"{number}"], "bucket", str(bucket.full_name)) for number in range(count)
        ]
        done += [DeleteFile(f"{number}") for number in range(count)]
        assert bucket_files.apply(bucket, done, by=by) == []


def test_lists_follow_paths_whatever_the_prefix():
    ada = make.person("ada")
    names = ["a", "a.txt", "a/b/c", "a/b/d", "a/x", "a0", "b", "ü/\U0001f600", "ü/é"]
    bucket = make.bucket(ada, files={name: name.encode() * 50 for name in names})
    make.bucket(ada, files={"other": b"other" * 50})

    assert paths(bucket) == sorted(names)
    assert paths(bucket, "a/") == ["a/b/c", "a/b/d", "a/x"]
    assert paths(bucket, "a/b") == ["a/b/c", "a/b/d"]
    assert paths(bucket, "ü/\U0001f600") == ["ü/\U0001f600"]
    level = entries_in(bucket, limit=100)
    assert [entry.path for entry in level] == ["a", "a.txt", "a", "a0", "b", "ü"]
    assert [entry.is_folder for entry in level] == [False, False, True, False, False, True]
    times = {file.path: file.uploaded_at for file in BucketFile.objects.filter(bucket=bucket)}
    late = BucketFile.objects.filter(bucket=bucket, path="a/b/d")
    late.update(uploaded_at=max(times.values()) + timedelta(hours=1))
    folder = next(entry for entry in entries_in(bucket, limit=100) if entry.is_folder)
    assert (folder.path, folder.uploaded_at) == ("a", late.get().uploaded_at)
    assert [entry.path for entry in entries_in(bucket, "a", limit=100)] == ["a/b", "a/x"]
    assert [entry.path for entry in entries_in(bucket, "ü/", limit=100)] == ["ü/é", "ü/\U0001f600"]
    assert entries_in(bucket, "nothing", limit=100) == []


@pytest.mark.parametrize("folder", ["", "a", "a/b"])
def test_pages_of_a_folder_join_without_gap_or_repetition(folder):
    names = ["a", "a/b/c", "a/b/d", "a/b/e/f", "a/x", "b/1", "b/2", "c"]
    bucket = make.bucket(files={name: name.encode() * 50 for name in names})

    whole = entries_in(bucket, folder, limit=100)
    found, start = [], ""
    while page := entries_in(bucket, folder, start=start, limit=1):
        found += page
        start = page[-1].next_start

    assert [entry.path for entry in found] == [entry.path for entry in whole]


def test_changing_a_bucket_that_was_deleted_meanwhile_is_refused():
    ada = make.person("ada")
    by = make.as_principal(ada)
    bucket = make.bucket(ada)
    stale = bucket_for(by, bucket.full_name)
    buckets.delete(bucket, by=by)

    with pytest.raises(RepositoryNotFound):
        bucket_files.apply(stale, [AddFile("empty", EMPTY)], by=by)


def test_clean_up_leaves_what_a_bucket_holds():
    ada = make.person("ada")
    bucket = make.bucket(ada, files={"a": b"kept" * 5000})
    kept = BucketFile.objects.select_related("object").get(bucket=bucket)

    maintenance.tidy()

    assert b"".join(stores.xet_store().read_file(kept.xet_hash)) == b"kept" * 5000
    with pytest.raises(ProtectedError):
        kept.object.delete()
    buckets.delete(bucket, by=make.as_principal(ada))
    assert LargeObject.objects.filter(pk=kept.object_id).exists()
    assert not BucketFile.objects.filter(pk=kept.pk).exists()


def test_new_buckets_are_as_the_organisation_has_it():
    ada = make.person("ada")
    lab = OrganisationFactory(name="lab", admin=ada)
    by = make.as_principal(ada)
    assert buckets.create(lab.namespace, "open", by=by).visibility == "public"
    lab.is_private_by_default = True
    lab.save()
    lab = Organisation.objects.get(pk=lab.pk)

    assert buckets.create(lab.namespace, "closed", by=by).visibility == "private"
    assert buckets.create(lab.namespace, "shown", by=by, visibility="public").visibility == "public"
