"""What the worker does with the folder of an earlier job before the program begins."""

import shutil

import pytest
from django.conf import settings

from compute.backends.running import Order
from compute.enums import AttemptState
from compute.journal import JobFolder
from compute.services import continuing, submissions
from tests.factories import compute as make

pytestmark = pytest.mark.django_db


def folder_of(job):
    return JobFolder(settings.JOBS_ROOT, job.id)


@pytest.fixture
def job():
    """One that goes on from another."""
    by = make.principal(make.person())
    first = submissions.cancel(make.job(), by=by)
    folder_of(first).work.mkdir(parents=True)
    (folder_of(first).work / "checkpoint").write_text("half")
    job = submissions.go_on(first, by=by)
    folder_of(job).create()
    return job


def take_over(job, order=Order.CONTINUE):
    return continuing.take_over(job, folder_of(job), beat=lambda: order)


def test_the_folder_is_copied_once(job):
    assert take_over(job).files == 1
    (folder_of(job).work / "checkpoint").write_text("whole")
    assert take_over(job) is None
    assert (folder_of(job).work / "checkpoint").read_text() == "whole"
    assert (folder_of(job.continues).work / "checkpoint").read_text() == "half"


def test_other_jobs_begin_with_nothing():
    job = make.job()
    assert take_over(job) is None
    assert not folder_of(job).work.exists()


@pytest.mark.parametrize(
    ("order", "state"),
    [
        (Order.CANCEL, AttemptState.CANCELLED),
        (Order.INTERRUPT, AttemptState.INTERRUPTED),
        (Order.ABANDON, AttemptState.LOST),
    ],
)
def test_an_order_ends_the_copying_and_the_next_attempt_begins_anew(job, order, state):
    with pytest.raises(continuing.NotTakenOver) as end:
        take_over(job, order)
    assert end.value.result.state == state
    assert list(folder_of(job).path.iterdir()) == []
    assert take_over(job).files == 1


def test_a_folder_that_went_away_meanwhile_is_named(job):
    shutil.rmtree(folder_of(job.continues).work)
    with pytest.raises(continuing.NotTakenOver, match=f"{job.continues_id} is not there any more") as end:
        take_over(job)
    assert end.value.result.state == AttemptState.FAILED
