"""What happens when the money is there, exactly once, whoever brings the news first.

The webhook, the buyer's return and the reconciler all end here with the session as Stripe has it now.
"""

import logging
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from common.errors import Conflict, NotFound
from common.money import from_minor_units, to_minor_units
from common.services import audit, outbox
from licensing.enums import GrantState, OrderKind, OrderState
from licensing.gateway import CheckoutSession, GatewayError, Payment
from licensing.models import GrantOfUse, Order
from licensing.services import certificates, payments
from licensing.services.states import move
from revenue.algorithms.attribution import AttributionGraph
from revenue.enums import SaleKind
from revenue.services.fees import record_fee
from revenue.services.sales import record_sale

logger = logging.getLogger(__name__)


def settle(session: CheckoutSession) -> Order:
    """Bring the order to what its session says: paid, expired, or waiting still. Harmless to repeat."""
    if session.may_be_fulfilled:
        return fulfil(session)
    if session.status == "expired":
        return _give_up(session, OrderState.EXPIRED)
    return _order_of(session)


def settle_failed_debit(session: CheckoutSession) -> Order:
    """The buyer's bank refused the debit of a completed checkout: it cannot be paid any more."""
    return fulfil(session) if session.may_be_fulfilled else _give_up(session, OrderState.CANCELLED)


def refresh(order: Order) -> Order:
    """Ask the processor how an order stands that still waits; when it does not answer, nothing changes."""
    if not order.is_waiting or not order.checkout_id:
        return order
    try:
        return settle(payments.gateway().retrieve_checkout(order.checkout_id))
    except (GatewayError, payments.PaymentsOff):
        logger.warning("could not ask for a checkout", extra={"order": order.pk})
        return order


def fulfil(session: CheckoutSession) -> Order:
    """Hand over what was paid for: sale, grant of use and certificate, or credits, in one transaction.

    A session that is not paid changes nothing. Raises Conflict when its amount is not the order's, and
    NotFound when it belongs to no order here.
    """
    if not session.may_be_fulfilled:
        return _order_of(session)
    order = _order_of(session)
    if order.is_booked and order.fee is not None:
        return order
    payment = _payment_of(session)
    with transaction.atomic():
        order = _locked(session)
        if order.is_booked:
            return order if payment is None else _book_late_fee(order, payment)
        _check_amount(order, session)
        move(order, OrderState.PAID)
        order.checkout_id = session.id
        order.payment_intent = session.payment_intent
        order.paid_at = _moment_of(payment)
        order.fee = _fee_of(payment)
        order.save()
        _book(order)
        if order.kind == OrderKind.LICENCE:
            _hand_over(order)
        audit.record("order.paid", str(order), actor=order.ordered_by, gross=order.gross, session=session.id)
        outbox.emit("order.paid", f"{order}:paid", {"order": order.pk, "kind": order.kind, "holder": order.holder_id})
    return order


def fetch_fee(order: Order) -> Order:
    """Book the processor's fee of a paid order, once it is known."""
    if order.fee is not None or not order.is_booked or not order.payment_intent:
        return order
    with payments.refusals():
        payment = payments.gateway().payment(order.payment_intent)
    with transaction.atomic():
        return _book_late_fee(Order.objects.select_for_update().get(pk=order.pk), payment)


@transaction.atomic
def expire_grants() -> int:
    """Mark licences whose term is over; they stopped to hold at that moment, with or without this mark."""
    over = GrantOfUse.objects.select_for_update(skip_locked=True).filter(
        state=GrantState.ACTIVE, ends_at__lte=timezone.now()
    )
    count = 0
    for grant in over:
        move(grant, GrantState.EXPIRED)
        grant.save(update_fields=["state"])
        audit.record("grant.expired", str(grant))
        count += 1
    return count


def _order_of(session: CheckoutSession) -> Order:
    order = Order.objects.select_related("holder").filter(pk=session.reference or "").first()
    if order is None:
        raise NotFound(_("This checkout belongs to no order here."), code="unknown_order", session=session.id)
    return order


