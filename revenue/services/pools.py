"""Awards out of the community pool."""

from django.db import transaction
from django.utils.translation import gettext as _

from common.errors import Conflict, Invalid
from common.services import audit
from revenue.enums import JournalKind, PoolPurpose
from revenue.models import Journal
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
