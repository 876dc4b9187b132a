"""Orders: what became of the payment, and what can still be done."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from licensing import rules
from licensing.enums import OrderState
from licensing.selectors import order_for
from licensing.selectors.orders import reasons_of
from licensing.services import checkout, fulfilment, refunds


@login_required
@never_cache
@require_safe
def order_page(request: HttpRequest, order_id: str) -> HttpResponse:
    """Where the buyer comes back to. It asks the processor itself, so it does not depend on the webhook."""
    order = order_for(request.principal, order_id)
    if order.is_waiting and order.checkout_id:
        fulfilment.refresh(order)
        order = order_for(request.principal, order_id)
    context = {
        "order": order,
        "returned": "session" in request.GET,
        "may_buy": rules.may_buy_for(request.principal, order.holder),
        "may_refund": order.state == OrderState.PAID and rules.may_refund(request.principal, order),
        "reasons": reasons_of(order) if order.refunded else [],
        "grant": getattr(order, "grant", None),
    }
    return render(request, "licensing/order.html", context)


@login_required
@require_POST
def order_cancel(request: HttpRequest, order_id: str) -> HttpResponse:
    order = checkout.cancel_order(order_for(request.principal, order_id), by=request.principal)
    if order.state == OrderState.CANCELLED:
        messages.success(request, _("The order is cancelled. Nothing was charged."))
    return redirect(order)


@login_required
@require_POST
def order_refund(request: HttpRequest, order_id: str) -> HttpResponse:
    order = order_for(request.principal, order_id)
    reason = request.POST.get("reason", "").strip()[:300] or "refund"
    order = refunds.refund_order(order, reason=reason, by=request.principal)
    ended = _("The licence has ended.") if order.quote is not None else _("The credits are taken off the balance.")
    messages.success(request, _("The payment goes back.") + " " + ended)
    return redirect(order)
