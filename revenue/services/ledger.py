"""The books' only writer."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Namespace
from common.errors import Conflict, Invalid, PaymentRequired
from common.signing import digest
from revenue.enums import AccountName, JournalKind
from revenue.models import Account, Entry, Journal, MonthClose, PeriodLock


@dataclass(frozen=True)
class Place:
    """An account by name, before it is known whether it exists."""

    name: AccountName
    holder_id: int | None = None
    namespace_id: int | None = None
    close_id: int | None = None
    reference: str = ""

    @property
    def code(self) -> str:
        parts = [self.holder_id, self.namespace_id, self.close_id, self.reference]
        return ":".join([self.name.value, *(str(part) for part in parts if part)])


@dataclass(frozen=True)
class Leg:
    """One leg in micros; positive is debit, negative is credit."""

    place: Place
    amount: int


def debit(place: Place, amount: int) -> Leg:
    return Leg(place, amount)


def credit(place: Place, amount: int) -> Leg:
    return Leg(place, -amount)


CLEARING = Place(AccountName.CLEARING)
TAX = Place(AccountName.TAX)
LICENCE = Place(AccountName.LICENCE)
USAGE = Place(AccountName.USAGE)
AWARD_COMPUTE = Place(AccountName.AWARD_COMPUTE)
FEES = Place(AccountName.FEES)
SHARE = Place(AccountName.SHARE)
AWARD_POOL = Place(AccountName.AWARD_POOL)


def credits_of(namespace: Namespace) -> Place:
    return Place(AccountName.CREDITS, namespace_id=namespace.pk)


def pending(user_id: int, close: MonthClose) -> Place:
    """Each closing has a pending account per person, so that it falls due as a whole."""
    return Place(AccountName.PENDING, holder_id=user_id, close_id=close.pk)


def due(user_id: int) -> Place:
    return Place(AccountName.DUE, holder_id=user_id)


def frozen(user_id: int, close: MonthClose) -> Place:
    """What a person earned in a closing and does not get before a dispute is decided."""
    return Place(AccountName.FROZEN, holder_id=user_id, close_id=close.pk)


def claims(user_id: int | None) -> Place:
    """What a person, or the award pool (None), was given and has to repay out of later shares."""
    return Place(AccountName.CLAIMS, holder_id=user_id)


def award_payable(reference: str) -> Place:
    return Place(AccountName.AWARD_PAYABLE, reference=reference)


class BalanceTooLow(PaymentRequired):
    """A guarded account would fall below zero."""

    code = "balance_too_low"


class PeriodClosed(Conflict):
    code = "period_closed"


@transaction.atomic
def post(
    key: str,
    *,
    kind: JournalKind,
    currency: str,
    legs: Sequence[Leg],
    effective: datetime | None = None,
    reverses: Journal | None = None,
    memo: dict[str, Any] | None = None,
    by: object = None,
) -> Journal:
    """Write one journal; legs of zero are left out.

    The same key with the same content returns the journal that stands already. Raises
    Conflict for other content, PeriodClosed, BalanceTooLow, and Invalid for unbalanced legs.
    Without `effective` it counts now.
    """
    content = _content(kind, currency, legs, effective, reverses, memo)
    enter(f"journal:{key}")
    standing = Journal.objects.filter(key=key).first()
    if standing is not None:
        if standing.content != content:
            raise Conflict(_("Another journal is booked under this key."), code="key_reused", key=key)
        return standing
    moving = [leg for leg in legs if leg.amount]
    if len(moving) < 2 or sum(leg.amount for leg in moving) != 0:
        raise Invalid(_("The legs of a journal must sum to zero."), code="unbalanced")
    accounts = _accounts([leg.place for leg in moving], currency)
    try:
        with transaction.atomic():
            journal = Journal.objects.create(
                key=key,
                kind=kind,
                effective=open_moment() if effective is None else effective,
                legs=len(moving),
                reverses=reverses,
                memo=memo or {},
                content=content,
                posted_by="" if by is None else str(by)[:200],
            )
            Entry.objects.bulk_create(
                Entry(journal=journal, account_id=accounts[leg.place.code], amount=leg.amount, currency=currency)
                for leg in moving
            )
            _check_now()
    except IntegrityError as error:
        raise _refusal(error) from error
    return journal


def reverse(journal: Journal, *, key: str, reason: str, by: object = None) -> Journal:
    """Undo a journal by its mirror, dated today. Once only: a second key raises Conflict."""
    standing = Journal.objects.filter(reverses=journal).first()
    if standing is not None and standing.key != key:
        raise Conflict(_("This journal was reversed already."), code="reversed_already")
    legs = [
        Leg(_place(entry.account), -entry.amount) for entry in journal.entries.select_related("account").order_by("id")
    ]
    currency = journal.entries.values_list("currency", flat=True)[0]
    return post(
        key, kind=JournalKind.REVERSAL, currency=currency, legs=legs, reverses=journal, memo={"reason": reason}, by=by
    )


def enter(*names: str) -> None:
    """Come in to write: no closing runs meanwhile, and nobody else works on these names.

    Always the shared lock first, then names, so that waiting never goes in a circle.
    Held until the transaction ends.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT revenue_lock_shared()")
        for name in names:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7305701))", [name])


