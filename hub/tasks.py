"""Celery's doors into this room."""

from celery import shared_task

from hub.services import access, maintenance


@shared_task(ignore_result=True)
def tidy() -> None:
    """Beat calls it every hour."""
    maintenance.tidy()


@shared_task(ignore_result=True)
def settle_overdue_requests() -> None:
    """Beat calls it every hour: what nobody answered by its deadline goes the way its gate says."""
    access.settle_overdue()
