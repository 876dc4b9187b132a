"""The sweeper, its undo and the check of everything, for objects that lie on S3."""

import hashlib
import io
import os
from datetime import timedelta

import pytest
from django.utils import timezone

from hub import stores
from hub.enums import SweepState
from hub.models import LargeObject
from hub.services import checking, objects, sweep_undo, sweeping
from hub.storage.errors import StoreUnavailable
from hub.storage.s3.bucket import Bucket
from hub.storage.xet.ingest import ingest
from tests.factories import hub as make

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def kept(s3_settings, settings, tmp_path):
    """A plain object and a Xet file that a repository holds, and one of each that nothing names."""
    settings.REPOSITORIES_ROOT = tmp_path / "repositories"
    ada = make.person("ada")
    repository = make.repository(ada, "tiny")
    data = os.urandom(1000)
    sha256 = hashlib.sha256(data).hexdigest()
    plain = objects.receive(repository, sha256, len(data), io.BytesIO(data), by=make.as_principal(ada))
    file = ingest(stores.xet_store(), io.BytesIO(os.urandom(100_000)))
    objects.hold_xet(repository, [file], by=make.as_principal(ada))
    stores.plain_objects().put(io.BytesIO(b"orphan"), hashlib.sha256(b"orphan").hexdigest())
    ingest(stores.xet_store(), io.BytesIO(os.urandom(100_000)))
    return plain, file


def keys(place):
    found = (item.key for item in Bucket(place).items(""))
    return sorted(key for key in found if not key.startswith("touched/"))


def test_a_sweep_takes_what_nothing_names_and_gives_it_back(kept, s3_settings, settings):
    settings.SWEEP_UPLOADS_DAYS = 1000
    before = keys(s3_settings)
    later = timezone.now() + timedelta(days=400)

    run = sweeping.sweep(delete=True, now=later)

    assert run.state == SweepState.SWEPT
    assert {kind: facts["count"] for kind, facts in run.counts.items()} == {"plain": 1, "recipe": 1, "xorb": 1}
    left = [key for key in keys(s3_settings) if not key.startswith("trash/")]
    assert len(left) == len(before) - 4
    assert list(checking.check_object(kept[0], deep=True)) == []
    assert b"".join(stores.xet_store().read_file(kept[1].hash))

    run, failures = sweep_undo.undo(run.pk)

    assert failures == []
    assert keys(s3_settings) == before

    again = sweeping.sweep(delete=True, now=later)
    assert sweep_undo.purge(now=later + timedelta(days=400)) == 1
    again.refresh_from_db()
    assert again.state == SweepState.PURGED
    assert keys(s3_settings) == left


def test_the_check_finds_what_is_missing_and_believes_no_silence(kept, s3_settings, settings):
    plain, file = kept
    xet = LargeObject.objects.get(xet_hash=file.hash)
    assert list(checking.check_object(xet, deep=True)) == []
    Bucket(s3_settings).delete(f"plain/{plain.pk}")
    (xorb,) = file.xorbs
    Bucket(s3_settings).delete(f"xorbs/{xorb}")

    assert "missing" in str(next(checking.check_object(plain)))
    assert "missing" in str(next(checking.check_object(xet)))

    settings.S3_ENDPOINT = "http://127.0.0.1:9"
    for found in (plain, xet):
        with pytest.raises(StoreUnavailable):
            list(checking.check_object(found, repair=True))
