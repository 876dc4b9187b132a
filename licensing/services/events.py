"""Events of the payment processor: kept first, then acted upon, as often as they come.

An event only says where to look. What is true is fetched from the processor each time, so order and
repetition do not matter.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from common.errors import NotFound, Refusal
from common.services import audit
from licensing.enums import BOOKED_ORDERS, OrderState
from licensing.gateway import GatewayError, WebhookEvent
from licensing.models import Order, StripeEvent
from licensing.services import fulfilment, payments, refunds
from licensing.services.states import move

logger = logging.getLogger(__name__)
_ATTEMPTS = 20


def receive(event: WebhookEvent) -> StripeEvent:
    """Keep an event and act on it, unless that was done. Never raises for what can be tried again later."""
    row = keep(event)
    return row if row.processed_at else process(row)


@transaction.atomic
def keep(event: WebhookEvent) -> StripeEvent:
    """Only the id of its object is relied on, but the whole is kept for people."""
    row, created = StripeEvent.objects.get_or_create(
        id=event.id,
        defaults={
            "type": event.type,
            "created": datetime.fromtimestamp(event.created, UTC),
            "object": event.object,
        },
    )
    if not created:
        StripeEvent.objects.filter(pk=row.pk).update(deliveries=F("deliveries") + 1)
    return row


def process(row: StripeEvent) -> StripeEvent:
    """Act on a kept event. Two at once do no harm: each action locks its order and looks first."""
    action = _ACTIONS.get(row.type)
    try:
        outcome = "not for us" if action is None else action(row.object)
    except NotFound as refusal:
        outcome = f"ignored: {refusal}"
    except (Refusal, GatewayError) as error:
        logger.warning("event could not be processed", extra={"event": row.pk, "said": error})
        StripeEvent.objects.filter(pk=row.pk).update(attempts=F("attempts") + 1, outcome=str(error)[:300])
        return row
    StripeEvent.objects.filter(pk=row.pk, processed_at__isnull=True).update(
        processed_at=timezone.now(), attempts=F("attempts") + 1, outcome=outcome[:300]
    )
    row.refresh_from_db()
    return row


def reconcile(*, limit: int = 100) -> int:
    """Find what no event brought: waiting orders, unknown fees, events that failed. Returns how many were looked at."""
    if not payments_are_on():
        return 0
    looked_at = 0
    for row in StripeEvent.objects.filter(processed_at__isnull=True, attempts__lt=_ATTEMPTS).order_by("received_at")[
        :limit
    ]:
        process(row)
        looked_at += 1
    for order in _due(limit):
        Order.objects.filter(pk=order.pk).update(checked_at=timezone.now())
        _look_after(order)
        looked_at += 1
    return looked_at


def payments_are_on() -> bool:
    try:
        payments.gateway()
    except payments.PaymentsOff:
        return False
    return True


def _due(limit: int) -> list[Order]:
    """Waiting orders, and paid ones without a fee, not looked at for a minute; the longest neglected first."""
    now = timezone.now()
    wanted = Q(state=OrderState.AWAITING_PAYMENT) | Q(
        state__in=BOOKED_ORDERS, fee__isnull=True, payment_intent__isnull=False
    )
    # Nobody needs a minute's precision for yesterday's order.
    fresh = Q(checked_at__lte=now - timedelta(minutes=1), created_at__gt=now - timedelta(hours=1))
    rested = (
        Q(checked_at__isnull=True, created_at__lte=now - timedelta(minutes=1))
        | fresh
        | Q(checked_at__lte=now - timedelta(minutes=30))
    )
    return list(Order.objects.filter(wanted & rested).order_by(F("checked_at").asc(nulls_first=True))[:limit])


def _look_after(order: Order) -> None:
    try:
        if order.is_booked:
            fulfilment.fetch_fee(order)
        elif order.checkout_id:
            fulfilment.refresh(order)
        elif order.created_at < timezone.now() - timedelta(hours=24):
            _never_opened(order)
    except (Refusal, GatewayError) as error:
        logger.warning("order could not be reconciled", extra={"order": order.pk, "said": error})


@transaction.atomic
def _never_opened(order: Order) -> None:
    """No checkout was recorded within a day; if there ever was one, it is closed by now."""
    order = Order.objects.select_for_update().get(pk=order.pk)
    if order.is_waiting and not order.checkout_id:
        move(order, OrderState.EXPIRED)
        order.save(update_fields=["state"])
        audit.record("order.expired", str(order))


def _on_session(snapshot: dict[str, Any]) -> str:
    session = payments.gateway().retrieve_checkout(str(snapshot["id"]))
    return str(fulfilment.settle(session).state)


def _on_failed_debit(snapshot: dict[str, Any]) -> str:
    session = payments.gateway().retrieve_checkout(str(snapshot["id"]))
    return str(fulfilment.settle_failed_debit(session).state)


def _on_charge(snapshot: dict[str, Any]) -> str:
    """A charge was booked or refunded; both are read from the payment."""
    order = _order_paid_by(_id_in(snapshot, "payment_intent"))
    if order is None:
        return "not for us"
    fulfilment.fetch_fee(order)
    if not order.is_booked:
        return str(order.state)
    assert order.payment_intent is not None
    made = payments.gateway().list_refunds(order.payment_intent)
    return str(refunds.book_refunds(order, made, reason="refunded by the processor").state)


def _on_dispute(snapshot: dict[str, Any]) -> str:
    dispute = payments.gateway().retrieve_dispute(str(snapshot["id"]))
    order = _order_paid_by(dispute.payment_intent)
    if order is None or not order.is_booked:
        return "not for us"
    return str(refunds.book_dispute(order, dispute).state)


def _order_paid_by(payment_intent: str | None) -> Order | None:
    """The order of a payment, fulfilled first if this event overtook the one that said it was paid."""
    if payment_intent is None:
        return None
    order = Order.objects.filter(payment_intent=payment_intent).first()
    if order is not None:
        return order
    session = payments.gateway().checkout_of(payment_intent)
    if session is None or not Order.objects.filter(pk=session.reference or "").exists():
        return None
    return fulfilment.settle(session)


def _id_in(snapshot: dict[str, Any], name: str) -> str | None:
    value = snapshot.get(name)
    return value.get("id") if isinstance(value, dict) else value


_ACTIONS: dict[str, Callable[[dict[str, Any]], str]] = {
    "checkout.session.completed": _on_session,
    "checkout.session.async_payment_succeeded": _on_session,
    "checkout.session.async_payment_failed": _on_failed_debit,
    "checkout.session.expired": _on_session,
    "charge.updated": _on_charge,
    "charge.refunded": _on_charge,
    "refund.created": _on_charge,
    "refund.updated": _on_charge,
    "charge.dispute.created": _on_dispute,
    "charge.dispute.updated": _on_dispute,
    "charge.dispute.closed": _on_dispute,
    "charge.dispute.funds_withdrawn": _on_dispute,
    "charge.dispute.funds_reinstated": _on_dispute,
}
