"""Celery's doors into this room."""

from celery import shared_task

from hub.services import maintenance, sweep_undo, sweeping


@shared_task(ignore_result=True)
def tidy() -> None:
    """Beat calls it every hour."""
    maintenance.tidy()


@shared_task(ignore_result=True)
def sweep() -> None:
    """Beat calls it every night."""
    maintenance.prune()
    sweeping.sweep(delete=True)
    sweep_undo.purge()
