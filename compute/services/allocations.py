"""GPU-second accounts: the only writer of allocations and their entries.

A reservation has a reference ("job:…"). It is reserved once, then either settled (the
used part; the rest goes back) or released as a whole. Repeating any call changes nothing.
"""

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Namespace, User
from common.errors import Conflict, Invalid, NotFound, PaymentRequired
from common.services import audit, outbox
from compute.algorithms import charging
from compute.enums import NOTICE_LEVELS, AllocationState, EntryKind
from compute.models import Allocation, GpuSecondEntry
from compute.selectors import balances, is_member, open_allocations, reserved_on


@transaction.atomic
def open_allocation(
    *,
    holder: Namespace,
    gpu_seconds: int,
    flavor_class: str,
    starts_at: datetime,
    ends_at: datetime,
    reference: str,
    by: object = None,
) -> Allocation:
    """Grant GPU-seconds for a period. A second call with the same reference returns the first's result.

    Raises Invalid for amounts or periods that mean nothing, Conflict when the reference was
    used for something else. Emits "allocation.opened".
    """
    if gpu_seconds <= 0:
        raise Invalid(_("An allocation needs a positive number of GPU-seconds."))
    if ends_at <= starts_at:
        raise Invalid(_("An allocation must end after it starts."))
    allocation, created = Allocation.objects.get_or_create(
        reference=reference,
        defaults={
            "holder": holder,
            "flavor_class": flavor_class,
            "granted": gpu_seconds,
            "starts_at": starts_at,
            "ends_at": ends_at,
        },
    )
    if not created:
        given = (holder.pk, gpu_seconds, flavor_class)
        if (allocation.holder_id, allocation.granted, allocation.flavor_class) != given:
            raise Conflict(_("Another allocation was opened under this reference."), hint=_("Use a new reference."))
        return allocation
    _enter(allocation, EntryKind.GRANT, gpu_seconds, reference)
    audit.record(
        "allocation.opened", f"allocation:{allocation.pk}", actor=by, gpu_seconds=gpu_seconds, source=reference
    )
    outbox.emit(
        "allocation.opened",
        f"allocation.opened:{allocation.pk}",
        {"allocation": allocation.pk, "reference": reference, "holder": holder.name, "gpu_seconds": gpu_seconds},
    )
    return allocation


@transaction.atomic
def find_payer(
    holder: Namespace,
    *,
    flavor_class: str,
    amount: int,
    allocation_id: int | None = None,
    spender: User | None = None,
) -> Allocation:
    """The open allocation that can pay `amount`, locked: the one asked for, or the earliest to end.

    What is shared with the spender pays for jobs under the spender's own name, after what that name holds itself.
    Raises NotFound when there is none, PaymentRequired with the exact missing amount.
    """
    candidates = open_allocations(holder, flavor_class, spender=spender).select_for_update(of=("self",))
    if allocation_id is not None:
        candidates = candidates.filter(pk=allocation_id)
    best = 0
    # Who was taken off while this waited for the lock is off.
    locked = [row for row in candidates if row.holder_id == holder.pk or (spender and is_member(row, spender))]
    found = sorted(locked, key=lambda row: row.holder_id != holder.pk)
    for allocation in found:
        available = balances(allocation).available  # type: ignore[attr-defined]
        if available >= amount:
            return allocation
        best = max(best, available)
    if not found and allocation_id is not None:
        raise NotFound(
            _("%(holder)s has no open allocation %(id)s for flavors of class %(class)s.")
            % {"holder": holder.name, "id": allocation_id, "class": flavor_class},
            hint=_("See /compute for the open ones, or leave the label out to use the one that ends first."),
        )
    raise _cannot_pay(holder, flavor_class=flavor_class, amount=amount, best=best, any_open=bool(found))


@transaction.atomic
def reserve(allocation: Allocation, *, amount: int, reference: str) -> None:
    """Hold `amount` for something that will run. Raises PaymentRequired when it is not there."""
    allocation = _lock(allocation)
    if _entered(EntryKind.RESERVE, reference):
        return
    if amount <= 0:
        raise Invalid(_("A reservation needs a positive number of GPU-seconds."))
    now = timezone.now()
    if allocation.state != AllocationState.OPEN or not allocation.starts_at <= now < allocation.ends_at:
        raise Conflict(_("This allocation is not open."), hint=_("See /compute for the open ones."))
    available = balances(allocation).available  # type: ignore[attr-defined]
    if available < amount:
        raise _cannot_pay(
            allocation.holder, flavor_class=allocation.flavor_class, amount=amount, best=available, any_open=True
        )
    _enter(allocation, EntryKind.RESERVE, amount, reference)