def enter_alone() -> None:
    """Come in to close or seal: waits until every writer is done, and keeps the others out."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT revenue_lock_alone()")


def closed_through() -> datetime | None:
    """The end of the last closed period."""
    with suppress(PeriodLock.DoesNotExist):
        return PeriodLock.objects.latest().closed_through
    return None


def open_moment(at: datetime | None = None) -> datetime:
    """`at` when its period is open, otherwise now: what arrives late counts in the open period.

    Call it after `enter`, so that no closing comes between.
    """
    lock = closed_through()
    moment = at or timezone.now()
    if lock is None or moment > lock:
        return moment
    return max(timezone.now(), lock + timedelta(microseconds=1))


def _content(
    kind: JournalKind,
    currency: str,
    legs: Sequence[Leg],
    effective: datetime | None,
    reverses: Journal | None,
    memo: dict[str, Any] | None,
) -> str:
    return digest(
        {
            "kind": kind,
            "currency": currency,
            "legs": [[leg.place.code, leg.amount] for leg in legs if leg.amount],
            "effective": None if effective is None else effective.isoformat(),
            "reverses": None if reverses is None else reverses.key,
            "memo": memo or {},
        }
    )


def _accounts(places: list[Place], currency: str) -> dict[str, int]:
    """Account ids by code; accounts are made on first use."""
    wanted = {place.code: place for place in places}
    found = _account_ids(wanted, currency)
    missing = [place for code, place in wanted.items() if code not in found]
    if not missing:
        return found
    Account.objects.bulk_create(
        [
            Account(
                code=place.code,
                currency=currency,
                name=place.name,
                kind=place.name.kind,
                guarded=place.name.guarded,
                holder_id=place.holder_id,
                namespace_id=place.namespace_id,
                close_id=place.close_id,
            )
            for place in missing
        ],
        ignore_conflicts=True,
    )
    return _account_ids(wanted, currency)


def _account_ids(wanted: dict[str, Place], currency: str) -> dict[str, int]:
    rows = Account.objects.filter(currency=currency, code__in=list(wanted)).values_list("code", "id")
    return dict(rows)


def _place(account: Account) -> Place:
    return Place(
        AccountName(account.name),
        holder_id=account.holder_id,
        namespace_id=account.namespace_id,
        close_id=account.close_id,
        reference=account.code.partition(":")[2] if account.name == AccountName.AWARD_PAYABLE else "",
    )


def _check_now() -> None:
    """Run the deferred check at once: the poster hears of a fault, not whoever commits."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS revenue_journal_balanced IMMEDIATE")
        cursor.execute("SET CONSTRAINTS revenue_journal_balanced DEFERRED")


def _refusal(error: IntegrityError) -> Exception:
    """The refusal behind a constraint that PostgreSQL kept."""
    constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    if constraint == "balance_not_below_zero":
        return BalanceTooLow(_("The balance of an account is too low for this."), hint=_("Nothing was booked."))
    if constraint == "journal_in_open_period":
        return PeriodClosed(_("This period is closed."), hint=_("Book it in the open period."))
    return error
