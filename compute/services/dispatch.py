"""Deciding which waiting job starts next, and putting right what a crash left behind."""

import secrets
from datetime import datetime, timedelta

from celery import current_app
from django.conf import settings
from django.db import transaction
from django.db.models import Max, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.translation import gettext as _

from compute.algorithms import fair_share
from compute.backends.local import backend_for
from compute.enums import AttemptState, JobState
from compute.models import Attempt, Cluster, Job
from compute.selectors import cpus_in_use, spent_this_month
from compute.services import attempts, states
from compute.services.allocations import expire_allocations

HISTORY_DAYS = 28


def dispatch_soon() -> None:
    """Look for work as soon as the running transaction is committed."""
    transaction.on_commit(lambda: current_app.send_task("compute.tasks.dispatch_jobs"), robust=True)


def dispatch() -> list[Attempt]:
    """Start what fits, cluster by cluster; returns the attempts that were begun."""
    return [attempt for cluster in Cluster.objects.filter(is_open=True) for attempt in _fill(cluster)]


def reconcile() -> None:
    """Every few seconds: lost attempts, lost messages, ended allocations, free places."""
    for attempt in Attempt.objects.filter(state=AttemptState.RUNNING, lease_until__lt=timezone.now()):
        attempts.lose(attempt, reason=_("The worker stopped answering."))
    for attempt in Attempt.objects.filter(state=AttemptState.STARTING, lease_until__lt=timezone.now()):
        _send_again(attempt)
    expire_allocations()
    dispatch()


@transaction.atomic
def _fill(cluster: Cluster) -> list[Attempt]:
    """One at a time per cluster: the lock on its row is the scheduler's lock."""
    cluster = Cluster.objects.select_for_update().get(pk=cluster.pk)
    waiting = Job.objects.filter(flavor__cluster=cluster, state=JobState.QUEUED).select_related("flavor", "namespace")
    queue = {job.id: job for job in waiting.select_for_update(of=("self",), skip_locked=True)}
    if not queue:
        return []
    now = timezone.now()
    if reason := _budget_reason(cluster, now):
        _tell(list(queue.values()), reason)
        return []
    free = cluster.cpus - cpus_in_use(cluster)
    begun: list[Attempt] = []
    blocked: list[Job] = []
    for job_id in _fair_order(list(queue.values()), now):
        job = queue[job_id]
        if job.flavor.cpus > cluster.cpus:
            _tell([job], _("This flavor is larger than the whole cluster. Ask the operator, or choose another."))
        # Strictly in order: a large job that waits for room is not overtaken for ever by small ones.
        elif blocked or job.flavor.cpus > free:
            blocked.append(job)
        else:
            free -= job.flavor.cpus
            begun.append(_begin(job, now))
    for place, job in enumerate(blocked, start=1):
        facts = {"cluster": cluster.name, "place": place}
        _tell([job], _("Waiting for a free place on %(cluster)s: number %(place)d in the queue.") % facts)
    return begun


def _begin(job: Job, now: datetime) -> Attempt:
    number = (job.attempts.aggregate(last=Max("number"))["last"] or 0) + 1
    attempt = Attempt.objects.create(
        job=job,
        number=number,
        token=secrets.token_hex(16),
        lease_until=now + timedelta(seconds=settings.COMPUTE_LEASE_SECONDS),
    )
    states.move(job, JobState.STARTING, reason=_("A place is free; the job is being started."))
    _send(attempt)
    return attempt


def _send(attempt: Attempt) -> None:
    backend = backend_for(attempt.job.flavor.cluster.backend)
    transaction.on_commit(lambda: backend.start(attempt.token), robust=True)


@transaction.atomic
def _send_again(attempt: Attempt) -> None:
    """The message was lost, or no worker is there. The same token: whichever message comes first is taken."""
    found = Attempt.objects.select_for_update().filter(pk=attempt.pk, state=AttemptState.STARTING).first()
    if found is None:
        return
    found.lease_until = timezone.now() + timedelta(seconds=settings.COMPUTE_LEASE_SECONDS)
    found.save(update_fields=["lease_until"])
    _send(found)


def _fair_order(jobs: list[Job], now: datetime) -> list[str]:
    holders = {job.namespace_id for job in jobs}
    since = now - timedelta(days=HISTORY_DAYS)
    days = (
        Job.objects.filter(namespace__in=holders, finished_at__gte=since)
        .values("namespace", day=TruncDate("finished_at"))
        .annotate(used=Sum("charged"))
        .order_by()
        if len(holders) > 1
        else []
    )
    history = [(row["namespace"], row["used"], float((now.date() - row["day"]).days)) for row in days]
    running = Job.objects.filter(namespace__in=holders, state__in=[JobState.STARTING, JobState.RUNNING])
    history += [(holder, reserved, 0.0) for holder, reserved in running.values_list("namespace", "reserved")]
    by_age = sorted(jobs, key=lambda job: (job.created_at, job.id))
    waiting = [fair_share.Waiting(job.id, job.namespace_id, job.reserved, place) for place, job in enumerate(by_age)]
    return fair_share.order(waiting, fair_share.decayed_usage(history))


def _budget_reason(cluster: Cluster, now: datetime) -> str:
    """Why nothing starts any more this month; empty while there is budget."""
    if cluster.monthly_limit is None or spent_this_month(cluster, now=now) < cluster.monthly_limit:
        return ""
    resumes = (now.replace(day=1) + timedelta(days=32)).replace(day=1).date()
    return _("The monthly budget of %(cluster)s is used up. New jobs start again on %(date)s.") % {
        "cluster": cluster.name,
        "date": resumes.isoformat(),
    }


def _tell(jobs: list[Job], reason: str) -> None:
    for job in jobs:
        if job.reason != reason:
            Job.objects.filter(pk=job.pk, state=JobState.QUEUED).update(reason=reason)
