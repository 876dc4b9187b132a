"""The catalogue, offers, and quotes."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from common.addresses import client_address
from common.errors import Forbidden, Refusal
from common.pagination import page_of
from hub.selectors import repository_for
from licensing import rules
from licensing.algorithms.licences import REVIEW
from licensing.enums import OfferState, Outcome, Reason
from licensing.forms import AcceptanceForm, DecisionForm, OfferForm, QuoteForm
from licensing.models import Offer, Quote
from licensing.selectors import grants_visible_to, offer_for, offers_visible_to, orders_visible_to, quote_for
from licensing.services import checkout, offers, quotes


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    catalogue = offers_visible_to(request.principal).filter(state=OfferState.OPEN)
    context: dict[str, Any] = {"page": page_of(request, catalogue)}
    if not request.principal.is_anonymous:
        context["grants"] = grants_visible_to(request.principal)[:50]
        context["orders"] = orders_visible_to(request.principal)[:20]
    return render(request, "licensing/home.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def offer_new(request: HttpRequest) -> HttpResponse:
    kind = request.GET.get("kind", "model")
    repository = repository_for(request.principal, kind, request.GET.get("repository", ""))
    if not rules.may_offer(request.principal, repository):
        raise offers.forbidden()
    form, required = OfferForm(request.POST or None), ""
    if form.is_valid():
        try:
            offer = offers.create_offer(
                repository,
                title=form.cleaned_data["title"],
                terms_text=form.cleaned_data["terms_text"],
                conditions=form.conditions(),
                add_required_text=form.cleaned_data["add_required_text"],
                by=request.principal,
            )
        except Refusal as refusal:
            required = str(refusal.context.get("required_text", ""))
            form.add_error(None, str(refusal))
        else:
            return redirect(offer)
    findings = offers.check_upstream(repository).to_json()
    context = {"form": form, "repository": repository, "required_text": required, "findings": shown(findings)}
    return render(request, "licensing/offer_new.html", context | {"review": REVIEW})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def offer_page(request: HttpRequest, offer_id: int) -> HttpResponse:
    """The offer; asking for a quote is a POST to it."""
    offer = offer_for(request.principal, offer_id)
    form = QuoteForm(request.user, request.POST or None) if request.user.is_authenticated else None
    if request.method == "POST" and form is None:
        raise Forbidden(_("Log in to ask for a quote."))
    if form is not None and form.is_valid():
        try:
            quote = quotes.make_quote(offer, holder=form.namespace(), answers=form.answers(), by=request.principal)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect(quote)
    return render(request, "licensing/offer.html", _offer_context(request, offer) | {"form": form})


@login_required
@require_POST
def offer_withdraw(request: HttpRequest, offer_id: int) -> HttpResponse:
    offer = offers.withdraw_offer(offer_for(request.principal, offer_id), by=request.principal)
    messages.success(request, _("The offer is withdrawn. Licences that were sold stay valid."))
    return redirect(offer.seller)


@login_required
@require_POST
def offer_decide(request: HttpRequest, offer_id: int) -> HttpResponse:
    offer = offer_for(request.principal, offer_id)
    form = DecisionForm(request.POST)
    note = form.cleaned_data["note"] if form.is_valid() else ""
    offers.decide_offer(offer, allow=request.POST.get("answer") == "allow", note=note, by=request.principal)
    messages.success(request, _("The decision is recorded."))
    return redirect(offer)


@login_required
@never_cache
@require_safe
def quote_page(request: HttpRequest, quote_id: str) -> HttpResponse:
    quote = quote_for(request.principal, quote_id)
    return _quote_page(request, quote, AcceptanceForm(initial={"terms_sha256": quote.terms_sha256}))


def _quote_page(request: HttpRequest, quote: Quote, form: AcceptanceForm) -> HttpResponse:
    context = {
        "quote": quote,
        "offer": quote.offer,
        "order": quote.orders.order_by("-created_at").first(),
        "may_buy": rules.may_buy_for(request.principal, quote.holder),
        "form": form,
    }
    return render(request, "licensing/quote.html", context)


@login_required
@require_POST
def quote_accept(request: HttpRequest, quote_id: str) -> HttpResponse:
    """Agree and pay: on to the hosted page of the payment processor."""
    quote = quote_for(request.principal, quote_id)
    form = AcceptanceForm(request.POST)
    if not form.is_valid():
        return _quote_page(request, quote, form)
    quotes.accept_terms(
        quote,
        terms_sha256=form.cleaned_data["terms_sha256"],
        authority=form.cleaned_data["authority"],
        by=request.principal,
        ip=client_address(request) or None,
        user_agent=request.headers.get("User-Agent", ""),
    )
    order = checkout.start_checkout(quote, by=request.principal)
    return redirect(order.checkout_url or order.get_absolute_url())


def _offer_context(request: HttpRequest, offer: Offer) -> dict[str, Any]:
    staff = rules.is_deciding_staff(request.principal)
    seller = rules.is_seller(request.principal, offer)
    return {
        "offer": offer,
        "is_open": offer.state == OfferState.OPEN and offer.repository is not None,
        "findings": shown(offer.upstream) if seller or staff else [],
        "review": REVIEW,
        "may_withdraw": (seller or staff) and offer.state != OfferState.WITHDRAWN,
        "decision_form": DecisionForm()
        if staff and offer.state == OfferState.DRAFT and offer.outcome == Outcome.UNKNOWN
        else None,
    }


def shown(findings: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Findings of the upstream check in words."""
    badges = {Outcome.OK: "badge-ok", Outcome.REFUSED: "badge-bad"}
    return [
        {
            "key": finding["key"].partition(":")[2],
            "licence": finding["licence"],
            "outcome": Outcome(finding["outcome"]).label,
            "badge": badges.get(Outcome(finding["outcome"]), "badge-warn"),
            "reason": Reason(finding["reason"]).label,
        }
        for finding in findings
    ]
