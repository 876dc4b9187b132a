"""What names keep is counted exactly, limited everywhere, and freed at once."""

import io
import threading

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Namespace
from common.errors import Refusal
from hub import stores
from hub.errors import FileTooLarge, StorageFull
from hub.models import BucketObject, Repository, RepositoryObject
from hub.selectors.storage import limits_of, recount, released, unnamed_uploads, usage_of
from hub.services import bucket_files, buckets, commits, large_files, objects, quotas, refs, repositories
from hub.services.bucket_files import AddFile, CopyFile, DeleteFile
from hub.services.commits import AddPointer
from hub.storage.xet.ingest import ingest
from tests.factories import hub as make

pytestmark = pytest.mark.django_db
BY_THREADS = pytest.mark.django_db(transaction=True)


def used(home):
    return type(home).objects.values_list("used_storage", flat=True).get(pk=home.pk)


def allow(owner, **limits):
    quotas.set_limits(owner.namespace, by="test", **limits)


def test_each_object_counts_once_in_each_repository():
    ada = make.person("ada")
    by = make.as_principal(ada)
    one, two = make.repository(ada), make.repository(ada)
    make.put_large(one, {"a.bin": b"x" * 1000, "copy.bin": b"x" * 1000, "b.bin": b"y" * 10}, by=by)
    make.put_large(two, {"a.bin": b"x" * 1000}, by=by)

    assert (used(one), used(two)) == (1010, 1000)
    usage = usage_of(ada.namespace.pk)
    assert usage.repositories == 2
    assert usage.public_bytes == 2010 + sum(Repository.objects.values_list("git_size", flat=True))
    assert usage.private_bytes == 0


def test_limits_come_from_staff_else_from_the_settings(settings):
    settings.LIMIT_PRIVATE_BYTES = 77_000
    ada = make.person("ada")
    allow(ada, public_bytes=5, repositories=0)

    assert limits_of(ada.namespace.pk).public_bytes == 5
    assert limits_of(ada.namespace.pk).private_bytes == 77_000
    assert limits_of(make.person("bob").namespace.pk).public_bytes == settings.LIMIT_PUBLIC_BYTES
    for _number in range(3):
        make.repository(ada, visibility="private")


def test_a_refusal_says_what_is_used_what_is_allowed_and_what_to_do():
    ada = make.person("ada")
    repository = make.repository(ada)
    allow(ada, public_bytes=3000)

    with pytest.raises(StorageFull) as caught:
        make.upload(repository, b"x" * 5000, by=make.as_principal(ada))

    text = str(caught.value)
    assert "of 3.0 kB are used" in text
    assert "5.0 kB more" in text
    assert "/settings/storage" in text
    assert used(repository) == 0


def test_every_way_in_is_limited():
    ada = make.person("ada")
    by = make.as_principal(ada)
    repository, bucket = make.repository(ada), make.bucket(ada)
    other = make.repository(ada)
    digest = make.put_large(other, {"a.bin": b"x" * 9000}, by=by)["a.bin"]
    file = ingest(stores.xet_store(), io.BytesIO(b"z" * 9000))
    lent = make.bucket(make.person("bob"), files={"big": b"w" * 9000})
    name = lent.files.get().xet_hash
    allow(ada, public_bytes=usage_of(ada.namespace.pk).public_bytes + 8000)

    with pytest.raises(StorageFull):
        make.upload(repository, b"y" * 9000, by=by)
    with pytest.raises(StorageFull):
        objects.hold_xet(repository, [file], by=by)
    with pytest.raises(StorageFull):
        objects.hold_xet(bucket, [file], by=by)
    with pytest.raises(StorageFull):
        commits.commit(repository, [AddPointer("a.bin", digest, 9000)], by=by, message="Take from another one")
    with pytest.raises(StorageFull):
        make.put(repository, {"notes.txt": b"n" * 9000}, by=by)
    with pytest.raises(StorageFull):
        bucket_files.apply(bucket, [CopyFile("a", name, "bucket", lent.full_name)], by=by)
    assert used(repository) == used(bucket) == 0
    assert not RepositoryObject.objects.filter(repository=repository).exists()
    assert not BucketObject.objects.filter(bucket=bucket).exists()


