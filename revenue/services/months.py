"""Closing a period: the pool is cut, everybody's share is booked and stated, the books are locked."""

from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import F, Max, Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid
from common.services import audit, outbox
from common.signing import digest
from revenue.algorithms import pools
from revenue.algorithms.attribution import NOBODY, AttributionGraph, attribute
from revenue.enums import JournalKind, ShareRole
from revenue.models import ClosedLine, MonthClose, PeriodLock, RevenueLine, ShareAllocation
from revenue.rules import may_close_months
from revenue.services import freezes, ledger, shares, statements
from revenue.services.ledger import credit, debit

_MICROSECOND = timedelta(microseconds=1)


@transaction.atomic
def close_month(
    year: int, month: int, *, by: Principal | None = None, through: datetime | None = None
) -> list[MonthClose]:
    """Close a month that is over, or the running month as far as `through` (docs/decisions/010).

    Returns the month's closings, one per currency and sequence. Closing again returns the
    same and books nothing, unless revenue came in since within the month. `by=None` is the
    site itself. Raises Forbidden for others than staff, Invalid for moments outside the
    month or in the future, Conflict when the month runs still or an earlier one is open.
    """
    if by is not None and not may_close_months(by):
        raise Forbidden(_("Only staff may close a month."))
    begins, ends = month_bounds(year, month)
    ledger.enter_alone()
    through = _checked_end(begins, ends, through)
    locked = ledger.closed_through()
    if locked is not None and through <= locked:
        return closings_of(year, month)
    _refuse_earlier_revenue(begins, locked)
    lines = _open_lines(through)
    if lines or through == ends:
        for currency in sorted({line.currency for line, _left in lines}):
            own = [(line, left) for line, left in lines if line.currency == currency]
            _close(year, month, currency, own, opened_after=locked, through=through, by=by)
        PeriodLock.objects.create(closed_through=through, by=str(by or ""))
        audit.record("month.closed", f"month:{year:04d}-{month:02d}", actor=by, through=through.isoformat())
        outbox.emit("month.closed", f"month.closed:{through.isoformat()}", {"year": year, "month": month})
    return closings_of(year, month)


def month_bounds(year: int, month: int) -> tuple[datetime, datetime]:
    """The first and the last moment of a month in UTC, the last microsecond included."""
    try:
        begins = datetime(year, month, 1, tzinfo=UTC)
        follows = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    except ValueError as error:
        raise Invalid(_("There is no such month.")) from error
    return begins, follows - _MICROSECOND


def closings_of(year: int, month: int) -> list[MonthClose]:
    return list(MonthClose.objects.filter(year=year, month=month).order_by("sequence", "currency"))


def _checked_end(begins: datetime, ends: datetime, through: datetime | None) -> datetime:
    now = timezone.now()
    if through is None:
        if ends >= now:
            raise Conflict(
                _("This month is not over."),
                hint=_("Wait for its end, or name the moment through which to close."),
                code="month_not_over",
            )
        return ends
    if not begins <= through <= ends:
        raise Invalid(_("The moment to close through lies outside the month."))
    if through > now:
        raise Invalid(_("The future cannot be closed."))
    return through


def _refuse_earlier_revenue(begins: datetime, locked: datetime | None) -> None:
    earlier = _open_lines(begins - _MICROSECOND)
    if earlier:
        raise Conflict(
            _("An earlier month has revenue and is still open."),
            hint=_("Close the months in their order."),
            code="earlier_month_open",
            month=min(line.effective for line, _left in earlier).strftime("%Y-%m"),
        )


def _open_lines(through: datetime) -> list[tuple[RevenueLine, int]]:
    """Lines of no closing yet, each with what refunds known by now have left of it."""
    known = Coalesce(Sum("reversals__net", filter=Q(reversals__mirrored=False)), 0)
    lines = RevenueLine.objects.filter(reverses__isnull=True, closed__isnull=True, effective__lte=through)
    rows = lines.select_related("snapshot").annotate(left=F("net") + known).order_by("id")
    return [(line, line.left) for line in rows]


