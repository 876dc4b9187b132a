"""Each invariant is broken behind the database's back, and the auditor must notice."""

import pytest
from django.db import connection

from common.services import auditing
from compute import auditors
from compute.enums import AttemptState
from compute.models import Attempt, Job
from compute.services import attempts, dispatch
from compute.services.attempts import Result
from tests.factories import compute as make

pytestmark = pytest.mark.django_db
OURS = ("compute.gpu_seconds_balance", "compute.jobs_charged_once", "compute.reservations_settled_within")


@pytest.fixture
def job() -> Job:
    """A finished job that paid 5 GPU-seconds after one lost attempt, and an open one."""
    made = make.job(timeout_seconds=60)
    for state, milliseconds in ((AttemptState.INTERRUPTED, 3000), (AttemptState.SUCCEEDED, 4500)):
        dispatch.dispatch()
        token = made.attempts.last().token
        attempts.claim(token, worker="test")
        attempts.finish(token, Result(state, milliseconds=milliseconds))
    make.job(timeout_seconds=60)
    made.refresh_from_db()
    assert violations() == {}
    return made


def violations() -> dict[str, list[str]]:
    found = {
        "balance": auditors.audit_gpu_seconds(),
        "reservations": auditors.audit_reservations(),
        "charges": auditors.audit_charges(),
    }
    return {name: sentences for name, sentences in found.items() if sentences}


def tamper(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE compute_gpusecondentry DISABLE TRIGGER USER")
        cursor.execute(statement)
        cursor.execute("ALTER TABLE compute_gpusecondentry ENABLE TRIGGER USER")


def test_they_are_registered():
    assert set(OURS) <= set(auditing._auditors)


def test_an_entry_that_vanished(job):
    tamper("DELETE FROM compute_gpusecondentry WHERE kind = 'grant'")
    assert "granted 100000, but its entries add up" in violations()["balance"][0]


def test_a_settlement_that_was_changed(job):
    tamper("UPDATE compute_gpusecondentry SET amount = amount + 1 WHERE kind = 'settle'")
    found = violations()
    assert found["reservations"][0] == f"Reservation job:{job.id} is overdrawn by 1."
    assert found["charges"] == [f"job:{job.id} shows 5 and its account 6."]


def test_an_ended_job_that_still_holds(job):
    tamper("DELETE FROM compute_gpusecondentry WHERE kind = 'release'")
    assert violations()["reservations"] == [f"job:{job.id} has ended and still holds 55 GPU-seconds."]


def test_an_open_job_without_its_reservation(job):
    tamper("DELETE FROM compute_gpusecondentry WHERE id = (SELECT max(id) FROM compute_gpusecondentry)")
    assert "should hold 60 GPU-seconds and holds 0" in violations()["reservations"][0]


def test_a_lost_attempt_that_was_charged(job):
    Attempt.objects.filter(state=AttemptState.INTERRUPTED).update(charged=3)
    assert violations()["charges"] == [f"Attempt {job.id} #1 was lost and yet charged."]


def test_a_charge_without_an_attempt(job):
    Attempt.objects.filter(state=AttemptState.SUCCEEDED).update(charged=1)
    assert violations()["charges"] == [f"job:{job.id} was charged 5 for attempts that cost 1."]


@pytest.mark.django_db(transaction=True)
def test_the_command_runs_them(job):
    findings = {finding.name: finding.violations for finding in auditing.run_all() if finding.name in OURS}
    assert findings == {key: [] for key in OURS}
