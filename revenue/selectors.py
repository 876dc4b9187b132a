"""Reading the books. What people may see is decided here; the public books hold sums only."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, TruncMonth

from accounts.enums import Permission
from accounts.models import Namespace
from accounts.principal import Principal
from revenue.algorithms.pools import Pool, pool_of
from revenue.enums import AccountName, JournalKind
from revenue.models import Balance, Entry, HashBlock, MonthClose, PeriodLock, RevenueLine, Statement


def sees_all_statements(principal: Principal) -> bool:
    return principal.is_staff


def credit_balance(namespace: Namespace, currency: str) -> int:
    """Unspent credits of a customer, in micros."""
    return _guarded(AccountName.CREDITS, currency, account__namespace=namespace)


def pool_balance(currency: str) -> int:
    """What the community award pool holds, in micros."""
    return _guarded(AccountName.AWARD_POOL, currency)


def statements_visible_to(principal: Principal) -> QuerySet[Statement]:
    """A person's own statements; staff see all. Newest first."""
    statements = Statement.objects.select_related("close", "beneficiary")
    if sees_all_statements(principal):
        return statements
    if not _sees_own_money(principal):
        return statements.none()
    return statements.filter(beneficiary=principal.user)


@dataclass(frozen=True)
class TakenBack:
    """What of a statement's line went back when its revenue did: a refund, or a dispute that was lost."""

    at: datetime
    line: int
    amount: int


def taken_back_of(statement: Statement) -> list[TakenBack]:
    """Since the closing, the oldest first."""
    rows = (
        Entry.objects.filter(
            journal__kind=JournalKind.MIRROR,
            journal__memo__close=statement.close_id,
            account__holder=statement.beneficiary_id,
        )
        .values("journal_id", "journal__effective", "journal__memo__line")
        .annotate(total=Sum("amount"))
        .order_by("journal_id")
    )
    return [TakenBack(row["journal__effective"], row["journal__memo__line"], row["total"]) for row in rows]


@dataclass(frozen=True)
class Shares:
    """Where a person stands in one currency, in micros."""

    currency: str
    pending: int
    due: int
    claims: int
    frozen: int = 0


def shares_of(principal: Principal) -> list[Shares]:
    """Pending and due shares of the person who asks, and what they have to repay, by currency."""
    if not _sees_own_money(principal):
        return []
    rows = (
        Balance.objects.filter(account__holder=principal.user)
        .values("account__currency", "account__name")
        .annotate(total=Sum("amount"))
    )
    sums: dict[str, dict[str, int]] = {}
    for row in rows:
        sums.setdefault(row["account__currency"], {})[row["account__name"]] = row["total"]
    return [
        Shares(
            currency,
            pending=names.get(AccountName.PENDING, 0),
            due=names.get(AccountName.DUE, 0),
            claims=names.get(AccountName.CLAIMS, 0),
            frozen=names.get(AccountName.FROZEN, 0),
        )
        for currency, names in sorted(sums.items())
    ]


@dataclass(frozen=True)
class RevenueMonth:
    """Net revenue that counts for a month, in micros."""

    month: datetime
    licence: int
    usage: int

    @property
    def total(self) -> int:
        return self.licence + self.usage


@dataclass(frozen=True)
class Books:
    """The public books of one currency: sums, never names of customers. Micros."""

    currency: str
    months: list[RevenueMonth]
    closings: list[MonthClose]
    award_pool: int
    awards_made: int
    awards_count: int
    pending: int
    due: int
    open_net: int
    open_pool: Pool
    creators_ever: int
    people_ever: int


