"""What must always hold for GPU-seconds; `manage.py audit` runs it on one snapshot."""

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from common.services.auditing import auditor
from compute.enums import TERMINAL_STATES, UNCHARGED_ATTEMPTS, EntryKind
from compute.models import Allocation, AllocationMember, Attempt, GpuSecondEntry, Job


@auditor("compute.gpu_seconds_balance")
def audit_gpu_seconds() -> list[str]:
    """Grants equal what is available, reserved, used and expired; nothing is negative."""
    violations = []
    for row in Allocation.objects.with_balances():
        parts = {name: getattr(row, name) for name in ("available", "reserved", "used", "expired")}
        if sum(parts.values()) != row.granted:
            violations.append(f"Allocation {row.pk} granted {row.granted}, but its entries add up to {parts}.")
        violations += [f"Allocation {row.pk}: {name} is {value}." for name, value in parts.items() if value < 0]
    return violations


@auditor("compute.reservations_settled_within")
def audit_reservations() -> list[str]:
    """No reservation pays out more than it holds; what is open belongs to an unfinished job or another room."""
    rows = (
        GpuSecondEntry.objects.filter(kind__in=[EntryKind.RESERVE, EntryKind.SETTLE, EntryKind.RELEASE])
        .values("reference")
        .annotate(
            held=_sum(EntryKind.RESERVE) - _sum(EntryKind.SETTLE) - _sum(EntryKind.RELEASE),
        )
        .exclude(held=0)
        .order_by("reference")
    )
    open_rows = {row["reference"]: row["held"] for row in rows}
    violations = [f"Reservation {name} is overdrawn by {-held}." for name, held in open_rows.items() if held < 0]
    jobs = {job.reference: job for job in Job.objects.exclude(state__in=TERMINAL_STATES)}
    for name, held in open_rows.items():
        if name.startswith("job:") and name not in jobs:
            violations.append(f"{name} has ended and still holds {held} GPU-seconds.")
    for name, job in jobs.items():
        if open_rows.get(name) != job.reserved:
            violations.append(f"{name} should hold {job.reserved} GPU-seconds and holds {open_rows.get(name, 0)}.")
    return violations


@auditor("compute.jobs_charged_once")
def audit_charges() -> list[str]:
    """An ended job's charge is its settle row, and is covered by its charged attempts."""
    for_job = Attempt.objects.filter(job=OuterRef("pk"))
    paid = for_job.exclude(state__in=UNCHARGED_ATTEMPTS).values("job").annotate(sum=Sum("charged")).values("sum")
    settled = dict(GpuSecondEntry.objects.filter(kind=EntryKind.SETTLE).values_list("reference", "amount"))
    violations = []
    ended: QuerySet[Job] = Job.objects.filter(state__in=TERMINAL_STATES)
    for job in ended.annotate(paid=Coalesce(Subquery(paid), 0)).order_by("id"):
        if settled.get(job.reference, 0) != job.charged:
            violations.append(f"{job.reference} shows {job.charged} and its account {settled.get(job.reference, 0)}.")
        if job.charged != min(job.paid, job.reserved):
            violations.append(f"{job.reference} was charged {job.charged} for attempts that cost {job.paid}.")
    lost = Attempt.objects.filter(state__in=UNCHARGED_ATTEMPTS).exclude(charged=0)
    return violations + [f"Attempt {attempt} was lost and yet charged." for attempt in lost]


@auditor("compute.jobs_paid_by_right")
def audit_payers() -> list[str]:
    """A job is paid by its own name, or by an allocation that was shared with who submitted it under their name."""
    shared = AllocationMember.objects.filter(allocation=OuterRef("allocation"), user=OuterRef("submitted_by"))
    foreign = Job.objects.exclude(allocation__holder=F("namespace")).annotate(shared=Exists(shared))
    wrong = foreign.filter(Q(shared=False) | ~Q(namespace__user=F("submitted_by")))
    return [
        f"job:{job_id} was paid by an allocation of somebody else." for job_id in wrong.values_list("id", flat=True)
    ]


def _sum(kind: EntryKind) -> Coalesce:
    return Coalesce(Sum(F("amount"), filter=Q(kind=kind)), 0)
