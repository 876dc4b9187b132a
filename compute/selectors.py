"""Reading clusters, allocations and jobs, limited to what the given person may see."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.enums import Permission
from accounts.models import Namespace, User
from accounts.principal import Principal
from accounts.selectors import namespaces_of, reachable_namespaces
from common.errors import NotFound
from compute.enums import LIVE_STATES, TERMINAL_STATES, AllocationState, EntryKind, JobState
from compute.models import Allocation, AllocationMember, Cluster, Flavor, GpuSecondEntry, Job


def readable_namespaces(principal: Principal) -> QuerySet[Namespace]:
    """The names whose jobs and allocations a principal may see (staff see all)."""
    if principal.is_staff:
        return Namespace.objects.all()
    return reachable_namespaces(principal, Permission.JOB_READ)


def flavors() -> QuerySet[Flavor]:
    """What may be asked for now, cheapest first."""
    return Flavor.objects.filter(is_open=True, cluster__is_open=True).select_related("cluster")


def price_of(flavor: Flavor) -> int:
    """Micros of the cluster's currency for one GPU-second, so that money converts to GPU-seconds."""
    return flavor.price


def allocations_visible_to(principal: Principal) -> QuerySet[Allocation]:
    """With balances, the one that ends first on top."""
    allocations = Allocation.objects.with_balances()
    visible: QuerySet[Allocation] = allocations.select_related("holder").order_by("ends_at", "id")
    if principal.is_staff:
        return visible
    return visible.filter(Q(holder__in=readable_namespaces(principal)) | Q(pk__in=_shared_with(principal)))


def allocations_of(principal: Principal) -> QuerySet[Allocation]:
    """Those of the names the person belongs to, and those shared with them; staff, too, see only their own here."""
    if principal.user is None:
        return allocations_visible_to(principal)
    own = Q(holder__in=namespaces_of(principal.user)) | Q(pk__in=_shared_with(principal))
    return allocations_visible_to(principal).filter(own)


def _shared_with(principal: Principal) -> QuerySet[Any]:
    """Keys of the allocations that others hold and this person may spend."""
    if principal.user is None or not principal.allows(Permission.JOB_READ):
        return AllocationMember.objects.none().values("allocation")
    return shared_allocations(principal.user)


def shared_allocations(user: User) -> QuerySet[Any]:
    return AllocationMember.objects.filter(user=user, removed_at__isnull=True).values("allocation")


def is_member(allocation: Allocation, user: User) -> bool:
    return allocation.members.filter(user=user, removed_at__isnull=True).exists()


@dataclass(frozen=True)
class Spending:
    """What one person's jobs took from an allocation, in GPU-seconds. `member`: shared with them now; None: never."""

    person: User
    jobs: int
    used: int
    reserved: int
    member: bool | None


def spending_on(allocation: Allocation) -> list[Spending]:
    """By person, those who used most first; members who used nothing are listed, too."""
    rows = Job.objects.filter(allocation=allocation).values("submitted_by").order_by()
    sums = {
        row["submitted_by"]: row
        for row in rows.annotate(
            jobs=Count("id"),
            used=Coalesce(Sum("charged"), 0),
            reserved=Coalesce(Sum("reserved", filter=Q(charged__isnull=True)), 0),
        )
    }
    members = dict(allocation.members.values_list("user_id", "removed_at"))
    people = User.objects.in_bulk({*sums, *members})
    nothing = {"jobs": 0, "used": 0, "reserved": 0}
    found = [
        Spending(
            person=person,
            jobs=(row := sums.get(key, nothing))["jobs"],
            used=row["used"],
            reserved=row["reserved"],
            member=members[key] is None if key in members else None,
        )
        for key, person in people.items()
    ]
    return sorted(found, key=lambda each: (-each.used - each.reserved, each.person.username))


def open_allocations(
    holder: Namespace, flavor_class: str, *, at: datetime | None = None, spender: User | None = None
) -> QuerySet[Allocation]:
    """What can pay now, the earliest end first: of this name, and of others what they share with the spender."""
    now = at or timezone.now()
    running = Q(state=AllocationState.OPEN, starts_at__lte=now, ends_at__gt=now)
    payers = Q(holder=holder)
    if spender is not None and holder.user_id == spender.pk:
        payers |= Q(pk__in=shared_allocations(spender))
    return Allocation.objects.filter(running, payers, flavor_class=flavor_class).order_by("ends_at", "id")


