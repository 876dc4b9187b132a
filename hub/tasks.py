"""Celery's doors into this room."""

import time

from celery import shared_task
from django.conf import settings

from common.services import windows
from hub.models import Repository
from hub.services import (
    access,
    attachments,
    dataset_views,
    deliveries,
    importing,
    maintenance,
    opt_outs,
    reports,
    scanning,
    search,
    sweep_undo,
    sweeping,
    trending,
)

_WAITING_BRANCHES = 200


@shared_task(ignore_result=True)
def tidy() -> None:
    """Beat calls it every hour."""
    maintenance.tidy()
    deliveries.forget_old()
    scanning.scan_waiting(limit=_WAITING_BRANCHES)
    scanning.forget_old_rules()
    dataset_views.tidy()
    windows.forget_old(before=int(time.time()) - 2 * settings.RATE_WINDOW)


@shared_task(ignore_result=True)
def settle_overdue_requests() -> None:
    """Beat calls it every hour: what nobody answered by its deadline goes the way its gate says."""
    access.settle_overdue()


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


@shared_task(ignore_result=True)
def sweep() -> None:
    """Beat calls it every night."""
    maintenance.prune()
    attachments.drop_unused()
    sweeping.sweep(delete=True)
    sweep_undo.purge()


@shared_task(ignore_result=True)
def refresh_trending() -> None:
    """Beat calls it every hour."""
    trending.refresh()


@shared_task(ignore_result=True)
def count_tags() -> None:
    """Beat calls it every night."""
    search.count_tags()


@shared_task(ignore_result=True)
def scan(repository_id: int, ref: str) -> None:
    """After each commit: inspect the files that are new."""
    repository = Repository.objects.select_related("namespace").filter(pk=repository_id).first()
    if repository is not None:
        scanning.scan_ref(repository, ref)


@shared_task(ignore_result=True)
def keep_deadlines() -> None:
    """Beat calls it every five minutes: decisions nobody objected to become final, late answers are told."""
    reports.settle_overdue()
    opt_outs.note_overdue()


@shared_task(ignore_result=True)
def view_dataset(view_id: int) -> None:
    """Look at the tables of a data set at a commit."""
    dataset_views.make_view(view_id)


@shared_task(ignore_result=True)
def start_imports() -> None:
    """Hand out the imports that are due. Beat calls it every few seconds, whoever asks for one calls it at once."""
    for pk in importing.due():
        fetch_import.apply_async((pk,), expires=60)


# Acknowledged at once: it may take hours, and beat finds what a lost worker left.
@shared_task(ignore_result=True, acks_late=False)
def fetch_import(pk: int) -> None:
    """One turn. Foreign servers may be slow, so these tasks have a queue of their own."""
    if importing.run(pk):
        start_imports.delay()
