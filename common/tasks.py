"""Celery's doors into this room."""

from celery import shared_task

from common.services import outbox


@shared_task(ignore_result=True)
def relay_outbox() -> None:
    """Deliver what waits. Beat calls it every two seconds, each commit that emitted calls it at once."""
    outbox.relay()
