"""Celery's doors into this room."""

from celery import shared_task

from hub.services import deliveries, maintenance


@shared_task(ignore_result=True)
def tidy() -> None:
    """Beat calls it every hour."""
    maintenance.tidy()
    deliveries.forget_old()


@shared_task(ignore_result=True)
def send_webhooks() -> None:
    """Hand out what is due. Beat calls it every few seconds, events and finished deliveries call it at once."""
    for pk in deliveries.due():
        deliver_webhook.apply_async((pk,), expires=30)


@shared_task(ignore_result=True)
def deliver_webhook(pk: int) -> None:
    """One attempt. Foreign servers may be slow, so these tasks have a queue of their own."""
    if deliveries.deliver(pk):
        send_webhooks.delay()
