"""Celery's doors into this room. Messages carry a token or nothing; the database says what is true."""

import os
from contextlib import suppress
from typing import Any

from celery import shared_task, signals

from compute.services import dispatch, execution, folders


@shared_task(ignore_result=True)
def dispatch_jobs() -> None:
    """Start waiting jobs where there is room."""
    dispatch.dispatch()


@shared_task(ignore_result=True)
def reconcile_jobs() -> None:
    """Beat calls it every few seconds; see `dispatch.reconcile`."""
    dispatch.reconcile()


@shared_task(ignore_result=True)
def run_attempt(token: str) -> None:
    """Runs for as long as the job does. The broker may deliver it again meanwhile: only the first claim counts."""
    execution.run_attempt(token)


@shared_task(ignore_result=True)
def clear_folders() -> None:
    """Beat calls it every hour, and whoever wants a folder gone."""
    folders.clear_folders()


@signals.worker_init.connect
@signals.worker_shutdown.connect
def _forget_stop(**kwargs: Any) -> None:
    with suppress(OSError):
        execution.stop_file(os.getpid()).unlink()


@signals.worker_shutting_down.connect
def _announce_stop(**kwargs: Any) -> None:
    """Jobs of this worker get a few seconds to write a checkpoint; they resume elsewhere or later."""
    file = execution.stop_file(os.getpid())
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
