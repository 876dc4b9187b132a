"""Spending generation credits."""

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Part:
    """Some of what is spent, and who made what earns it; None where nobody is known."""

    amount: int
    graph: AttributionGraph | None = None

    @property
    def asset(self) -> str:
        return "" if self.graph is None else self.graph.root


@transaction.atomic
def spend(
    namespace: Namespace,
    *,
    amount: int,
    currency: str,
    key: str,
    parts: Sequence[Part] = (),
    memo: str = "",
) -> Journal:
    """Take `amount` micros off the customer's credits: revenue of what served.

    `parts` add up to the amount, each a line of revenue of its own; without any, nobody is known.
    Once per `key`. Raises PaymentRequired when the balance does not reach, Conflict when the
    key stands for something else.
    """
    parts = parts or [Part(amount)]
    if amount <= 0 or any(part.amount <= 0 for part in parts):
        raise Invalid(_("The amount to spend must be positive."))
    if sum(part.amount for part in parts) != amount:
        raise Invalid(_("The parts must add up to the amount."))
    currency = currency.lower()
    place = ledger.credits_of(namespace)
    ledger.enter(f"spend:{key}", place.code)
    standing = list(RevenueLine.objects.select_related("journal").filter(journal__key=f"spend:{key}"))
    if standing:
        same = {(line.customer_id, line.currency) for line in standing} == {(namespace.pk, currency)}
        if not same or sum(line.net for line in standing) != amount:
            raise Conflict(_("Other credits were spent under this key."), code="key_reused")
        return standing[0].journal
    try:
        journal = ledger.post(
            f"spend:{key}",
            kind=JournalKind.SPEND,
            currency=currency,
            legs=[debit(place, amount), credit(ledger.USAGE, amount)],
            memo={"memo": memo, "asset": parts[0].asset},
        )
    except BalanceTooLow as refusal:
        raise PaymentRequired(
            _("There are not enough credits for this."), hint=_("Buy credits at /credits."), code="credits_too_low"
        ) from refusal
    for part in parts:
        RevenueLine.objects.create(
            kind=LineKind.USAGE,
            effective=journal.effective,
            currency=currency,
            net=part.amount,
            customer=namespace,
            asset=part.asset,
            snapshot=None if part.graph is None else keep_snapshot(part.graph),
            journal=journal,
        )
    return journal