def public_books() -> list[Books]:
    """How the pool came about and where it went, by currency."""
    currencies = RevenueLine.objects.values_list("currency", flat=True).distinct().order_by("currency")
    months, closings = _months(), _closings()
    balances, awards = _balances(), _awards()
    people, open_nets = _people(), _open_nets()
    return [
        Books(
            currency=currency,
            months=months.get(currency, []),
            closings=closings.get(currency, []),
            award_pool=balances.get((currency, AccountName.AWARD_POOL), 0),
            awards_made=awards.get(currency, (0, 0))[0],
            awards_count=awards.get(currency, (0, 0))[1],
            pending=balances.get((currency, AccountName.PENDING), 0),
            due=balances.get((currency, AccountName.DUE), 0),
            open_net=open_nets.get(currency, 0),
            open_pool=pool_of(open_nets.get(currency, 0)),
            creators_ever=sum(close.creators for close in closings.get(currency, [])),
            people_ever=people.get(currency, 0),
        )
        for currency in currencies
    ]


def closed_through() -> datetime | None:
    return PeriodLock.objects.order_by("-closed_through").values_list("closed_through", flat=True).first()


def blocks() -> QuerySet[HashBlock]:
    """The signed chain over all journals, newest first. Public: it holds hashes only."""
    return HashBlock.objects.order_by("-sequence")


def _sees_own_money(principal: Principal) -> bool:
    """A person by session or by a token that may read all of theirs; a job's token sees no money."""
    return principal.allows(Permission.BILLING_READ)


def _guarded(name: AccountName, currency: str, **more: Any) -> int:
    rows = Balance.objects.filter(account__name=name, account__currency=currency.lower(), **more)
    return int(rows.aggregate(total=Coalesce(Sum("amount"), 0))["total"])


def _months() -> dict[str, list[RevenueMonth]]:
    rows = (
        RevenueLine.objects.annotate(begins=TruncMonth("effective"))
        .values("currency", "begins", "kind")
        .annotate(net=Sum("net"))
        .order_by("currency", "begins")
    )
    sums: dict[str, dict[datetime, dict[str, int]]] = {}
    for row in rows:
        sums.setdefault(row["currency"], {}).setdefault(row["begins"], {})[row["kind"]] = row["net"]
    return {
        currency: [
            RevenueMonth(begins, kinds.get("licence", 0), kinds.get("usage", 0)) for begins, kinds in by_month.items()
        ]
        for currency, by_month in sums.items()
    }


def _closings() -> dict[str, list[MonthClose]]:
    closings: dict[str, list[MonthClose]] = {}
    for close in MonthClose.objects.order_by("-closed_through", "currency"):
        closings.setdefault(close.currency, []).append(close)
    return closings


def _balances() -> dict[tuple[str, str], int]:
    rows = Balance.objects.values("account__currency", "account__name").annotate(total=Sum("amount"))
    return {(row["account__currency"], row["account__name"]): row["total"] for row in rows}


def _awards() -> dict[str, tuple[int, int]]:
    """Sum and number of awards out of the pool, by currency, less what came back unused.

    An award that was reversed no longer counts.
    """
    rows = (
        Entry.objects.filter(
            journal__kind__in=[JournalKind.POOL_GRANT, JournalKind.POOL_RETURN],
            journal__reversed_by__isnull=True,
            account__name=AccountName.AWARD_POOL,
        )
        .values("currency")
        .annotate(total=Sum("amount"), count=Count("journal", filter=Q(journal__kind=JournalKind.POOL_GRANT)))
    )
    return {row["currency"]: (row["total"], row["count"]) for row in rows}


def _people() -> dict[str, int]:
    rows = Statement.objects.values("close__currency").annotate(people=Count("beneficiary", distinct=True))
    return {row["close__currency"]: row["people"] for row in rows}


def _open_nets() -> dict[str, int]:
    """Net revenue that no closing has counted yet, after refunds known by now."""
    lines = RevenueLine.objects.filter(reverses__isnull=True, closed__isnull=True)
    taken = RevenueLine.objects.filter(reverses__isnull=False, mirrored=False, reverses__closed__isnull=True)
    sums: dict[str, int] = {}
    for rows in (lines, taken):
        for currency, net in rows.values_list("currency").annotate(net=Sum("net")):
            sums[currency] = sums.get(currency, 0) + net
    return sums
