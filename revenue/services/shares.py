"""What happens to shares after a closing: taken back with refunds, due after the holdback."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from django.db import transaction
from django.db.models import F, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from revenue.algorithms.attribution import NOBODY
from revenue.algorithms.pools import taken_back
from revenue.enums import AccountName, JournalKind, LineKind
from revenue.models import Balance, ClosedLine, Journal, MonthClose, RevenueLine
from revenue.services import freezes, ledger
from revenue.services.ledger import Leg, credit, debit


def take_back(line: RevenueLine, amount: int, *, journal: Journal, effective: datetime) -> RevenueLine:
    """Shrink a line of revenue by `amount` micros, and with it the shares that it earned.

    Before its closing the line simply counts less. After it, every share of it goes back in
    proportion. The caller has entered the ledger and booked the money.
    """
    closed = ClosedLine.objects.select_related("close").filter(line=line).first()
    if closed is not None:
        before = -(line.reversals.filter(mirrored=True).aggregate(total=Sum("net"))["total"] or 0)
        _mirror(closed, before=before, after=before + amount, cause=journal, effective=effective)
    return RevenueLine.objects.create(
        kind=line.kind,
        effective=effective,
        currency=line.currency,
        net=-amount,
        customer_id=line.customer_id,
        asset=line.asset,
        snapshot_id=line.snapshot_id,
        journal=journal,
        sale_id=line.sale_id,
        reverses=line,
        mirrored=closed is not None,
    )


@transaction.atomic
def mature_shares(now: datetime | None = None) -> list[Journal]:
    """Move the shares of every closing past its holdback from pending to due. Harmless to repeat."""
    ledger.enter_alone()
    now = now or timezone.now()
    waiting = Balance.objects.filter(
        account__name=AccountName.PENDING, account__close__due_at__lte=now, amount__gt=0
    ).values_list("account__close_id", flat=True)
    closes = MonthClose.objects.filter(pk__in=waiting).order_by("pk")
    return [_mature(close) for close in closes]


def balance(name: AccountName, currency: str, **owner: int | None) -> int:
    """The balance of guarded accounts of this name, by holder_id, namespace_id or close_id."""
    wanted = {f"account__{field}": value for field, value in owner.items() if value is not None}
    wanted |= {f"account__{field}__isnull": True for field, value in owner.items() if value is None}
    rows = Balance.objects.filter(account__name=name, account__currency=currency, **wanted)
    return int(rows.aggregate(total=Coalesce(Sum("amount"), 0))["total"])


def open_claims(currency: str) -> dict[int, int]:
    """What people have to repay out of later shares; the award pool under NOBODY."""
    rows = Balance.objects.filter(account__name=AccountName.CLAIMS, account__currency=currency, amount__gt=0)
    return {holder or NOBODY: amount for holder, amount in rows.values_list("account__holder_id", "amount")}


def usage_lines_left(customer_id: int, currency: str) -> Iterator[tuple[RevenueLine, int]]:
    """Lines of spent credits, newest first, each with what is left of it."""
    lines = RevenueLine.objects.filter(
        kind=LineKind.USAGE, customer_id=customer_id, currency=currency, reverses__isnull=True
    )
    left = F("net") + Coalesce(Sum("reversals__net"), 0)
    for line in lines.annotate(left=left).filter(left__gt=0).order_by("-id").iterator():
        yield line, line.left


def _mature(close: MonthClose) -> Journal:
    rows = Balance.objects.filter(account__name=AccountName.PENDING, account__close=close, amount__gt=0)
    legs: list[Leg] = []
    for user_id, amount in rows.order_by("account_id").values_list("account__holder_id", "amount"):
        assert user_id is not None
        legs += [debit(ledger.pending(user_id, close), amount), credit(ledger.due(user_id), amount)]
    # What a dispute held longer falls due by a journal of its own.
    before = Journal.objects.filter(kind=JournalKind.MATURITY, key__regex=f"^mature:{close.pk}(:|$)").count()
    key = f"mature:{close.pk}:{before}" if before else f"mature:{close.pk}"
    return ledger.post(key, kind=JournalKind.MATURITY, currency=close.currency, legs=legs)


def _mirror(closed: ClosedLine, *, before: int, after: int, cause: Journal, effective: datetime) -> None:
    """Take the line's shares back: from this closing's pending, then from due, then as a claim."""
    parts: dict[int | None, int] = defaultdict(int)
    held: dict[int | None, int] = defaultdict(int)
    ledger.enter("shares")
    for allocation in closed.allocations.select_related("closed_line__line").order_by("id"):
        part = taken_back(allocation.amount, base=closed.base, before=before, after=after)
        for person, amount, is_held in freezes.bearers(allocation, part, closed.close):
            parts[person] += amount
            held[person] += amount if is_held else 0
    legs = [leg for person, part in parts.items() for leg in _from_whom(person, part, held[person], closed.close)]
    if any(leg.amount for leg in legs):
        ledger.post(
            f"mirror:{cause.pk}:{closed.line_id}",
            kind=JournalKind.MIRROR,
            currency=closed.close.currency,
            legs=[*legs, credit(ledger.SHARE, sum(parts.values()))],
            effective=effective,
            memo={"line": closed.line_id, "close": closed.close_id},
        )


def _from_whom(person: int | None, amount: int, disputed: int, close: MonthClose) -> list[Leg]:
    if person is None:
        held = min(amount, balance(AccountName.AWARD_POOL, close.currency))
        return [debit(ledger.AWARD_POOL, held), debit(ledger.claims(None), amount - held)]
    frozen = min(disputed, balance(AccountName.FROZEN, close.currency, holder_id=person, close_id=close.pk))
    amount -= frozen
    waiting = min(amount, balance(AccountName.PENDING, close.currency, holder_id=person, close_id=close.pk))
    held = min(amount - waiting, balance(AccountName.DUE, close.currency, holder_id=person))
    return [
        debit(ledger.frozen(person, close), frozen),
        debit(ledger.pending(person, close), waiting),
        debit(ledger.due(person), held),
        debit(ledger.claims(person), amount - waiting - held),
    ]
