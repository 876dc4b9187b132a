"""Running one attempt on this machine, from claim to report. Called by the compute worker's task."""

import logging
import os
import socket
import sys
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from accounts.services import tokens
from common.quantities import format_bytes
from compute.backends import copying, running, sandbox
from compute.enums import UNCHARGED_ATTEMPTS, AttemptState
from compute.journal import STARTED, JobFolder, Journal
from compute.keeping import remove
from compute.models import Attempt, Job
from compute.services import attempts, continuing, volumes
from compute.services.attempts import Result
from compute.services.dispatch import dispatch_soon
from compute.services.sealing import unseal

logger = logging.getLogger(__name__)

ENDS = {
    running.End.SUCCEEDED: AttemptState.SUCCEEDED,
    running.End.FAILED: AttemptState.FAILED,
    running.End.CANCELLED: AttemptState.CANCELLED,
    running.End.TIMED_OUT: AttemptState.TIMED_OUT,
    running.End.INTERRUPTED: AttemptState.INTERRUPTED,
    running.End.ABANDONED: AttemptState.LOST,
    running.End.LOST: AttemptState.LOST,
}
CACHE = ".cache"  # hidden from those who look at the job's files
# A job's token outlives its time limit by the grace that an end may take.
TOKEN_MARGIN = timedelta(minutes=5)


def run_attempt(token: str) -> None:
    """Claim the attempt, run it, report its end. Does nothing when it is taken, cancelled or over."""
    if stop_file(os.getppid()).exists():
        return  # this worker ends; the reconciler sends the message again for the next one
    attempt = attempts.claim(token, worker=f"{socket.gethostname()}:{os.getpid()}")
    if attempt is None:
        return
    try:
        result = _run(attempt)
    except Exception as error:
        # Whatever went wrong here is not the job's doing: it is tried again and not charged.
        logger.exception("attempt broke", extra={"job": attempt.job_id, "attempt": attempt.number})
        result = Result(AttemptState.LOST, f"The worker failed: {error}.")
    if not attempts.finish(token, result):
        logger.warning("late result refused", extra={"job": attempt.job_id, "attempt": attempt.number})
    elif result.state not in UNCHARGED_ATTEMPTS:
        _forget_downloads(attempt.job_id)
    dispatch_soon()


def stop_file(worker_pid: int) -> Path:
    """The main process of a worker writes this when it is told to stop; its children see it."""
    return Path(settings.JOBS_ROOT) / f".stopping-{worker_pid}"


def _run(attempt: Attempt) -> Result:
    job = attempt.job
    folder = JobFolder(settings.JOBS_ROOT, job.id)
    folder.create()
    guard = _Guard(attempt.token)
    try:
        copied = continuing.take_over(job, folder, beat=guard.beat)
    except continuing.NotTakenOver as end:
        return end.result
    level = sandbox.best_level() if settings.COMPUTE_SANDBOX == "auto" else settings.COMPUTE_SANDBOX
    sandbox.prepare_folder(folder.work, job.id)
    _link_recipes(folder.work, level)
    limits = _limits(attempt)
    secrets = unseal(job.sealed_secrets)
    hub_token = tokens.issue_job_token(
        job.submitted_by,
        namespace=job.namespace,
        job=job.id,
        expires_at=timezone.now() + timedelta(seconds=limits.wall_seconds) + TOKEN_MARGIN,
    )
    journal = Journal(folder, secrets=[hub_token, *secrets.values()])
    journal.note(_opening(attempt))
    if copied:
        journal.note(_continuation(job, copied))
    launch = sandbox.Launch(
        name=f"{job.id}-{attempt.number}",
        identity=job.id,
        argv=volumes.argv_with(job),
        environment=_environment(job, level, folder.work, hub_token)
        | job.environment
        | secrets
        | volumes.environment_with(job, folder, level),
        folder=folder.work,
        limits=limits,
        mounts=volumes.mounts_of(job, folder),
    )
    try:
        outcome, cage = running.run(launch, journal=journal, beat=guard.beat, level=level)
    except sandbox.SandboxFailed as error:
        return Result(AttemptState.LOST, str(error))
    finally:
        journal.close()
    return Result(
        state=ENDS[outcome.end],
        reason=outcome.reason,
        exit_code=outcome.exit_code,
        milliseconds=outcome.milliseconds,
        cpu_milliseconds=outcome.cpu_milliseconds,
        peak_memory=outcome.peak_memory,
        sandbox=cage.level,
        sandbox_notes=tuple(cage.notes),
    )


