"""The one place where a job changes its state."""

from django.utils import timezone

from accounts.services import tokens
from common.errors import Conflict
from common.services import audit, outbox
from compute.algorithms import charging
from compute.enums import JOB_MOVES, UNCHARGED_ATTEMPTS, JobState
from compute.models import Job
from compute.services import allocations


def move(job: Job, to: JobState, *, reason: str = "", by: object = None) -> Job:
    """Move a locked job. Ending it settles its account, destroys its secrets and tokens, and tells the others.

    Raises Conflict when the table of moves has no such move. Call it inside a transaction.
    """
    if to not in JOB_MOVES[JobState(job.state)]:
        raise Conflict(f"A job that is {job.state} cannot become {to}.", code="state")
    job.state = to
    job.reason = reason
    if to is JobState.RUNNING and job.started_at is None:
        job.started_at = timezone.now()
    if to.is_terminal:
        _end(job)
    job.save()
    audit.record(f"job.{to}", job.reference, actor=by, reason=reason)
    return job


def _end(job: Job) -> None:
    charges = job.attempts.exclude(state__in=UNCHARGED_ATTEMPTS).values_list("charged", flat=True)
    job.charged = charging.settlement(charges=list(charges), reserved=job.reserved)
    job.finished_at = timezone.now()
    job.sealed_secrets = ""
    allocations.settle(job.allocation, amount=job.charged, reference=job.reference)
    tokens.revoke_job_tokens(job.id)
    outbox.emit(
        "job.finished",
        f"job.finished:{job.id}",
        {"job": job.id, "state": job.state, "gpu_seconds": job.charged, "namespace": job.namespace.name},
    )
