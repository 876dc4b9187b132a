"""Orders, certificates and credits for programs."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.rules import may_read_namespace
from common.errors import Forbidden, Invalid
from common.pagination import link_next, page_of
from licensing import selectors
from licensing.api import reading, representations
from licensing.models import CreditPack
from licensing.selectors.credits import CURRENCIES, balances_of
from licensing.services import checkout, fulfilment, quotes, refunds


@require_GET
def order_list(request: HttpRequest) -> HttpResponse:
    reading.refuse_anonymous(request)
    page = page_of(request, selectors.orders_visible_to(request.principal), size=100)
    response = JsonResponse({"orders": [representations.order(row) for row in page]})
    return link_next(request, response, p=page.number) if page.has_next() else response


@require_GET
def order_detail(request: HttpRequest, order_id: str) -> HttpResponse:
    """An order that waits is looked up at the payment processor first."""
    reading.refuse_anonymous(request)
    order = selectors.order_for(request.principal, order_id)
    if order.is_waiting and order.checkout_id:
        fulfilment.refresh(order)
        order = selectors.order_for(request.principal, order_id)
    return JsonResponse(representations.order(order))


@require_POST
def order_cancel(request: HttpRequest, order_id: str) -> HttpResponse:
    reading.refuse_anonymous(request)
    order = selectors.order_for(request.principal, order_id)
    return JsonResponse(representations.order(checkout.cancel_order(order, by=request.principal)))


@require_POST
def order_refund(request: HttpRequest, order_id: str) -> HttpResponse:
    """`{"reason"}`. Staff, or the seller within 60 days."""
    reading.refuse_anonymous(request)
    order = selectors.order_for(request.principal, order_id)
    reason = reading.text(reading.body_of(request), "reason", "refund")[:300]
    refunds.refund_order(order, reason=reason, by=request.principal)
    return JsonResponse(representations.order(selectors.order_for(request.principal, order_id)))


@require_GET
def certificate_detail(request: HttpRequest, jti: str) -> HttpResponse:
    """Public; the signed text and the holder's name only for those who may see the holder."""
    certificate = selectors.certificate_named(jti)
    sees = selectors.may_see_holder(request.principal, certificate)
    return JsonResponse(representations.certificate(certificate, sees_holder=sees))


@require_POST
def credit_checkout(request: HttpRequest) -> HttpResponse:
    """`{"holder", "amount" in micros and "currency", or "pack"}`."""
    reading.refuse_anonymous(request)
    body = reading.body_of(request)
    holder = reading.holder(reading.text(body, "holder"))
    quotes.require_buyer(request.principal, holder)
    told: dict[str, Any] = {"country": reading.text(body, "country", ""), "vat_id": reading.text(body, "vat_id", "")}
    if "pack" in body:
        pack = get_object_or_404(CreditPack, pk=reading.integer(body, "pack"))
        order = checkout.start_pack_checkout(holder, pack=pack, by=request.principal, **told)
    else:
        order = checkout.start_credit_checkout(
            holder,
            amount=reading.integer(body, "amount"),
            currency=reading.text(body, "currency", CURRENCIES[0]).lower(),
            by=request.principal,
            **told,
        )
    return JsonResponse(representations.started(order), status=201)


@require_GET
def credit_balance(request: HttpRequest) -> HttpResponse:
    """`?holder=&currency=`: unspent credits in micros, for the people of that name."""
    reading.refuse_anonymous(request)
    holder = reading.holder(request.GET.get("holder") or request.principal.user.username)
    if not may_read_namespace(request.principal, holder):
        raise Forbidden(_("Only its members see the credits of this name."))
    currency = request.GET.get("currency", CURRENCIES[0]).lower()
    balances = balances_of(holder)
    if currency not in balances:
        raise Invalid(_("Prices are in %(names)s.") % {"names": ", ".join(CURRENCIES)}, code="bad_currency")
    return JsonResponse(
        {"holder": holder.name, "currency": currency, "balance": balances[currency], "balances": balances}
    )


@require_GET
def credit_packs(request: HttpRequest) -> HttpResponse:
    packs = [{"id": pack.pk, "amount": pack.amount, "currency": pack.currency} for pack in selectors.credit_packs()]
    return JsonResponse({"packs": packs})
