"""Spending generation credits."""

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Namespace
from common.errors import Conflict, Invalid, PaymentRequired
from revenue.algorithms.attribution import AttributionGraph
from revenue.enums import JournalKind, LineKind
from revenue.models import Journal, RevenueLine
from revenue.services import ledger
from revenue.services.ledger import BalanceTooLow, credit, debit
from revenue.services.sales import keep_snapshot


@transaction.atomic
def spend(
    namespace: Namespace,
    *,
    amount: int,
    currency: str,
    key: str,
    asset: str | None = None,
    graph: AttributionGraph | None = None,
    memo: str = "",
) -> Journal:
    """Take `amount` micros off the customer's credits: revenue of the model that served, shared by `graph`.

    Once per `key`. Raises PaymentRequired when the balance does not reach, Conflict when the
    key stands for something else.
    """
    if amount <= 0:
        raise Invalid(_("The amount to spend must be positive."))
    currency = currency.lower()
    place = ledger.credits_of(namespace)
    ledger.enter(f"spend:{key}", place.code)
    standing = RevenueLine.objects.select_related("journal").filter(journal__key=f"spend:{key}").first()
    if standing is not None:
        if (standing.customer_id, standing.net, standing.currency) != (namespace.pk, amount, currency):
            raise Conflict(_("Other credits were spent under this key."), code="key_reused")
        return standing.journal
    try:
        journal = ledger.post(
            f"spend:{key}",
            kind=JournalKind.SPEND,
            currency=currency,
            legs=[debit(place, amount), credit(ledger.USAGE, amount)],
            memo={"memo": memo, "asset": asset or ""},
        )
    except BalanceTooLow as refusal:
        raise PaymentRequired(
            _("There are not enough credits for this."), hint=_("Buy credits at /credits."), code="credits_too_low"
        ) from refusal
    RevenueLine.objects.create(
        kind=LineKind.USAGE,
        effective=journal.effective,
        currency=currency,
        net=amount,
        customer=namespace,
        asset=asset or "",
        snapshot=None if graph is None else keep_snapshot(graph),
        journal=journal,
    )
    return journal