def test_files_and_repositories_have_limits_of_their_own():
    ada = make.person("ada")
    by = make.as_principal(ada)
    repository = make.repository(ada)
    allow(ada, file_bytes=1000, repository_bytes=5000, repositories=2)

    with pytest.raises(FileTooLarge):
        make.upload(repository, b"x" * 1001, by=by)
    make.upload(repository, b"x" * 1000, by=by)
    with pytest.raises(StorageFull, match=repository.full_name):
        for number in range(9):
            make.upload(repository, bytes([number]) * 1000, by=by)
    make.bucket(ada)
    with pytest.raises(StorageFull, match="2 repositories and buckets"):
        make.repository(ada)
    with pytest.raises(StorageFull, match="2 repositories and buckets"):
        make.bucket(ada)


def test_hiding_or_moving_asks_the_limits_of_where_it_goes():
    ada, bob = make.person("ada"), make.person("bob")
    by = make.as_principal(ada)
    repository, bucket = make.repository(ada), make.bucket(ada, files={"a": b"x" * 9000})
    make.put_large(repository, {"a.bin": b"x" * 9000}, by=by)
    allow(ada, private_bytes=8000)

    with pytest.raises(StorageFull, match="private storage of ada"):
        repositories.update_settings(repository, by=by, visibility="private")
    with pytest.raises(StorageFull):
        buckets.update_settings(bucket, by=by, visibility="private")
    allow(ada, private_bytes=80_000)
    repositories.update_settings(repository, by=by, visibility="private")
    assert usage_of(ada.namespace.pk).private_bytes >= 9000
    assert usage_of(bob.namespace.pk).public_bytes == 0


def test_what_strangers_offer_counts_for_them():
    ada, eve = make.person("ada"), make.person("eve")
    repository = make.repository(ada)
    before = usage_of(ada.namespace.pk)
    allow(eve, private_bytes=1500)

    make.upload(repository, b"x" * 1000, by=make.as_principal(eve))
    with pytest.raises(StorageFull, match="private storage of eve"):
        make.upload(repository, b"y" * 1000, by=make.as_principal(eve))

    assert usage_of(eve.namespace.pk).private_bytes == 1000
    assert usage_of(ada.namespace.pk) == before


def test_what_is_deleted_frees_its_room_at_once_and_says_when_it_goes():
    ada = make.person("ada")
    by = make.as_principal(ada)
    repository, bucket = make.repository(ada), make.bucket(ada, files={"a": b"x" * 900, "b": b"y" * 100})
    doomed = make.repository(ada)
    make.put_large(repository, {"old.bin": b"1" * 5000}, by=by)
    make.put_large(repository, {"old.bin": b"2" * 300}, by=by)
    make.put_large(doomed, {"a.bin": b"3" * 70}, by=by)
    waiting = make.upload(repository, b"4" * 20, by=by)
    assert used(repository) == 5320
    assert released(ada.namespace).bytes == 0

    refs.squash(repository, "main", by=by)
    assert used(repository) == 320
    bucket_files.apply(bucket, [DeleteFile("a")], by=by)
    assert used(bucket) == 100
    repositories.delete(doomed, by=by)

    gone = released(ada.namespace)
    assert gone.bytes == 5970
    assert gone.first < gone.last
    assert unnamed_uploads(ada.namespace).bytes == 20
    assert RepositoryObject.objects.get(object_id=waiting).committed_at is None
    buckets.delete(bucket, by=by)
    assert usage_of(ada.namespace.pk).public_bytes == sum(
        sum(pair) for pair in Repository.objects.values_list("used_storage", "git_size")
    )


