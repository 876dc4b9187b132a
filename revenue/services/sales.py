"""Booking what was sold and what went back."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from accounts.models import Namespace
from common.errors import Conflict, Invalid, NotFound
from common.services import audit
from common.signing import digest
from revenue.algorithms.attribution import AttributionGraph
from revenue.enums import AccountName, JournalKind, LineKind, SaleKind
from revenue.models import AttributionSnapshot, Journal, RevenueLine, Sale, SaleReversal
from revenue.services import ledger, shares
from revenue.services.ledger import Leg, credit, debit


@transaction.atomic
def record_sale(
    *,
    reference: str,
    kind: SaleKind,
    customer: Namespace,
    currency: str,
    gross: int,
    tax: int,
    fee: int,
    at: datetime,
    asset: str | None = None,
    graph: AttributionGraph | None = None,
    by: object = None,
) -> Sale:
    """Book a payment (micros; `gross` with tax): tax apart, the processor's fee as a journal of its own.

    A licence is revenue at once, shared by `graph` as it stands now (none: all to the award
    pool). Credits are owed to the customer until they are spent. `reference` is booked once:
    the same content again returns the same Sale, other content raises Conflict.
    """
    if not (gross > 0 and 0 <= tax < gross and fee >= 0):
        raise Invalid(_("A sale needs a positive amount, with tax and fee of zero or more inside it."))
    ledger.enter(f"sale:{reference}")
    wanted = Sale(
        reference=reference,
        kind=kind,
        customer=customer,
        currency=currency.lower(),
        gross=gross,
        tax=tax,
        fee=fee,
        at=at,
        asset=asset or "",
        snapshot=None if graph is None else keep_snapshot(graph),
        by="" if by is None else str(by)[:200],
    )
    standing = Sale.objects.filter(reference=reference).first()
    if standing is not None:
        return _the_same(standing, wanted)
    return _book(wanted)


@transaction.atomic
def reverse_sale(
    reference: str, *, amount: int, fee_back: int = 0, key: str, reason: str, at: datetime, by: object = None
) -> Journal:
    """Book a refund or a lost dispute of `amount` (gross micros, tax in proportion).

    Revenue that was closed already is taken back from shares: pending first, then due, then
    as a claim on later shares. Refunded credits come off the customer's balance; as far as
    they are spent, off the newest use. Raises NotFound, Conflict when more goes back than
    came in or `key` stands for something else.
    """
    ledger.enter(f"sale:{reference}")
    sale = Sale.objects.select_related("customer", "snapshot").filter(reference=reference).first()
    if sale is None:
        raise NotFound(_("No sale is booked under this reference."), reference=reference)
    standing = SaleReversal.objects.select_related("journal").filter(key=key).first()
    if standing is not None:
        if (standing.sale_id, standing.amount, standing.fee_back) != (sale.pk, amount, fee_back):
            raise Conflict(_("Another refund is booked under this key."), code="key_reused")
        return standing.journal
    return _give_back(sale, amount=amount, fee_back=fee_back, key=key, reason=reason, at=at, by=by)


def keep_snapshot(graph: AttributionGraph) -> AttributionSnapshot:
    """The stored form of this lineage; equal lineages share one row."""
    value = graph.to_json()
    sha256 = digest(value)
    AttributionSnapshot.objects.bulk_create([AttributionSnapshot(sha256=sha256, graph=value)], ignore_conflicts=True)
    return AttributionSnapshot(sha256=sha256, graph=value)


def _the_same(standing: Sale, wanted: Sale) -> Sale:
    fields = ["kind", "customer_id", "currency", "gross", "tax", "fee", "at", "asset", "snapshot_id"]
    different = [field for field in fields if getattr(standing, field) != getattr(wanted, field)]
    if different:
        raise Conflict(_("Another sale is booked under this reference."), code="reference_reused", different=different)
    return standing


def _book(sale: Sale) -> Sale:
    effective = ledger.open_moment(sale.at)
    is_licence = sale.kind == SaleKind.LICENCE
    earned = ledger.LICENCE if is_licence else ledger.credits_of(sale.customer)
    sale.journal = ledger.post(
        f"sale:{sale.reference}",
        kind=JournalKind.SALE,
        currency=sale.currency,
        legs=[debit(ledger.CLEARING, sale.gross), credit(earned, sale.net), credit(ledger.TAX, sale.tax)],
        effective=effective,
        memo={"paid_at": sale.at.isoformat()},
        by=sale.by or None,
    )
    sale.save(force_insert=True)
    if sale.fee:
        ledger.post(
            f"sale:{sale.reference}:fee",
            kind=JournalKind.FEE,
            currency=sale.currency,
            legs=[debit(ledger.FEES, sale.fee), credit(ledger.CLEARING, sale.fee)],
            effective=effective,
        )
    if is_licence:
        RevenueLine.objects.create(
            kind=LineKind.LICENCE,
            effective=effective,
            currency=sale.currency,
            net=sale.net,
            customer=sale.customer,
            asset=sale.asset,
            snapshot=sale.snapshot,
            journal=sale.journal,
            sale=sale,
        )
    audit.record("sale.recorded", f"sale:{sale.reference}", actor=sale.by or None, kind=sale.kind, gross=sale.gross)
    return sale


def _give_back(sale: Sale, *, amount: int, fee_back: int, key: str, reason: str, at: datetime, by: object) -> Journal:
    before = sale.reversals.aggregate(total=Sum("amount"))["total"] or 0
    if amount <= 0 or fee_back < 0 or before + amount > sale.gross:
        raise Conflict(_("More would go back than came in."), code="refund_too_large", refundable=sale.gross - before)
    effective = ledger.open_moment(at)
    tax = sale.tax * (before + amount) // sale.gross - sale.tax * before // sale.gross
    taken = (
        _licence_taken_back(sale, amount - tax)
        if sale.kind == SaleKind.LICENCE
        else _credits_taken_back(sale, amount - tax)
    )
    journal = ledger.post(
        f"refund:{key}",
        kind=JournalKind.REFUND,
        currency=sale.currency,
        legs=[*taken.legs, debit(ledger.TAX, tax), credit(ledger.CLEARING, amount)],
        effective=effective,
        memo={"sale": sale.reference, "reason": reason, "at": at.isoformat()},
        by=by,
    )
    if fee_back:
        ledger.post(
            f"refund:{key}:fee",
            kind=JournalKind.FEE_BACK,
            currency=sale.currency,
            legs=[debit(ledger.CLEARING, fee_back), credit(ledger.FEES, fee_back)],
            effective=effective,
        )
    SaleReversal.objects.create(
        sale=sale, key=key, amount=amount, tax=tax, fee_back=fee_back, reason=reason[:300], at=at, journal=journal
    )
    for line, part in taken.lines:
        shares.take_back(line, part, journal=journal, effective=effective)
    audit.record("sale.reversed", f"sale:{sale.reference}", actor=by, amount=amount, reason=reason)
    return journal


@dataclass(frozen=True)
class _Taken:
    """Debit legs of a refund, and the revenue lines that shrink by it."""

    legs: list[Leg]
    lines: list[tuple[RevenueLine, int]]


def _licence_taken_back(sale: Sale, net: int) -> _Taken:
    return _Taken([debit(ledger.LICENCE, net)], [(sale.lines.get(reverses__isnull=True), net)] if net else [])


def _credits_taken_back(sale: Sale, net: int) -> _Taken:
    place = ledger.credits_of(sale.customer)
    ledger.enter(place.code)
    unspent = min(shares.balance(AccountName.CREDITS, sale.currency, namespace_id=sale.customer_id), net)
    spent = missing = net - unspent
    lines: list[tuple[RevenueLine, int]] = []
    for line, left in shares.usage_lines_left(sale.customer_id, sale.currency) if missing else ():
        lines.append((line, min(left, missing)))
        missing -= min(left, missing)
        if not missing:
            break
    return _Taken([debit(place, unspent), debit(ledger.USAGE, spent)], lines)
