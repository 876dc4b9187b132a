"""Fees of the payment processor that become known after the sale was booked."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from common.errors import Conflict, Invalid, NotFound
from common.services import audit
from revenue.enums import JournalKind
from revenue.models import Journal, Sale, SaleFee
from revenue.services import ledger
from revenue.services.ledger import credit, debit


@transaction.atomic
def record_fee(reference: str, *, amount: int, key: str, at: datetime, by: object = None) -> Journal:
    """Book `amount` micros that the processor kept of the sale under `reference`. Once per `key`.

    Raises NotFound without such a sale, Conflict when the key stands for something else.
    """
    if amount <= 0:
        raise Invalid(_("A fee must be positive."))
    ledger.enter(f"sale:{reference}")
    sale = Sale.objects.filter(reference=reference).first()
    if sale is None:
        raise NotFound(_("No sale is booked under this reference."), reference=reference)
    standing = SaleFee.objects.select_related("journal").filter(key=key).first()
    if standing is not None:
        if (standing.sale_id, standing.amount) != (sale.pk, amount):
            raise Conflict(_("Another fee is booked under this key."), code="key_reused")
        return standing.journal
    journal = ledger.post(
        f"fee:{key}",
        kind=JournalKind.FEE,
        currency=sale.currency,
        legs=[debit(ledger.FEES, amount), credit(ledger.CLEARING, amount)],
        effective=ledger.open_moment(at),
        memo={"sale": sale.reference, "at": at.isoformat()},
        by=by,
    )
    SaleFee.objects.create(sale=sale, key=key, amount=amount, at=at, journal=journal)
    audit.record("sale.fee_recorded", f"sale:{sale.reference}", actor=by, amount=amount)
    return journal
