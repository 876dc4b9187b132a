from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import AccessToken
from accounts.services import tokens
from compute.auditors import audit_charges, audit_gpu_seconds, audit_reservations
from compute.enums import AttemptState
from compute.models import Attempt, Job
from compute.selectors import balances
from compute.services import attempts, dispatch, submissions
from compute.services.attempts import Result
from tests.factories import compute as make

pytestmark = pytest.mark.django_db


def begun(*command: str, **changes: object) -> Attempt:
    """A job whose attempt a worker has claimed."""
    job = make.job(*command, **changes)
    dispatch.dispatch()
    return attempts.claim(job.attempts.get().token, worker="test")


def silence(attempt: Attempt) -> Attempt:
    Attempt.objects.filter(pk=attempt.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    return attempt


def next_attempt(job: Job) -> Attempt:
    dispatch.dispatch()
    return attempts.claim(job.attempts.last().token, worker="test")


def books_balance() -> bool:
    return audit_gpu_seconds() + audit_reservations() + audit_charges() == []


def test_only_the_first_claim_counts():
    job = make.job()
    dispatch.dispatch()
    token = job.attempts.get().token
    assert attempts.claim(token, worker="one").worker == "one"
    assert attempts.claim(token, worker="two") is None
    assert attempts.claim("nonsense", worker="three") is None
    job.refresh_from_db()
    assert job.state == "running"


def test_a_finished_attempt_is_charged_once():
    attempt = begun()
    result = Result(AttemptState.SUCCEEDED, exit_code=0, milliseconds=2500)
    assert attempts.finish(attempt.token, result) is True
    assert attempts.finish(attempt.token, Result(AttemptState.FAILED, milliseconds=9000)) is False
    job = Job.objects.get()
    assert (job.state, job.charged) == ("succeeded", 3)
    assert balances(job.allocation).used == 3
    assert books_balance()


def test_a_lost_attempt_costs_nothing_and_its_worker_is_fenced_off():
    attempt = silence(begun())
    hub_token = tokens.issue_job_token(
        attempt.job.submitted_by, namespace=attempt.job.namespace, job=attempt.job_id, expires_at=timezone.now()
    )
    dispatch.reconcile()
    job = Job.objects.get()
    first, second = job.attempts.all()
    assert (first.state, second.state, job.state) == ("lost", "starting", "starting")
    assert attempts.heartbeat(first.token) is None
    assert attempts.finish(first.token, Result(AttemptState.SUCCEEDED, milliseconds=99_000)) is False
    assert AccessToken.objects.get(reference=f"job:{job.id}").revoked_at is not None
    assert hub_token.startswith("hf_")
    attempts.claim(second.token, worker="other")
    attempts.finish(second.token, Result(AttemptState.SUCCEEDED, milliseconds=4000))
    job.refresh_from_db()
    assert (job.state, job.charged) == ("succeeded", 4)
    assert books_balance()


def test_a_job_lost_too_often_is_given_up_without_charge():
    attempt = silence(begun())
    for _time in range(2):
        dispatch.reconcile()
        attempt = silence(attempts.claim(attempt.job.attempts.last().token, worker="test"))
    dispatch.reconcile()
    job = Job.objects.get()
    assert (job.state, job.charged, job.attempts.count()) == ("failed", 0, 3)
    assert "lost this job 3 times" in job.reason
    assert books_balance()


def test_stops_by_the_operator_do_not_count_as_lost():
    job = make.job()
    for _time in range(5):
        attempts.finish(next_attempt(job).token, Result(AttemptState.INTERRUPTED, milliseconds=1000))
        job.refresh_from_db()
        assert job.state == "queued"
    assert attempts.finish(next_attempt(job).token, Result(AttemptState.SUCCEEDED, milliseconds=1000))
    job.refresh_from_db()
    assert job.charged == 1


def test_a_live_lease_is_not_lost():
    attempt = begun()
    assert attempts.lose(attempt, reason="impatience") is False
    assert attempts.heartbeat(attempt.token).pk == attempt.job_id


def test_a_lost_message_is_sent_again_with_the_same_token(django_capture_on_commit_callbacks):
    job = make.job()
    dispatch.dispatch()
    attempt = silence(job.attempts.get())
    with django_capture_on_commit_callbacks() as callbacks:
        dispatch.reconcile()
    assert len(callbacks) == 1
    again = job.attempts.get()
    assert (again.token, again.state) == (attempt.token, "starting")
    assert again.lease_until > timezone.now()


def test_retries_that_were_asked_for_are_paid_and_share_the_time_limit():
    job = make.job(attempts=3, timeout_seconds=10)
    attempts.finish(next_attempt(job).token, Result(AttemptState.FAILED, "exit code 1", 1, milliseconds=4000))
    job.refresh_from_db()
    assert job.state == "queued"
    second = next_attempt(job)
    assert attempts.remaining_seconds(job) == 6
    attempts.finish(second.token, Result(AttemptState.FAILED, "exit code 1", 1, milliseconds=6500))
    job.refresh_from_db()
    assert (job.state, job.charged) == ("failed", 10)
    assert books_balance()


def test_cancelling_before_a_worker_claims_ends_it_at_once():
    job = make.job()
    dispatch.dispatch()
    submissions.cancel(job, by=make.principal(make.person()))
    assert attempts.claim(job.attempts.get().token, worker="late") is None
    job.refresh_from_db()
    assert (job.state, job.charged) == ("cancelled", 0)
    assert books_balance()


@pytest.mark.parametrize("state", [AttemptState.CANCELLED, AttemptState.INTERRUPTED, AttemptState.LOST])
def test_a_running_job_that_shall_end_is_cancelled_however_it_ends(state):
    attempt = begun()
    job = submissions.cancel(attempt.job, by=make.principal(make.person()))
    assert job.state == "running"
    assert attempts.heartbeat(attempt.token).cancel_requested_at is not None
    attempts.finish(attempt.token, Result(state, milliseconds=1500))
    job.refresh_from_db()
    assert (job.state, job.charged) == ("cancelled", 2 if state == AttemptState.CANCELLED else 0)
    assert books_balance()


def test_a_cancelled_job_whose_worker_died_ends_without_charge():
    attempt = begun()
    submissions.cancel(attempt.job, by=make.principal(make.person()))
    silence(attempt)
    dispatch.reconcile()
    job = Job.objects.get()
    assert (job.state, job.charged, job.attempts.count()) == ("cancelled", 0, 1)


events = st.lists(
    st.tuples(st.sampled_from(["finish", "fail", "lose", "interrupt", "cancel", "repeat"]), st.integers(0, 40_000)),
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=events, wanted=st.integers(1, 3))
def test_whatever_happens_to_attempts_nothing_is_charged_twice(events, wanted):
    from django.db import transaction

    with transaction.atomic():
        job = make.job(timeout_seconds=60, attempts=wanted)
        seen: list[str] = []
        for verb, milliseconds in events:
            dispatch.dispatch()
            live = job.attempts.filter(state__in=["starting", "running"]).first()
            if live is not None:
                attempts.claim(live.token, worker="test")
                seen.append(live.token)
            for token in seen if verb == "repeat" else seen[-1:]:
                _happen(verb, token, milliseconds, job)
            assert books_balance()
        job.refresh_from_db()
        assert job.charged is None or job.charged <= 60
        transaction.set_rollback(True)


def _happen(verb: str, token: str, milliseconds: int, job: Job) -> None:
    ends = {
        "finish": AttemptState.SUCCEEDED,
        "repeat": AttemptState.SUCCEEDED,
        "fail": AttemptState.FAILED,
        "interrupt": AttemptState.INTERRUPTED,
    }
    if verb == "lose":
        dispatch_attempt = Attempt.objects.get(token=token)
        if dispatch_attempt.state == AttemptState.RUNNING:
            attempts.lose(silence(dispatch_attempt), reason="silence")
    elif verb == "cancel":
        submissions.cancel(job, by=make.principal(make.person()))
    else:
        attempts.finish(token, Result(ends[verb], "because", milliseconds=milliseconds))
