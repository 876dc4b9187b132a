"""Buying generation credits."""

from collections.abc import Callable

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from common.errors import Refusal
from licensing.forms import CreditForm
from licensing.models import Order
from licensing.selectors import credit_packs
from licensing.selectors.credits import balances_of, credit_history
from licensing.services import checkout


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def credits_page(request: HttpRequest) -> HttpResponse:
    """Balance and history of one name (`?holder=`, one's own first), and the ways to buy."""
    form = CreditForm(request.user, request.POST or None)

    def start() -> Order:
        data = form.cleaned_data
        return checkout.start_credit_checkout(
            form.namespace(), amount=data["amount"], currency=data["currency"], by=request.principal, **_tax_facts(form)
        )

    return _buy(request, form, start)


def _page(request: HttpRequest, form: CreditForm) -> HttpResponse:
    asked = (request.POST.get("holder") or request.GET.get("holder", "")).lower()
    holders = {name.lower(): holder for name, holder in form.holders.items()}
    holder = holders.get(asked) or next(iter(holders.values()))
    form.fields["holder"].initial = holder.name
    context = {
        "form": form,
        "holder": holder,
        "holders": form.holders.values(),
        "balances": [(amount, currency) for currency, amount in balances_of(holder).items()],
        "packs": credit_packs(),
        "history": credit_history(holder),
    }
    return render(request, "licensing/credits.html", context)


@login_required
@require_POST
def credits_pack(request: HttpRequest, pack_id: int) -> HttpResponse:
    pack = get_object_or_404(credit_packs(), pk=pack_id)
    form = CreditForm(request.user, request.POST, pack=pack)

    def start() -> Order:
        return checkout.start_pack_checkout(form.namespace(), pack=pack, by=request.principal, **_tax_facts(form))

    return _buy(request, form, start)


def _buy(request: HttpRequest, form: CreditForm, start: Callable[[], Order]) -> HttpResponse:
    """On to the payment page, or the form again with what is wrong."""
    if form.is_valid():
        try:
            order = start()
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect(order.checkout_url or order.get_absolute_url())
    return _page(request, form)


def _tax_facts(form: CreditForm) -> dict[str, str]:
    return {name: form.cleaned_data.get(name, "") for name in ("country", "vat_id")}
