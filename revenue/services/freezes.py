"""Holding shares while a credit is disputed, and giving them out as it was decided.

Nothing is erased: holding and giving out are journals of their own, and what was stated stays stated.
What is due already was given before anybody objected and stays where it is.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from common.errors import Conflict
from common.services import audit
from revenue.algorithms.pools import taken_back
from revenue.algorithms.rounding import largest_remainder
from revenue.enums import AccountName, JournalKind
from revenue.models import (
    Balance,
    FrozenShare,
    MonthClose,
    RevenueLine,
    ShareAllocation,
    ShareFreeze,
    ShareRelease,
)
from revenue.services import ledger
from revenue.services.ledger import credit, debit


@transaction.atomic
def freeze(key: str, *, asset: str, holder_id: int | None = None, sold: str = "", by: object = None) -> ShareFreeze:
    """Hold what is pending for an asset, and what later closings give it. Once per `key`."""
    ledger.enter("shares")
    standing, is_new = ShareFreeze.objects.get_or_create(
        key=key, defaults={"asset": asset, "holder_id": holder_id, "sold": sold}
    )
    if (standing.asset, standing.holder_id, standing.sold) != (asset, holder_id, sold):
        raise Conflict(_("Other shares are held under this key."), code="key_reused")
    if is_new:
        closes = _allocations(standing).values_list("closed_line__close", flat=True)
        for close in MonthClose.objects.filter(pk__in=closes).order_by("pk"):
            _hold(standing, close)
        audit.record("shares.frozen", asset, actor=by, key=key)
    return standing


@transaction.atomic
def release(key: str, *, split: Sequence[tuple[int, int]] = (), by: object = None) -> ShareRelease:
    """Give out what is held: back, or by points to the people of `split`. Once per `key`."""
    ledger.enter("shares")
    held = ShareFreeze.objects.get(key=key)
    wanted = [[person, points] for person, points in split]
    decision, is_new = ShareRelease.objects.get_or_create(freeze=held, defaults={"split": wanted})
    if decision.split != wanted:
        raise Conflict(_("These shares were given out by another decision."), code="key_reused")
    if is_new:
        shares = list(held.shares.select_related("close").order_by("close_id", "holder_id"))
        for share in shares:
            _give_out(share, decision)
        _hold_again(held.asset, {share.close for share in shares})
        audit.record("shares.released", held.asset, actor=by, key=key, split=wanted)
    return decision


def hold_at_closing(close: MonthClose) -> dict[int, int]:
    """What of a new closing is held, by person; the caller has booked it and holds the books alone.

    What was earned before a decision is given out by that decision, also when it is closed after it.
    """
    assets = ShareAllocation.objects.filter(closed_line__close=close).values("asset")
    standing = ShareFreeze.objects.filter(Q(release__isnull=True) | ~Q(release__split=[]), asset__in=assets)
    for freeze in standing.select_related("release").order_by("pk"):
        shares = _hold(freeze, close, at_closing=True)
        if hasattr(freeze, "release"):
            for share in shares:
                _give_out(share, freeze.release, effective=close.closed_through)
    return frozen_at_closing(close)


def frozen_at_closing(close: MonthClose) -> dict[int, int]:
    rows = FrozenShare.objects.filter(close=close, at_closing=True).values_list("holder_id")
    return dict(rows.annotate(total=Sum("amount")))


def bearers(allocation: ShareAllocation, part: int, close: MonthClose) -> Iterator[tuple[int | None, int, bool]]:
    """Who gives back `part` of an allocation: person, amount, and whether it is held money."""
    person = allocation.beneficiary_id
    line = allocation.closed_line.line
    covering = ShareFreeze.objects.filter(
        Q(sold="") | Q(sold=line.asset), asset=allocation.asset, shares__close=close, shares__holder=person
    )
    freeze = covering.select_related("release").order_by("-pk").first() if person else None
    if person is None or freeze is None:
        yield person, part, False
    elif not hasattr(freeze, "release"):
        yield person, part, True
    else:
        yield from ((who, amount, False) for who, amount in _shared_out(person, part, freeze.release).items())


def _hold_again(asset: str, closes: set[MonthClose]) -> None:
    """Another dispute about the same asset may still run: what one decision gave out, it holds."""
    for freeze in ShareFreeze.objects.filter(asset=asset, release__isnull=True).order_by("pk"):
        for close in sorted(closes, key=lambda one: one.pk):
            _hold(freeze, close)


def _allocations(freeze: ShareFreeze, close: MonthClose | None = None) -> QuerySet[ShareAllocation]:
    rows = ShareAllocation.objects.filter(asset=freeze.asset, beneficiary__isnull=False)
    if freeze.holder_id is not None:
        rows = rows.filter(beneficiary=freeze.holder_id)
    if freeze.sold:
        rows = rows.filter(closed_line__line__asset=freeze.sold)
    if hasattr(freeze, "release"):
        rows = rows.filter(closed_line__line__effective__lte=freeze.release.at)
    return rows if close is None else rows.filter(closed_line__close=close)


def _hold(freeze: ShareFreeze, close: MonthClose, *, at_closing: bool = False) -> list[FrozenShare]:
    """Move what is left of the disputed shares of a closing, as far as it is still pending."""
    amounts: dict[int, int] = defaultdict(int)
    rows = _allocations(freeze, close).values_list(
        "beneficiary_id", "amount", "closed_line__line_id", "closed_line__base"
    )
    refunded = _refunded(close)
    for person, amount, line, base in rows:
        assert person is not None
        amounts[person] += amount - taken_back(amount, base=base, before=0, after=refunded.get(line, 0))
    held = FrozenShare.objects.filter(freeze=freeze, close=close).order_by("pk").values_list("holder_id", "amount")
    for person, amount in held:
        amounts[person] -= amount
    pending = _balances(AccountName.PENDING, close)
    wanted = {person: min(amount, pending.get(person, 0)) for person, amount in sorted(amounts.items())}
    wanted = {person: amount for person, amount in wanted.items() if amount > 0}
    if not wanted:
        return []
    journal = ledger.post(
        f"freeze:{freeze.key}:{close.pk}:{len(held)}",
        kind=JournalKind.FREEZE,
        currency=close.currency,
        legs=[
            leg
            for person, amount in wanted.items()
            for leg in (debit(ledger.pending(person, close), amount), credit(ledger.frozen(person, close), amount))
        ],
        effective=close.closed_through if at_closing else None,
        memo={"freeze": freeze.key, "close": close.pk},
    )
    return FrozenShare.objects.bulk_create(
        FrozenShare(freeze=freeze, close=close, holder_id=person, amount=amount, at_closing=at_closing, journal=journal)
        for person, amount in wanted.items()
    )


def _give_out(share: FrozenShare, decision: ShareRelease, *, effective: datetime | None = None) -> None:
    """What refunds have left of a held share goes to whom the decision names, and waits there as it did before."""
    close = share.close
    left = min(share.amount, _balances(AccountName.FROZEN, close).get(share.holder_id, 0))
    if left:
        parts = _shared_out(share.holder_id, left, decision)
        ledger.post(
            f"release:{decision.freeze.key}:{share.pk}",
            kind=JournalKind.RELEASE,
            currency=close.currency,
            legs=[
                debit(ledger.frozen(share.holder_id, close), left),
                *(credit(ledger.pending(who, close), amount) for who, amount in parts.items()),
            ],
            effective=effective,
            memo={"freeze": decision.freeze.key, "close": close.pk},
        )


def _shared_out(holder_id: int, amount: int, decision: ShareRelease) -> dict[int, int]:
    if not decision.split:
        return {holder_id: amount}
    return largest_remainder(amount, dict(decision.split))


def _refunded(close: MonthClose) -> dict[int, int]:
    rows = RevenueLine.objects.filter(mirrored=True, reverses__closed__close=close).values_list("reverses_id")
    return dict(rows.annotate(total=-Sum("net")))


def _balances(name: AccountName, close: MonthClose) -> dict[int, int]:
    rows = Balance.objects.filter(account__name=name, account__close=close)
    return dict(rows.values_list("account__holder_id", F("amount")))
