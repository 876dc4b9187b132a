"""What followers of a bucket are told: each path once, in order, and nothing after they may not read it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.principal import ANONYMOUS
from hub.models import Bucket
from hub.selectors import bucket_feed as selectors
from hub.services import bucket_feed, bucket_files, buckets
from hub.services.bucket_files import AddFile, DeleteFile
from tests.factories import hub as make

pytestmark = pytest.mark.django_db


def told(bucket, place=0, principal=ANONYMOUS):
    changes = selectors.changes_after(bucket.pk, place, principal)
    return changes if changes is None else [(one.path, one.kind) for one in changes]


def test_each_path_is_told_once_as_it_ended():
    ada = make.person("ada")
    by = make.as_principal(ada)
    bucket = make.bucket(ada, files={"kept": b"1", "gone": b"2"})
    place = selectors.newest_place(bucket)
    hashes = make.fill(bucket, {"new": b"3"}, by=by)
    name = hashes["new"]

    operations = [AddFile("kept", name), DeleteFile("gone"), AddFile("short", name), DeleteFile("short")]
    bucket_files.apply(bucket, operations, by=by)

    assert told(bucket, place) == [("new", "add"), ("kept", "update"), ("gone", "delete")]


def test_a_bucket_that_was_closed_tells_strangers_nothing():
    ada = make.person("ada")
    bucket = make.bucket(ada, files={"a": b"1"})
    buckets.update_settings(bucket, by=make.as_principal(ada), visibility="private")

    assert told(bucket) is None
    assert told(bucket, principal=make.as_principal(ada)) == [("a", "add")]
    buckets.delete(bucket, by=make.as_principal(ada))
    assert told(bucket, principal=make.as_principal(ada)) is None


def test_a_time_finds_its_place_until_it_is_forgotten():
    bucket = make.bucket(make.person("ada"), files={"a": b"1"})
    now = timezone.now()
    bucket.changes.update(at=now - timedelta(days=8))

    assert selectors.place_of(bucket, now - timedelta(days=9)) == 0
    assert bucket_feed.forget_old() == 1
    bucket = Bucket.objects.get(pk=bucket.pk)
    assert selectors.place_of(bucket, now - timedelta(days=9)) is None
    # Clients know the time of the last change to the millisecond, and nothing happened after it.
    cut = (now - timedelta(days=8)).replace(microsecond=now.microsecond // 1000 * 1000)
    assert selectors.place_of(bucket, cut) == bucket.forgotten == selectors.newest_place(bucket)
    assert bucket_feed.forget_old() == 0
