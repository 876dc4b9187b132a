"""From an agreement, or a wish for credits, to a page where it can be paid."""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.models import Namespace
from accounts.principal import Principal
from common.errors import Conflict, Forbidden
from common.money import to_minor_units
from common.services import audit
from licensing import rules
from licensing.enums import LIVE_ORDERS, OrderKind, OrderState
from licensing.gateway import GatewayRefused, LineItem
from licensing.models import CreditPack, Order, Quote
from licensing.services import fulfilment, payments
from licensing.services.offers import check_amount
from licensing.services.quotes import lock_quote, require_buyer, require_current, tax_of
from licensing.services.states import move

logger = logging.getLogger(__name__)
# The processor keeps an idempotency key, and an open checkout, for a day.
LIFE = timedelta(hours=23)


def start_checkout(quote: Quote, *, by: Principal) -> Order:
    """The order for an accepted quote, with the address where it is paid. Asked again, the same order.

    Raises Forbidden, Conflict (`not_accepted`, `quote_expired`, `upstream_changed`, `already_paid`),
    Unavailable without a payment processor or while it does not answer; then ask again.
    """
    payments.gateway()
    require_buyer(by, quote.holder)
    _close_overdue(quote)
    order = _order_of(quote, by=by)
    return _open_checkout(order, name=quote.offer.title, details=quote.offer.product_name)


def start_credit_checkout(
    holder: Namespace, *, amount: int, currency: str, by: Principal, country: str = "", vat_id: str = ""
) -> Order:
    """An order for generation credits of `amount` micros, with the address where it is paid."""
    payments.gateway()
    require_buyer(by, holder)
    assert by.user is not None
    check_amount(amount, currency)
    tax = tax_of(amount, currency, country=country, vat_id=vat_id)
    with transaction.atomic():
        order = Order.objects.create(
            kind=OrderKind.CREDITS,
            holder=holder,
            ordered_by=by.user,
            currency=currency,
            gross=amount + tax.amount,
            tax=tax.amount,
        )
        audit.record("order.made", str(order), actor=by, kind=order.kind, gross=order.gross)
    return _open_checkout(order, name="Generation credits", details=holder.name)


def start_pack_checkout(
    holder: Namespace, *, pack: CreditPack, by: Principal, country: str = "", vat_id: str = ""
) -> Order:
    """As start_credit_checkout, for a ready-made amount."""
    if not pack.is_open:
        raise Conflict(_("This amount is not sold any more."), hint=_("Choose another one."), code="pack_closed")
    return start_credit_checkout(
        holder, amount=pack.amount, currency=pack.currency, by=by, country=country, vat_id=vat_id
    )


def cancel_order(order: Order, *, by: Principal) -> Order:
    """Give up an order that is not paid: its checkout is closed first, so that nobody can pay it.

    If the money came meanwhile the order is paid, and stays so.
    """
    if not rules.may_buy_for(by, order.holder):
        raise Forbidden(_("Only an administrator of the buyer may cancel an order."))
    if order.checkout_id and (settled := _close(order.checkout_id)) is not None:
        return settled
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order.pk)
        move(order, OrderState.CANCELLED)
        order.save(update_fields=["state"])
        audit.record("order.cancelled", str(order), actor=by)
    return order


def _close(checkout_id: str) -> Order | None:
    """Let nobody pay this checkout any more; the order as it stands if it was complete or expired by now."""
    with payments.refusals():
        gateway = payments.gateway()
        try:
            gateway.expire_checkout(checkout_id)
        except GatewayRefused:
            # The session itself says which.
            return fulfilment.settle(gateway.retrieve_checkout(checkout_id))
    return None


def _close_overdue(quote: Quote) -> None:
    """Its page could be open for another hour: paid beside a new order, the quote would be paid twice."""
    waiting = Order.objects.filter(quote=quote, state=OrderState.AWAITING_PAYMENT)
    for order in waiting.filter(created_at__lte=timezone.now() - LIFE):
        if order.checkout_id:
            _close(order.checkout_id)


def _order_of(quote: Quote, *, by: Principal) -> Order:
    """The one live order of a quote, made when there is none."""
    with transaction.atomic():
        quote = lock_quote(quote)
        require_buyer(by, quote.holder)
        assert by.user is not None
        standing = Order.objects.filter(quote=quote, state__in=LIVE_ORDERS).first()
        if standing is not None and standing.is_booked:
            raise Conflict(
                _("This quote is paid."), hint=_("Look at its order."), code="already_paid", order=standing.pk
            )
        if not hasattr(quote, "acceptance"):
            raise Conflict(
                _("The terms are not accepted yet."), hint=_("Read them and accept them first."), code="not_accepted"
            )
        require_current(quote)
        if standing is not None and standing.created_at > timezone.now() - LIFE:
            return standing
        if standing is not None:
            move(standing, OrderState.EXPIRED)
            standing.save(update_fields=["state"])
        order = Order.objects.create(
            kind=OrderKind.LICENCE,
            quote=quote,
            holder=quote.holder,
            ordered_by=by.user,
            currency=quote.currency,
            gross=quote.total,
            tax=quote.tax,
        )
        audit.record("order.made", str(order), actor=by, quote=quote.pk, gross=order.gross)
        return order


def _open_checkout(order: Order, *, name: str, details: str) -> Order:
    """Ask the processor for a page; the order's number is the idempotency key, so a retry finds the same one."""
    if order.checkout_id:
        return order
    items = [LineItem(name, to_minor_units(order.net, order.currency), order.currency, description=details)]
    if order.tax:
        items.append(LineItem("Tax", to_minor_units(order.tax, order.currency), order.currency))
    address = f"{settings.BASE_URL}{order.get_absolute_url()}"
    with payments.refusals():
        session = payments.gateway().create_checkout(
            order.pk,
            customer_email=order.ordered_by.email or None,
            items=items,
            success_url=f"{address}?session={{CHECKOUT_SESSION_ID}}",
            cancel_url=f"{address}?cancelled=1",
            idempotency_key=f"checkout:{order.pk}",
            metadata={"order": order.pk, "kind": order.kind},
            locale="zh" if (get_language() or "").startswith("zh") else "en",
        )
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=order.pk)
        order.checkout_id, order.checkout_url = session.id, session.url or ""
        try:
            with transaction.atomic():
                order.save(update_fields=["checkout_id", "checkout_url"])
        except IntegrityError as error:  # pragma: no cover - two orders cannot share a key
            raise Conflict(_("This checkout belongs to another order.")) from error
    return order