class _Guard:
    """Answers the heartbeat: keeps the lease, and sees when the job or its worker shall end.

    A killed worker needs no look: Celery's children die with it, and the launcher with them.
    """

    def __init__(self, token: str) -> None:
        self.token = token
        self._stop_file = stop_file(os.getppid())
        self._lease_end = time.monotonic() + settings.COMPUTE_LEASE_SECONDS

    def beat(self) -> running.Order:
        if self._stop_file.exists():
            return running.Order.INTERRUPT
        try:
            job = attempts.heartbeat(self.token)
        except DatabaseError:
            connection.close()
            return running.Order.ABANDON if time.monotonic() > self._lease_end else running.Order.CONTINUE
        if job is None:
            return running.Order.ABANDON
        self._lease_end = time.monotonic() + settings.COMPUTE_LEASE_SECONDS
        return running.Order.CANCEL if job.cancel_requested_at else running.Order.CONTINUE


def _forget_downloads(job: str) -> None:
    """Copies of data sets and models are on the hub anyway, changed buckets too; outputs and checkpoints stay."""
    folder = JobFolder(settings.JOBS_ROOT, job)
    for path in (folder.work / CACHE, folder.volumes):
        with suppress(OSError):
            remove(path)


def _opening(attempt: Attempt) -> str:
    """Clients of the Hub drop the line that says that a job started, so the first one uses its words."""
    now = timezone.now().strftime("%Y-%m-%d %H:%M:%S UTC")
    if attempt.number == 1:
        return f"{STARTED.removeprefix('===== ')} at {now}"
    return f"Attempt {attempt.number} started at {now}; the job's folder is as the last one left it"


def _continuation(job: Job, copied: copying.Copied) -> str:
    files = "1 file" if copied.files == 1 else f"{copied.files} files"
    text = f"The folder is a copy of that of job {job.continues_id}: {files}, {format_bytes(copied.size)}"
    return f"{text}; left out, for they are no files or not readable: {copied.left_out}" if copied.left_out else text


def _limits(attempt: Attempt) -> sandbox.Limits:
    flavor = attempt.job.flavor
    return sandbox.Limits(
        memory=flavor.memory,
        disk=flavor.disk,
        file_size=flavor.file_size,
        processes=flavor.processes,
        cpus=flavor.cpus,
        wall_seconds=attempts.remaining_seconds(attempt.job),
    )


def _environment(job: Job, level: str, folder: Path, hub_token: str) -> dict[str, str]:
    home = sandbox.work_folder(folder, level)
    flavor = job.flavor
    return {
        "PATH": sandbox.search_path(),
        "LANG": "C.UTF-8",
        "USER": "job",
        "LOGNAME": "job",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": str(flavor.cpus),
        "HF_ENDPOINT": settings.BASE_URL,
        "HF_TOKEN": hub_token,
        "HF_HOME": f"{home}/{CACHE}/huggingface",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        # `uv run` adds to the packages of this site, and never looks for another Python.
        "VIRTUAL_ENV": sys.prefix,
        "UV_CACHE_DIR": f"{home}/{CACHE}/uv",
        "UV_PYTHON_DOWNLOADS": "never",
        **({"UV_DEFAULT_INDEX": settings.JOB_PACKAGE_INDEX} if settings.JOB_PACKAGE_INDEX else {}),
        "JOB_ID": job.id,
        "ACCELERATOR": (flavor.accelerator or {}).get("model", "none"),
        "CPU_CORES": str(flavor.cpus),
        "MEMORY": f"{flavor.memory // 2**30}Gi",
    }


def _link_recipes(work: Path, level: str) -> None:
    """`recipes/…` in the working directory leads to the training programs and their configurations."""
    link = work / "recipes"
    with suppress(OSError):
        if link.is_symlink():
            link.unlink()
        link.symlink_to(f"{sandbox.code_folder(level)}/compute/recipes")