def _close(
    year: int,
    month: int,
    currency: str,
    open_lines: list[tuple[RevenueLine, int]],
    *,
    opened_after: datetime | None,
    through: datetime,
    by: Principal | None,
) -> MonthClose:
    lines = [line for line, _left in open_lines]
    weighted = weigh(lines, {line.pk: left for line, left in open_lines})
    allocation = pools.allocate(weighted)
    amounts = allocation.by_person()
    earlier = MonthClose.objects.filter(year=year, month=month, currency=currency)
    close = MonthClose.objects.create(
        year=year,
        month=month,
        sequence=(earlier.aggregate(last=Max("sequence"))["last"] or 0) + 1,
        currency=currency,
        opened_after=opened_after,
        closed_through=through,
        net=sum(line.base for line in weighted),
        pool=allocation.pool.total,
        creators=sum(amount for person, amount in amounts.items() if person != NOBODY),
        awards=amounts[NOBODY],
        beneficiaries=sum(amount > 0 for person, amount in amounts.items() if person != NOBODY),
        rule=pools.RULE_NAME,
        rule_sha256=pools.RULE_SHA256,
        inputs_sha256=inputs_digest(lines, weighted),
        due_at=through + timedelta(days=pools.HOLDBACK_DAYS),
        by=str(by or ""),
    )
    _keep(close, lines, weighted, allocation)
    _book(close, amounts)
    repaid = _repay_claims(close, amounts)
    statements.issue(close, repaid=repaid, frozen=freezes.hold_at_closing(close))
    return close


def weigh(lines: list[RevenueLine], bases: dict[int, int]) -> list[pools.Line]:
    """The lines as the algorithm takes them; each distinct lineage is followed once."""
    graphs = {line.snapshot_id: line.snapshot.graph for line in lines if line.snapshot is not None}
    weights: dict[str | None, pools.Weights] = {None: pools.NO_LINEAGE}
    weights |= {sha256: attribute(AttributionGraph.from_json(graph)) for sha256, graph in graphs.items()}
    return [pools.Line(line.pk, bases[line.pk], weights[line.snapshot_id]) for line in lines]


def inputs_digest(lines: list[RevenueLine], weighted: list[pools.Line]) -> str:
    """SHA-256 over what went into a closing: each line, what counted of it, and its lineage."""
    return digest(
        [[line.pk, line.kind, entry.base, line.snapshot_id] for line, entry in zip(lines, weighted, strict=True)]
    )


def role_of(asset: str, sold: str) -> ShareRole:
    if not asset:
        return ShareRole.AWARDS
    if asset == sold:
        return ShareRole.SOLD
    return ShareRole.DATASET if asset.startswith("dataset:") else ShareRole.MODEL


def _keep(
    close: MonthClose, lines: list[RevenueLine], weighted: list[pools.Line], allocation: pools.Allocation
) -> None:
    """Write down which lines counted, and each part of the pool with the line it came from."""
    closed = ClosedLine.objects.bulk_create(
        ClosedLine(close=close, line=line, base=entry.base) for line, entry in zip(lines, weighted, strict=True)
    )
    places = {row.line_id: row for row in closed}
    sold = {line.pk: line.snapshot.graph["root"] if line.snapshot else "" for line in lines}
    weights = {entry.key: entry.weights for entry in weighted}
    rows = [
        ShareAllocation(
            closed_line=places[line],
            asset=asset,
            role=role_of(asset, sold[line]),
            beneficiary_id=person or None,
            weight=weights[line][asset, person],
            amount=amount,
        )
        for (line, asset, person), amount in allocation.parts.items()
        if amount
    ]
    rows += [
        ShareAllocation(closed_line=places[line], role=ShareRole.AWARDS, weight=0, amount=amount)
        for line, amount in allocation.awards.items()
        if amount
    ]
    ShareAllocation.objects.bulk_create(rows, batch_size=5000)


def _book(close: MonthClose, amounts: dict[int, int]) -> None:
    people = [credit(ledger.pending(person, close), amounts[person]) for person in sorted(amounts) if person != NOBODY]
    if close.pool:
        ledger.post(
            f"close:{close.period}:{close.currency}",
            kind=JournalKind.ALLOCATION,
            currency=close.currency,
            legs=[debit(ledger.SHARE, close.pool), credit(ledger.AWARD_POOL, close.awards), *people],
            effective=close.closed_through,
            memo={"close": close.pk, "rule": close.rule_sha256},
        )


def _repay_claims(close: MonthClose, amounts: dict[int, int]) -> dict[int, int]:
    """What earlier refunds left open is settled out of the new shares first."""
    repaid: dict[int, int] = {}
    for person, owed in shares.open_claims(close.currency).items():
        part = min(owed, amounts.get(person, 0))
        if part:
            repaid[person] = part
    legs = [
        leg
        for person, part in sorted(repaid.items())
        for leg in (
            debit(ledger.AWARD_POOL if person == NOBODY else ledger.pending(person, close), part),
            credit(ledger.claims(None if person == NOBODY else person), part),
        )
    ]
    if legs:
        ledger.post(
            f"close:{close.period}:{close.currency}:repaid",
            kind=JournalKind.REPAYMENT,
            currency=close.currency,
            legs=legs,
            effective=close.closed_through,
            memo={"close": close.pk},
        )
    return repaid
