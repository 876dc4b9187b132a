"""Celery's doors into this room."""

from celery import shared_task

from hub.services import maintenance


@shared_task(ignore_result=True)
def tidy() -> None:
    """Beat calls it every hour."""
    maintenance.tidy()
