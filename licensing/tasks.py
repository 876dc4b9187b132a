"""What the timetable runs. Each looks at the database, so a second run does nothing."""

from celery import shared_task

from licensing.services import events, fulfilment


@shared_task
def reconcile_orders() -> None:
    """Orders that no webhook settled, fees that came late, events that failed, licences whose term is over."""
    fulfilment.expire_grants()
    events.reconcile()
