"""Money that goes back, and rights that go with it."""

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Conflict, Forbidden
from common.money import from_minor_units
from common.services import audit
from licensing import rules
from licensing.enums import OrderKind, OrderState, RevocationReason
from licensing.gateway import Dispute, Refund
from licensing.models import Order
from licensing.services import certificates, payments
from licensing.services.states import move
from revenue.services.fees import record_fee
from revenue.services.sales import reverse_sale

_OPEN_DISPUTES = frozenset({"needs_response", "under_review"})


def refund_order(order: Order, *, reason: str, by: Principal) -> Order:
    """Give all that is left of the payment back, end the licence, reverse the books.

    Staff at any time, the seller for 60 days. Raises Forbidden, Conflict, Unavailable. If this
    process dies half-way, the webhook or the reconciler books what the processor did.
    """
    order = Order.objects.select_related("quote__offer__seller", "holder").get(pk=order.pk)
    if not rules.may_refund(by, order):
        raise Forbidden(
            _("Only staff may refund this, or its seller within 60 days of the payment."),
            hint=_("Write to the operator."),
            code="not_refundable_by_you",
        )
    if order.state != OrderState.PAID or order.payment_intent is None:
        raise Conflict(_("Only what is paid can be refunded."), code="wrong_state", state=order.state)
    audit.record("order.refund_asked", str(order), actor=by, reason=reason)
    with payments.refusals():
        gateway = payments.gateway()
        gateway.refund(
            order.payment_intent,
            idempotency_key=f"refund:{order.pk}",
            reason="requested_by_customer",
            metadata={"order": order.pk},
        )
        refunds = gateway.list_refunds(order.payment_intent)
    return book_refunds(order, refunds, reason=reason, by=by)


@transaction.atomic
def book_refunds(order: Order, refunds: Iterable[Refund], *, reason: str, by: object = None) -> Order:
    """Book every refund that the processor made, each once; the last part ends the licence."""
    order = Order.objects.select_for_update().get(pk=order.pk)
    total = 0
    for refund in sorted(refunds, key=lambda one: (one.created, one.id)):
        if refund.status == "succeeded":
            reverse_sale(
                order.reference,
                amount=from_minor_units(refund.amount, refund.currency),
                key=f"refund:{refund.id}",
                reason=reason,
                at=datetime.fromtimestamp(refund.created, UTC),
                by=by,
            )
            total += from_minor_units(refund.amount, refund.currency)
    if total == order.refunded or order.state == OrderState.CHARGED_BACK:
        return order
    order.refunded = total
    if total == order.gross:
        move(order, OrderState.REFUNDED)
        _end(order, RevocationReason.REFUND, by=by)
    order.save(update_fields=["refunded", "state"])
    audit.record("order.refunded", str(order), actor=by, refunded=total, reason=reason)
    return order


@transaction.atomic
def book_dispute(order: Order, dispute: Dispute) -> Order:
    """Bring the order to what the dispute says now: under way, won, or lost (the money is gone, so are the rights)."""
    order = Order.objects.select_for_update().get(pk=order.pk)
    if dispute.status == "lost":
        _lose(order, dispute)
    elif dispute.status in _OPEN_DISPUTES and order.state == OrderState.PAID:
        move(order, OrderState.DISPUTED)
    elif dispute.status == "won" and order.state == OrderState.DISPUTED:
        move(order, OrderState.PAID)
    order.save(update_fields=["state", "refunded"])
    fee = sum(from_minor_units(entry.fee, entry.currency) for entry in dispute.balance)
    if fee > 0:
        record_fee(order.reference, amount=fee, key=f"dispute:{dispute.id}:fee", at=timezone.now())
    audit.record("order.dispute", str(order), dispute=dispute.id, status=dispute.status)
    return order


def _lose(order: Order, dispute: Dispute) -> None:
    if order.state == OrderState.CHARGED_BACK:
        return
    amount = from_minor_units(dispute.amount, dispute.currency)
    reverse_sale(
        order.reference,
        amount=amount,
        key=f"dispute:{dispute.id}",
        reason=f"dispute: {dispute.reason}",
        at=timezone.now(),
    )
    order.refunded += amount
    move(order, OrderState.CHARGED_BACK)
    _end(order, RevocationReason.DISPUTE)


def _end(order: Order, reason: RevocationReason, *, by: object = None) -> None:
    if order.kind == OrderKind.LICENCE:
        certificates.revoke(order.grant, reason=reason, by=by)
