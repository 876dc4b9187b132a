import itertools

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from common.errors import Conflict
from common.models import OutboxEvent
from compute.enums import JOB_MOVES, TERMINAL_STATES, JobState
from compute.models import Job
from compute.services import states
from tests.factories import compute as make

pytestmark = pytest.mark.django_db

ALLOWED = {
    ("queued", "starting"),
    ("queued", "cancelled"),
    ("starting", "running"),
    ("starting", "cancelled"),
    ("running", "succeeded"),
    ("running", "failed"),
    ("running", "cancelled"),
    ("running", "timed_out"),
    ("running", "queued"),
}


def job_in(state: JobState) -> Job:
    job = make.job()
    ended = {"charged": 0, "finished_at": timezone.now(), "sealed_secrets": ""} if state in TERMINAL_STATES else {}
    Job.objects.filter(pk=job.pk).update(state=state, **ended)
    job.refresh_from_db()
    return job


def test_the_table_is_this_one():
    assert {(str(one), str(two)) for one, moves in JOB_MOVES.items() for two in moves} == ALLOWED
    assert {"succeeded", "failed", "cancelled", "timed_out"} == TERMINAL_STATES


@pytest.mark.parametrize(("before", "after"), list(itertools.product(JobState, JobState)))
def test_every_move(before, after):
    job = job_in(before)
    if (before, after) in ALLOWED:
        assert states.move(job, after).state == after
    else:
        with pytest.raises(Conflict):
            states.move(job, after)
        job.refresh_from_db()
        assert job.state == before


def test_an_end_settles_and_tells_once():
    job = job_in(JobState.RUNNING)
    states.move(job, JobState.SUCCEEDED)
    assert (job.charged, job.sealed_secrets) == (0, "")
    event = OutboxEvent.objects.get(topic="job.finished")
    assert event.payload == {"job": job.id, "state": "succeeded", "gpu_seconds": 0, "namespace": "researcher"}


@pytest.mark.parametrize(
    "wrong",
    [{"state": "strange"}, {"state": "succeeded"}, {"charged": 5}, {"charged": 10**9}, {"finished_at": timezone.now()}],
)
def test_the_database_refuses_what_cannot_be(wrong):
    job = make.job()
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(**wrong)