def test_branches_and_tags_keep_what_only_they_name():
    ada = make.person("ada")
    by = make.as_principal(ada)
    repository = make.repository(ada)
    make.put_large(repository, {"a.bin": b"1" * 1000}, by=by)
    refs.create_tag(repository, "v1", by=by)
    refs.create_branch(repository, "side", by=by)
    make.put_large(repository, {"b.bin": b"2" * 200}, by=by, branch="side")
    commits.commit(repository, [commits.DeleteFile("a.bin")], by=by, message="Remove it")

    refs.squash(repository, "main", by=by)
    assert used(repository) == 1200
    refs.delete_branch(repository, "side", by=by)
    assert used(repository) == 1000
    refs.delete_tag(repository, "v1", by=by)
    assert used(repository) == 0


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "upload",
                "commit",
                "remove",
                "squash",
                "branch",
                "unbranch",
                "delete",
                "duplicate",
                "fill",
                "empty",
                "drop",
            ]
        ),
        st.integers(0, 1),
        st.integers(1, 5),
    ),
    min_size=1,
    max_size=14,
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS, limit=st.sampled_from([0, 6000]))
def test_whatever_happens_usage_is_what_a_recount_gives(steps, limit):  # noqa: PLR0912 - one branch a verb
    owner = make.person()
    by = make.as_principal(owner)
    allow(owner, public_bytes=limit)
    homes = [make.repository(owner), make.repository(owner)]
    bucket = make.bucket(owner)
    for verb, which, number in steps:
        repository, content = homes[which], b"%d" % number * 500 * number
        try:
            match verb:
                case "upload":
                    make.upload(repository, content, by=by)
                case "commit":
                    make.put_large(repository, {f"{number}.bin": content}, by=by)
                case "remove":
                    operations = [commits.DeleteFile(f"{number}.bin")]
                    commits.commit(repository, operations, by=by, message="Remove")
                case "squash":
                    refs.squash(repository, "main", by=by)
                case "branch":
                    refs.create_branch(repository, f"b{number}", by=by)
                case "unbranch":
                    refs.delete_branch(repository, f"b{number}", by=by)
                case "delete":
                    digests = list(repository.objects_held.values_list("object_id", flat=True))
                    large_files.delete_for_good(repository, digests[:number], by=by, rewrite_history=bool(number % 2))
                case "duplicate":
                    held = repository.objects_held.select_related("object")
                    operations = [AddPointer(f"copy {row.object_id}", row.object_id, row.object.size) for row in held]
                    commits.commit(homes[1 - which], operations, by=by, message="Take over")
                case "fill":
                    make.fill(bucket, {f"{number}": content}, by=by)
                case "empty":
                    bucket_files.apply(bucket, [DeleteFile(f"{number}")], by=by)
                case "drop":
                    repositories.delete(repository, by=by)
                    homes[which] = make.repository(owner)
        except Refusal:
            pass  # over the limit, or nothing there to change: then nothing has changed
        for home in [*homes, bucket]:
            assert used(home) == recount(home)
        usage = usage_of(owner.namespace.pk)
        assert not limit or usage.public_bytes <= limit


@BY_THREADS
def test_two_at_once_never_pass_the_limit_together():
    owner = make.person("ada")
    by = make.as_principal(owner)
    repositories_ = [make.repository(owner) for _number in range(2)]
    before = usage_of(owner.namespace.pk).public_bytes
    allow(owner, public_bytes=before + 5000)
    results = []
    start = threading.Barrier(2)

    def work(repository, letter):
        try:
            start.wait()
            for number in range(5):
                try:
                    make.upload(repository, b"%s%d" % (letter, number) * 500, by=by)
                    results.append(1000)
                except StorageFull:
                    results.append(0)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=pair) for pair in zip(repositories_, (b"a", b"b"), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(results) == 10
    assert sum(results) == 5000
    assert usage_of(owner.namespace.pk).public_bytes == before + 5000
    assert Namespace.objects.get(user=owner).repositories.count() == 2


@BY_THREADS
def test_commits_and_squashes_at_once_lose_no_object_that_is_named():
    owner = make.person("ada")
    by = make.as_principal(owner)
    repository = make.repository(owner)
    refs.create_branch(repository, "side", by=by)
    named = []

    def write():
        try:
            for number in range(8):
                data = b"%d" % number * 400
                named.append(make.put_large(repository, {f"{number}.bin": data}, by=by, branch="side"))
        finally:
            connection.close()

    thread = threading.Thread(target=write)
    thread.start()
    for _number in range(8):
        refs.squash(repository, "main", by=by)
    thread.join()

    held = set(repository.objects_held.values_list("object_id", flat=True))
    assert held == {digest for one in named for digest in one.values()}
    assert used(repository) == recount(repository)


def test_a_bucket_takes_what_it_deleted_only_after_another_upload():
    ada = make.person("ada")
    by = make.as_principal(ada)
    bucket = make.bucket(ada)
    name = make.fill(bucket, {"a": b"x" * 500}, by=by)["a"]
    bucket_files.apply(bucket, [DeleteFile("a")], by=by)

    assert bucket_files.apply(bucket, [AddFile("a", name)], by=by) != []
    make.fill(bucket, {"a": b"x" * 500}, by=by)
    assert used(bucket) == 500