def balances(allocation: Allocation) -> Allocation:
    """The same allocation with `available`, `reserved`, `used` and `expired` of this moment."""
    found: Allocation = Allocation.objects.with_balances().get(pk=allocation.pk)
    return found


def entries_of(allocation: Allocation) -> QuerySet[GpuSecondEntry]:
    return allocation.entries.order_by("-id")


def jobs_visible_to(principal: Principal, *, state: str = "") -> QuerySet[Job]:
    """The newest first; those in one state, where there is such a state."""
    jobs = Job.objects.select_related("namespace", "flavor__cluster", "allocation", "submitted_by").order_by(
        "-created_at", "-id"
    )
    if state in JobState.values:
        jobs = jobs.filter(state=state)
    return jobs if principal.is_staff else jobs.filter(namespace__in=readable_namespaces(principal))


def job_for(principal: Principal, namespace: str, job_id: str) -> Job:
    """The job, or NotFound: that somebody else's job exists is not told."""
    return _required(jobs_visible_to(principal).filter(namespace__name__iexact=namespace, pk=job_id))


def job_by_id(principal: Principal, job_id: str) -> Job:
    """The same by its id alone."""
    return _required(jobs_visible_to(principal).filter(pk=job_id))


def _required(jobs: QuerySet[Job]) -> Job:
    job = jobs.first()
    if job is None:
        raise NotFound(
            _("There is no such job, or it is not yours to see."), hint=_("Check the name and the job's id.")
        )
    return job


def jobs_ahead_of(job: Job) -> int:
    """How many jobs hold or wait for places on the same cluster since before this one was submitted."""
    ahead = Q(state=JobState.QUEUED, created_at__lt=job.created_at) | Q(state__in=LIVE_STATES)
    return Job.objects.filter(ahead, flavor__cluster=job.flavor.cluster_id).exclude(pk=job.pk).count()


def files_kept_until(job: Job) -> datetime | None:
    """When the folder of an ended job is deleted; None where it is kept for ever, or gone, or the job goes on."""
    if job.finished_at is None or job.files_deleted_at is not None:
        return None
    if job.files_unwanted_at is not None:
        return job.files_unwanted_at
    return job.finished_at + _folder_days() if settings.JOB_FOLDER_DAYS else None


def folder_is_awaited(job: Job) -> bool:
    """Whether another job still has to begin with a copy of it."""
    return job.continued_by.exclude(state__in=TERMINAL_STATES).exists()


def jobs_with_old_folders(now: datetime | None = None) -> QuerySet[Job, str]:
    """Ids of those whose folder is due to be deleted, the oldest first."""
    due = Q(files_unwanted_at__isnull=False)
    if settings.JOB_FOLDER_DAYS:
        due |= Q(finished_at__lt=(now or timezone.now()) - _folder_days())
    waiting = Job.objects.exclude(state__in=TERMINAL_STATES).filter(continues__isnull=False)
    ended = Job.objects.filter(due, finished_at__isnull=False, files_deleted_at=None)
    found = ended.exclude(pk__in=waiting.values("continues"))
    return found.order_by("finished_at", "pk").values_list("pk", flat=True)


def _folder_days() -> timedelta:
    return timedelta(days=settings.JOB_FOLDER_DAYS)


def spent_this_month(cluster: Cluster, *, now: datetime) -> int:
    """Micros for what ran since the month began, plus the most that running jobs can still cost."""
    start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    jobs = Job.objects.filter(flavor__cluster=cluster)
    settled = jobs.filter(finished_at__gte=start).aggregate(sum=Coalesce(Sum(F("charged") * F("flavor__price")), 0))
    running = jobs.filter(state__in=LIVE_STATES).aggregate(sum=Coalesce(Sum(F("reserved") * F("flavor__price")), 0))
    return int(settled["sum"]) + int(running["sum"])


def cpus_in_use(cluster: Cluster) -> int:
    live = Job.objects.filter(flavor__cluster=cluster, state__in=LIVE_STATES)
    return int(live.aggregate(sum=Coalesce(Sum("flavor__cpus"), 0))["sum"])


def job_counts(namespace: Namespace) -> dict[str, int]:
    rows: Any = Job.objects.filter(namespace=namespace).values("state").annotate(number=Count("id")).order_by()
    return {row["state"]: row["number"] for row in rows}


def reserved_on(allocation: Allocation, reference: str) -> int:
    """What is still held under one reservation."""
    rows = allocation.entries.filter(reference=reference).values_list("kind", "amount")
    return sum(amount if kind == EntryKind.RESERVE else -amount for kind, amount in rows if kind != EntryKind.GRANT)