@transaction.atomic
def settle(allocation: Allocation, *, amount: int, reference: str) -> None:
    """Take `amount` of what was reserved and give the rest back. `amount` 0 gives everything back."""
    allocation = _lock(allocation)
    held = reserved_on(allocation, reference)
    if held == 0:
        return
    if not 0 <= amount <= held:
        raise Invalid(_("A settlement cannot exceed its reservation."))
    if amount:
        _enter(allocation, EntryKind.SETTLE, amount, reference)
    if held > amount:
        _enter(allocation, EntryKind.RELEASE, held - amount, reference)
    _expire_rest(allocation, cause=reference)
    _notify(allocation)


def release(allocation: Allocation, *, reference: str) -> None:
    """Give a whole reservation back."""
    settle(allocation, amount=0, reference=reference)


@transaction.atomic
def close_allocation(allocation: Allocation, *, by: object, reason: str) -> None:
    """End it before its time: what is not reserved expires now, reservations run to their end."""
    allocation = _lock(allocation)
    if allocation.state != AllocationState.OPEN:
        return
    _end(allocation, AllocationState.CLOSED)
    audit.record("allocation.closed", f"allocation:{allocation.pk}", actor=by, reason=reason)


def expire_allocations(*, now: datetime | None = None) -> int:
    """End those whose period is over; returns how many."""
    over = Allocation.objects.filter(state=AllocationState.OPEN, ends_at__lte=now or timezone.now())
    return sum(_expire(allocation) for allocation in over)


@transaction.atomic
def _expire(allocation: Allocation) -> bool:
    allocation = _lock(allocation)
    if allocation.state != AllocationState.OPEN:
        return False
    _end(allocation, AllocationState.EXPIRED)
    audit.record("allocation.expired", f"allocation:{allocation.pk}")
    return True


def _end(allocation: Allocation, state: AllocationState) -> None:
    allocation.state = state
    allocation.save(update_fields=["state"])
    _expire_rest(allocation, cause=state)


def _expire_rest(allocation: Allocation, *, cause: str) -> None:
    """Nothing stays available in an allocation that has ended, also when a late job gives back."""
    if allocation.state == AllocationState.OPEN:
        return
    rest = balances(allocation).available  # type: ignore[attr-defined]
    if not rest:
        return
    reference = f"{allocation.pk}:{cause}"
    _enter(allocation, EntryKind.EXPIRE, rest, reference)
    tell_return(allocation, gpu_seconds=rest, entry=reference)


def tell_return(allocation: Allocation, *, gpu_seconds: int, entry: str) -> None:
    """Whoever opened the allocation may use again what expired in it. `entry` is the reference of the expiry."""
    outbox.emit(
        "allocation.returned",
        f"allocation.returned:{entry}",
        {"reference": allocation.reference, "gpu_seconds": gpu_seconds, "key": entry},
    )


def _notify(allocation: Allocation) -> None:
    """Tell once each that half, four fifths, all of the grant is used."""
    used = balances(allocation).used  # type: ignore[attr-defined]
    levels = charging.notices_due(
        used=used, granted=allocation.granted, notified=allocation.notified, levels=NOTICE_LEVELS
    )
    for level in levels:
        audit.record("allocation.notice", f"allocation:{allocation.pk}", percent=level, used=used)
        outbox.emit(
            "allocation.notice",
            f"allocation.notice:{allocation.pk}:{level}",
            {"allocation": allocation.pk, "percent": level, "used": used, "granted": allocation.granted},
        )
    if levels:
        allocation.notified = levels[-1]
        allocation.save(update_fields=["notified"])


def _lock(allocation: Allocation) -> Allocation:
    return Allocation.objects.select_for_update(of=("self",)).select_related("holder").get(pk=allocation.pk)


def _entered(kind: EntryKind, reference: str) -> bool:
    return GpuSecondEntry.objects.filter(key=f"{kind}:{reference}").exists()


def _enter(allocation: Allocation, kind: EntryKind, amount: int, reference: str) -> None:
    GpuSecondEntry.objects.create(
        allocation=allocation, kind=kind, amount=amount, reference=reference, key=f"{kind}:{reference}"
    )


def _cannot_pay(holder: Namespace, *, flavor_class: str, amount: int, best: int, any_open: bool) -> PaymentRequired:
    facts = {"holder": holder.name, "class": flavor_class, "amount": amount, "best": best, "missing": amount - best}
    if not any_open:
        return PaymentRequired(
            _("%(holder)s has no open allocation for flavors of class %(class)s; %(amount)d GPU-seconds are needed.")
            % facts,
            hint=_("Apply for one at /grants, or choose another flavor."),
            missing=amount,
        )
    return PaymentRequired(
        _("This needs %(amount)d GPU-seconds and at most %(best)d are available: %(missing)d are missing.") % facts,
        hint=_("Shorten the time limit, wait until running jobs give back what they do not use, or apply at /grants."),
        missing=amount - best,
    )
