"""What must hold in the books, checked against the database itself (`manage.py audit`)."""

import hashlib
from collections import defaultdict

from django.db import connection
from django.db.models import Count, F, Q, Sum

from common import signing
from common.services.auditing import auditor
from revenue.algorithms import pools
from revenue.algorithms.attribution import NOBODY
from revenue.algorithms.pools import taken_back
from revenue.enums import AccountKind, AccountName, JournalKind, LineKind, SaleKind
from revenue.models import (
    ClosedLine,
    Entry,
    HashBlock,
    Journal,
    MonthClose,
    RevenueLine,
    Sale,
    SaleFee,
    SaleReversal,
    ShareAllocation,
    Statement,
)
from revenue.services import blocks, freezes, months, statements

Sums = dict[tuple[str, str], int]  # (account name or group, currency) -> micros
_GROUPS = {
    AccountName.PENDING: "people",
    AccountName.DUE: "people",
    AccountName.FROZEN: "people",
    AccountName.AWARD_POOL: "awards",
}
# The other side of awards; what was drawn is checked on the side of the pool.
_UNCHECKED = {AccountName.AWARD_COMPUTE, AccountName.AWARD_PAYABLE}


@auditor("revenue: every journal balances")
def journals_balance() -> list[str]:
    unbalanced = Entry.objects.values("journal__key", "currency").annotate(total=Sum("amount")).exclude(total=0)
    found = [
        f"Journal {key} is {total} {currency} off."
        for key, currency, total in unbalanced.values_list("journal__key", "currency", "total")
    ]
    short = Journal.objects.annotate(found=Count("entries")).exclude(found=F("legs"))
    found += [f"Journal {journal.key} has {journal.found} of {journal.legs} legs." for journal in short]
    totals = Entry.objects.values_list("currency").annotate(total=Sum("amount")).exclude(total=0)
    return found + [f"All entries in {currency} sum to {total}." for currency, total in totals]


