"""Awards out of the community pool."""

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from common.errors import Conflict, Invalid
from common.services import audit
from revenue.enums import AccountName, JournalKind, PoolPurpose
from revenue.models import Entry, Journal
from revenue.services import ledger
from revenue.services.ledger import BalanceTooLow, credit, debit


@transaction.atomic
def grant_from_pool(*, amount: int, currency: str, purpose: str, reference: str, by: object = None) -> Journal:
    """Draw `amount` micros for an award: compute is provided at once, a stipend is owed until it is paid.

    Once per `reference`; whether the award may be made is decided by the caller's room.
    Raises Conflict when the pool holds less, or the reference stands for another award.
    """
    if amount <= 0:
        raise Invalid(_("The amount of an award must be positive."))
    if purpose not in PoolPurpose.values:
        raise Invalid(_("An award is for compute or a stipend."))
    ledger.enter("shares")
    to = ledger.AWARD_COMPUTE if purpose == PoolPurpose.COMPUTE else ledger.award_payable(reference)
    try:
        journal = ledger.post(
            f"pool_grant:{reference}",
            kind=JournalKind.POOL_GRANT,
            currency=currency.lower(),
            legs=[debit(ledger.AWARD_POOL, amount), credit(to, amount)],
            memo={"purpose": purpose, "reference": reference},
            by=by,
        )
    except BalanceTooLow as refusal:
        raise Conflict(
            _("The community award pool holds less than this."),
            hint=_("Award less, or wait for the next closing."),
            code="pool_too_small",
        ) from refusal
    audit.record("pool.granted", reference, actor=by, amount=amount, currency=currency, purpose=purpose)
    return journal


@transaction.atomic
def return_to_pool(*, amount: int, currency: str, reference: str, key: str, by: object = None) -> Journal:
    """Give back `amount` micros of an award's compute that nobody used; once per `key`.

    Raises Conflict when more would come back than was drawn under the reference, Invalid for no amount.
    """
    if amount <= 0:
        raise Invalid(_("What is given back must be positive."))
    ledger.enter("shares", f"pool_return:{reference}")
    name = f"pool_return:{key}"
    standing = Journal.objects.filter(key=name).exists()
    if not standing and amount > drawn_by(reference):
        raise Conflict(_("More cannot come back than was drawn for this award."), code="more_than_drawn")
    journal = ledger.post(
        name,
        kind=JournalKind.POOL_RETURN,
        currency=currency.lower(),
        legs=[debit(ledger.AWARD_COMPUTE, amount), credit(ledger.AWARD_POOL, amount)],
        memo={"reference": reference},
        by=by,
    )
    if not standing:
        audit.record("pool.returned", reference, actor=by, amount=amount, currency=currency)
    return journal


def drawn_by(reference: str) -> int:
    """What one award holds of the pool, in micros: drawn less given back."""
    rows = Entry.objects.filter(
        account__name=AccountName.AWARD_POOL,
        journal__kind__in=[JournalKind.POOL_GRANT, JournalKind.POOL_RETURN],
        journal__memo__reference=reference,
    )
    return int(rows.aggregate(total=Sum("amount"))["total"] or 0)