def _locked(session: CheckoutSession) -> Order:
    rows = Order.objects.select_for_update(of=("self",)).select_related(
        "holder", "ordered_by", "quote__offer__seller", "quote__version", "quote__snapshot"
    )
    order = rows.filter(pk=session.reference or "").first()
    if order is None:
        raise NotFound(_("This checkout belongs to no order here."), code="unknown_order", session=session.id)
    return order


def _check_amount(order: Order, session: CheckoutSession) -> None:
    expected = (to_minor_units(order.gross, order.currency), order.currency)
    if (session.amount_total, session.currency) != expected or order.checkout_id not in {None, session.id}:
        audit.record("order.mismatch", str(order), session=session.id, amount=session.amount_total)
        raise Conflict(_("What was paid is not what was ordered."), code="amount_mismatch", order=order.pk)


def _payment_of(session: CheckoutSession) -> Payment | None:
    """The payment with its fee; None when it cannot be had now (the fee is then booked later)."""
    if session.payment_intent is None:
        return None
    try:
        return payments.gateway().payment(session.payment_intent)
    except GatewayError:
        logger.warning("could not fetch a payment", extra={"session": session.id})
        return None


def _moment_of(payment: Payment | None) -> datetime:
    """When the money came, as the processor says; now when it does not say."""
    if payment is None or payment.balance is None:
        return timezone.now()
    return min(datetime.fromtimestamp(payment.balance.created, UTC), timezone.now())


def _fee_of(payment: Payment | None) -> int | None:
    if payment is None or payment.fee is None:
        return None
    return from_minor_units(payment.fee, payment.currency)


def _book(order: Order) -> None:
    assert order.paid_at is not None
    is_licence = order.kind == OrderKind.LICENCE
    snapshot = order.quote.snapshot if order.quote is not None else None
    graph = None if snapshot is None else AttributionGraph.from_json(snapshot.graph)
    record_sale(
        reference=order.reference,
        kind=SaleKind.LICENCE if is_licence else SaleKind.CREDITS,
        customer=order.holder,
        currency=order.currency,
        gross=order.gross,
        tax=order.tax,
        fee=order.fee or 0,
        at=order.paid_at,
        asset=None if graph is None else graph.root,
        graph=graph,
        by=order.ordered_by,
    )


def _book_late_fee(order: Order, payment: Payment) -> Order:
    fee = _fee_of(payment)
    if order.fee is None and fee is not None:
        order.fee = fee
        order.save(update_fields=["fee"])
        if fee:
            record_fee(order.reference, amount=fee, key=f"{order.reference}:fee", at=timezone.now())
    return order


def _hand_over(order: Order) -> GrantOfUse:
    """A licence to the same offer that still runs is prolonged: the new one begins when it ends."""
    assert order.quote is not None
    assert order.paid_at is not None
    offer, version = order.quote.offer, order.quote.version
    running = GrantOfUse.objects.filter(
        holder=order.holder, offer=offer, state=GrantState.ACTIVE, ends_at__gt=order.paid_at
    )
    starts_at = max([order.paid_at, *running.values_list("ends_at", flat=True)])
    grant = GrantOfUse.objects.create(
        order=order,
        offer=offer,
        holder=order.holder,
        repository=offer.repository,
        product=offer.product,
        versions=[{"number": version.number, "commit": version.commit}] if version else [],
        starts_at=starts_at,
        ends_at=starts_at + timedelta(days=offer.term_days),
    )
    certificates.issue(grant, quote=order.quote)
    return grant


def _give_up(session: CheckoutSession, state: OrderState) -> Order:
    with transaction.atomic():
        order = _locked(session)
        if order.is_waiting:
            move(order, state)
            order.save(update_fields=["state"])
            audit.record(f"order.{state}", str(order), session=session.id)
    return order