@auditor("revenue: stored balances are the sums of their entries")
def balances_match() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT account.code, account.currency, coalesce(balance.amount, 0),
                   coalesce(sum(entry.amount), 0) * CASE WHEN account.kind IN ('asset', 'expense') THEN 1 ELSE -1 END
            FROM revenue_account account
            LEFT JOIN revenue_balance balance ON balance.account_id = account.id
            LEFT JOIN revenue_entry entry ON entry.account_id = account.id
            WHERE account.guarded OR balance.account_id IS NOT NULL
            GROUP BY account.id, balance.amount
            """
        )
        rows = cursor.fetchall()
    found = [
        f"Account {code} {currency} shows {stored}, its entries sum to {total}."
        for code, currency, stored, total in rows
        if stored != total
    ]
    return found + [f"Account {code} {currency} is below zero." for code, currency, _stored, total in rows if total < 0]


@auditor("revenue: the chain of blocks is intact")
def chain_is_intact() -> list[str]:
    found = []
    previous, after = blocks.GENESIS, 0
    for sequence, block in enumerate(HashBlock.objects.order_by("sequence"), start=1):
        if (block.sequence, block.previous, block.after_journal) != (sequence, previous, after):
            found.append(f"Block {block.sequence} does not follow the one before it.")
        made = blocks.fingerprint(
            previous=block.previous, sequence=block.sequence, after=block.after_journal, last=block.last_journal
        )
        if made != (block.sha256, block.journals):
            found.append(f"The journals of block {block.sequence} are not what was sealed.")
        found += _signature(f"block {block.sequence}", block.signature, blocks.claims_of(block))
        previous, after = block.sha256, block.last_journal
    return found


@auditor("revenue: sub-ledgers agree with the accounts")
def sub_ledgers_agree() -> list[str]:
    booked = _booked()
    expected = _expected()
    return [
        f"{name} {currency}: the accounts hold {booked.get((name, currency), 0)}, the records say {amount}."
        for (name, currency), amount in sorted((_zeros(booked, expected) | expected).items())
        if booked.get((name, currency), 0) != amount
    ]


@auditor("revenue: no journal without its record")
def no_orphans() -> list[str]:
    orphans = Journal.objects.filter(
        Q(kind=JournalKind.SALE, sale__isnull=True)
        | Q(kind=JournalKind.REFUND, sale_reversal__isnull=True)
        | Q(kind=JournalKind.SPEND, lines__isnull=True)
    )
    return [f"Journal {key} belongs to nothing." for key in orphans.values_list("key", flat=True)]


@auditor("revenue: closings and statements can be made again, byte for byte")
def statements_recompute() -> list[str]:
    found = []
    for close in MonthClose.objects.order_by("pk"):
        found += _recheck_closing(close)
        found += _recheck_statements(close)
    return found


@auditor("revenue: no award gives back more than it drew")
def returns_within_grants() -> list[str]:
    rows = (
        Entry.objects.filter(
            account__name=AccountName.AWARD_POOL,
            journal__kind__in=[JournalKind.POOL_GRANT, JournalKind.POOL_RETURN],
        )
        .values("journal__memo__reference")
        .annotate(total=Sum("amount"))
        .order_by("journal__memo__reference")
    )
    return [
        f"{row['journal__memo__reference']} gave back {-row['total']} more than it drew."
        for row in rows
        if row["total"] < 0
    ]


def _booked() -> Sums:
    """Balances by account name; all that people hold together as "people", the award pool as "awards"."""
    rows = Entry.objects.values_list("account__name", "account__kind", "currency").annotate(total=Sum("amount"))
    sums: Sums = defaultdict(int)
    for name, kind, currency, total in rows:
        if name == AccountName.CLAIMS:
            continue
        sums[_GROUPS.get(AccountName(name), name), currency] += total * AccountKind(kind).sign
    claims = Entry.objects.filter(account__name=AccountName.CLAIMS)
    for group, rows_of in (
        ("people", claims.filter(account__holder__isnull=False)),
        ("awards", claims.filter(account__holder__isnull=True)),
    ):
        for currency, total in rows_of.values_list("currency").annotate(Sum("amount")):
            sums[group, currency] -= total
    return {place: amount for place, amount in sums.items() if place[0] not in _UNCHECKED}


def _expected() -> Sums:
    """What sales, lines, allocations and grants say should stand in the accounts."""
    sums: Sums = defaultdict(int)
    for kind, currency, gross, tax, fee in Sale.objects.values_list("kind", "currency").annotate(
        Sum("gross"), Sum("tax"), Sum("fee")
    ):
        sums[AccountName.CLEARING, currency] += gross - fee
        sums[AccountName.TAX, currency] += tax
        sums[AccountName.FEES, currency] += fee
        sums[AccountName.CREDITS, currency] += gross - tax if kind == SaleKind.CREDITS else 0
    for currency, fee in SaleFee.objects.values_list("sale__currency").annotate(Sum("amount")):
        sums[AccountName.CLEARING, currency] -= fee
        sums[AccountName.FEES, currency] += fee
    for kind, currency, amount, tax, fee in SaleReversal.objects.values_list("sale__kind", "sale__currency").annotate(
        Sum("amount"), Sum("tax"), Sum("fee_back")
    ):
        sums[AccountName.CLEARING, currency] -= amount - fee
        sums[AccountName.TAX, currency] -= tax
        sums[AccountName.FEES, currency] -= fee
        sums[AccountName.CREDITS, currency] -= amount - tax if kind == SaleKind.CREDITS else 0
    for kind, currency, net in RevenueLine.objects.values_list("kind", "currency").annotate(Sum("net")):
        income = AccountName.LICENCE if kind == LineKind.LICENCE else AccountName.USAGE
        sums[income, currency] += net
        sums[AccountName.CREDITS, currency] -= net if kind == LineKind.USAGE else 0
    _expect_shares(sums)
    return sums


def _expect_shares(sums: Sums) -> None:
    """Shares of people (pending, due, less claims) and of the award pool, after refunds and awards."""
    refunded = dict(RevenueLine.objects.filter(mirrored=True).values_list("reverses_id").annotate(total=-Sum("net")))
    rows = ShareAllocation.objects.values_list(
        "closed_line__close__currency", "beneficiary_id", "amount", "closed_line__line_id", "closed_line__base"
    )
    for currency, person, amount, line, base in rows.iterator():
        left = amount - taken_back(amount, base=base, before=0, after=refunded.get(line, 0))
        sums[AccountName.SHARE, currency] += left
        sums["people" if person else "awards", currency] += left
    grants = Entry.objects.filter(account__name=AccountName.AWARD_POOL).filter(
        Q(journal__kind__in=[JournalKind.POOL_GRANT, JournalKind.POOL_RETURN])
        | Q(journal__reverses__kind=JournalKind.POOL_GRANT)
    )
    for currency, drawn in grants.values_list("currency").annotate(Sum("amount")):
        sums["awards", currency] -= drawn


def _zeros(*many: Sums) -> Sums:
    return {place: 0 for sums in many for place in sums}


def _recheck_closing(close: MonthClose) -> list[str]:
    closed = list(ClosedLine.objects.filter(close=close).select_related("line__snapshot").order_by("line_id"))
    lines = [row.line for row in closed]
    weighted = months.weigh(lines, {row.line_id: row.base for row in closed})
    amounts = pools.allocate(weighted, rule=close.rule).by_person()
    found = []
    if months.inputs_digest(lines, weighted) != close.inputs_sha256:
        found.append(f"The lines of closing {close} are not those it was made from.")
    kept = ShareAllocation.objects.filter(closed_line__close=close).values_list("beneficiary_id")
    stored = {person or NOBODY: total for person, total in kept.annotate(total=Sum("amount"))}
    if stored != {person: amount for person, amount in amounts.items() if amount}:
        found.append(f"The shares of closing {close} are not what its lines give.")
    return found


def _recheck_statements(close: MonthClose) -> list[str]:
    found = []
    lines = statements.lines_of(close)
    frozen = freezes.frozen_at_closing(close)
    standing = {row.beneficiary_id: row for row in Statement.objects.filter(close=close)}
    if standing.keys() != lines.keys():
        found.append(f"Closing {close} has statements for other people than it has shares for.")
    for person, row in standing.items():
        body = statements.compose(close, person, lines.get(person, []), row.repaid, frozen.get(person, 0))
        number = statements.number_of(close, person)
        if body != row.body or hashlib.sha256(body.encode()).hexdigest() != row.sha256:
            found.append(f"Statement {number} cannot be made again from the records.")
        found += _signature(f"statement {number}", row.signature, statements.claims_of(number, row.sha256))
    return found


def _signature(what: str, token: str, claims: dict[str, object]) -> list[str]:
    try:
        return [] if signing.verify(token) == claims else [f"The signature of {what} is over something else."]
    except signing.SignatureInvalid as error:
        return [f"The signature of {what} does not verify: {error}."]
