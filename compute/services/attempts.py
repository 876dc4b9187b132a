"""The life of an attempt, as its worker and the reconciler report it.

A worker proves itself by the attempt's token. Once the reconciler has given an attempt up, its token
is worth nothing: late results are refused, whatever they say.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.services import tokens
from common.services import audit
from compute.algorithms import charging
from compute.enums import LIVE_ATTEMPTS, UNCHARGED_ATTEMPTS, AttemptState, JobState
from compute.models import Attempt, Job
from compute.services import states

_RELATED = ("job", "job__namespace", "job__flavor", "job__allocation", "job__submitted_by", "job__flavor__cluster")


@dataclass(frozen=True)
class Result:
    """What a worker measured. `state` is one of the ends of an attempt."""

    state: AttemptState
    reason: str = ""
    exit_code: int | None = None
    milliseconds: int = 0
    cpu_milliseconds: int = 0
    peak_memory: int = 0
    sandbox: str = ""
    sandbox_notes: tuple[str, ...] = ()


@transaction.atomic
def claim(token: str, *, worker: str) -> Attempt | None:
    """Take an attempt that waits for a worker; None when another message came first or it was cancelled."""
    attempt = _lock(token, {AttemptState.STARTING})
    if attempt is None:
        return None
    attempt.state = AttemptState.RUNNING
    attempt.worker = worker
    attempt.started_at = timezone.now()
    attempt.lease_until = _next_lease()
    attempt.save()
    states.move(attempt.job, JobState.RUNNING)
    return attempt


def heartbeat(token: str) -> Job | None:
    """Extend the lease; returns the job (to see whether it shall be cancelled), or None when fenced off."""
    extended = Attempt.objects.filter(token=token, state=AttemptState.RUNNING).update(lease_until=_next_lease())
    return Job.objects.get(attempts__token=token) if extended else None


@transaction.atomic
def record_sandbox(token: str, *, level: str, notes: list[str]) -> None:
    Attempt.objects.filter(token=token).update(sandbox=level, sandbox_notes=notes)


@transaction.atomic
def finish(token: str, result: Result) -> bool:
    """Record the end that a worker measured; False when the attempt is no longer its own."""
    attempt = _lock(token, {AttemptState.RUNNING})
    if attempt is None:
        return False
    _close(attempt, result)
    job = attempt.job
    if job.cancel_requested_at is not None and result.state not in {AttemptState.SUCCEEDED, AttemptState.FAILED}:
        states.move(job, JobState.CANCELLED, reason=_("Cancelled."))
    elif result.state in UNCHARGED_ATTEMPTS:
        _try_again(job, result.reason)
    elif result.state is AttemptState.FAILED and _may_retry(job):
        states.move(job, JobState.QUEUED, reason=result.reason)
    else:
        states.move(job, JobState(result.state.value), reason=result.reason)
    return True


@transaction.atomic
def lose(attempt: Attempt, *, reason: str) -> bool:
    """Give up an attempt whose lease has run out. The holder pays nothing for it."""
    found = _lock(attempt.token, {AttemptState.RUNNING})
    if found is None or found.lease_until > timezone.now():
        return False
    _close(found, Result(AttemptState.LOST, reason))
    if found.job.cancel_requested_at is not None:
        states.move(found.job, JobState.CANCELLED, reason=_("Cancelled."))
    else:
        _try_again(found.job, reason)
    return True


def remaining_seconds(job: Job) -> int:
    """The job's time limit less what its charged attempts used."""
    paid = job.attempts.exclude(state__in=UNCHARGED_ATTEMPTS | LIVE_ATTEMPTS).values_list("milliseconds", flat=True)
    return max(1, job.timeout_seconds - sum(paid) // 1000)


def _close(attempt: Attempt, result: Result) -> None:
    attempt.state = result.state
    attempt.ended_at = timezone.now()
    attempt.reason = result.reason
    attempt.exit_code = result.exit_code
    attempt.milliseconds = result.milliseconds
    attempt.cpu_milliseconds = result.cpu_milliseconds
    attempt.peak_memory = result.peak_memory
    attempt.sandbox = result.sandbox or attempt.sandbox
    attempt.sandbox_notes = list(result.sandbox_notes) or attempt.sandbox_notes
    if result.state not in UNCHARGED_ATTEMPTS:
        attempt.charged = charging.charge(milliseconds=result.milliseconds, rate=attempt.job.flavor.rate)
    attempt.save()
    tokens.revoke_job_tokens(attempt.job_id)
    audit.record(f"attempt.{result.state}", attempt.job.reference, number=attempt.number, reason=result.reason)


def _try_again(job: Job, reason: str) -> None:
    """Back into the queue, unless the cluster lost it too often; the operator's own stops do not count."""
    lost = job.attempts.filter(state=AttemptState.LOST).count()
    if lost >= settings.COMPUTE_LOST_ATTEMPTS:
        states.move(
            job,
            JobState.FAILED,
            reason=_("The cluster lost this job %(times)d times; nothing is charged for that. Last: %(reason)s")
            % {"times": lost, "reason": reason},
        )
        return
    states.move(
        job,
        JobState.QUEUED,
        reason=_("The last attempt was lost (%(reason)s) It will be resumed.") % {"reason": reason},
    )


def _may_retry(job: Job) -> bool:
    """Whether the holder asked for more attempts and there is time left."""
    if job.cancel_requested_at is not None:
        return False
    used = job.attempts.exclude(state__in=UNCHARGED_ATTEMPTS | LIVE_ATTEMPTS)
    return (
        used.count() < job.max_attempts
        and sum(used.values_list("milliseconds", flat=True)) < job.timeout_seconds * 1000
    )


def _lock(token: str, states_: set[AttemptState]) -> Attempt | None:
    """Job first, then attempt: everybody locks in this order."""
    job = Job.objects.select_for_update().filter(attempts__token=token).order_by().first()
    if job is None:
        return None
    return (
        Attempt.objects.select_for_update(of=("self",))
        .select_related(*_RELATED)
        .filter(token=token, state__in=states_)
        .first()
    )


def _next_lease() -> datetime:
    return timezone.now() + timedelta(seconds=settings.COMPUTE_LEASE_SECONDS)
