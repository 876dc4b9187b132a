"""Offers, quotes and acceptances for programs."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from common.addresses import client_address
from common.errors import Conflict, Invalid
from common.pagination import link_next, page_of
from hub.enums import RepositoryKind
from hub.models import Repository
from hub.selectors import repository_for
from licensing import rules, selectors
from licensing.api import reading, representations
from licensing.enums import OfferState, RevenueBand, Use
from licensing.models import Offer
from licensing.services import checkout, offers, quotes


@require_http_methods(["GET", "POST"])
def offer_list(request: HttpRequest) -> HttpResponse:
    """GET the open offers (`?repository=ns/name`), POST a new one."""
    return _create_offer(request) if request.method == "POST" else _list_offers(request)


@require_GET
def offer_detail(request: HttpRequest, offer_id: int) -> HttpResponse:
    return JsonResponse(_offer(request, selectors.offer_for(request.principal, offer_id)))


@require_POST
def offer_withdraw(request: HttpRequest, offer_id: int) -> HttpResponse:
    reading.refuse_anonymous(request)
    offer = selectors.offer_for(request.principal, offer_id)
    return JsonResponse(_offer(request, offers.withdraw_offer(offer, by=request.principal)))


@require_POST
def offer_decide(request: HttpRequest, offer_id: int) -> HttpResponse:
    """Staff: `{"allow": true, "note": "…"}`."""
    reading.refuse_anonymous(request)
    offer = selectors.offer_for(request.principal, offer_id)
    body = reading.body_of(request)
    decided = offers.decide_offer(
        offer, allow=reading.flag(body, "allow"), note=reading.text(body, "note", ""), by=request.principal
    )
    return JsonResponse(_offer(request, decided))


@require_POST
def quote_create(request: HttpRequest, offer_id: int) -> HttpResponse:
    """`{"holder", "answers": {"revenue_band" or "annual_revenue", "seats", "use", "country", "vat_id"}}`."""
    reading.refuse_anonymous(request)
    offer = selectors.offer_for(request.principal, offer_id)
    body = reading.body_of(request)
    holder = reading.holder(reading.text(body, "holder"))
    quotes.require_buyer(request.principal, holder)
    quote = quotes.make_quote(offer, holder=holder, answers=_answers(body, offer), by=request.principal)
    return JsonResponse(representations.quote(quote), status=201)


@require_GET
def quote_detail(request: HttpRequest, quote_id: str) -> HttpResponse:
    reading.refuse_anonymous(request)
    return JsonResponse(representations.quote(selectors.quote_for(request.principal, quote_id)))


@require_POST
def quote_acceptance(request: HttpRequest, quote_id: str) -> HttpResponse:
    """`{"terms_sha256", "authority": true}`."""
    reading.refuse_anonymous(request)
    quote = selectors.quote_for(request.principal, quote_id)
    body = reading.body_of(request)
    acceptance = quotes.accept_terms(
        quote,
        terms_sha256=reading.text(body, "terms_sha256", ""),
        authority=reading.flag(body, "authority"),
        by=request.principal,
        ip=client_address(request) or None,
        user_agent=request.headers.get("User-Agent", ""),
    )
    return JsonResponse(representations.acceptance(acceptance), status=201)


@require_POST
def quote_checkout(request: HttpRequest, quote_id: str) -> HttpResponse:
    """The order and the address where it is paid; the same again gives the same."""
    reading.refuse_anonymous(request)
    quote = selectors.quote_for(request.principal, quote_id)
    return JsonResponse(representations.started(checkout.start_checkout(quote, by=request.principal)), status=201)


def _list_offers(request: HttpRequest) -> HttpResponse:
    rows = selectors.offers_visible_to(request.principal)
    if name := request.GET.get("repository"):
        repository = repository_for(request.principal, request.GET.get("kind", RepositoryKind.MODEL), name)
        rows = selectors.offers_of(repository).select_related("repository__namespace")
    else:
        rows = rows.filter(state=OfferState.OPEN)
    page = page_of(request, rows, size=100)
    response = JsonResponse({"offers": [representations.offer(row) for row in page]})
    return link_next(request, response, p=page.number) if page.has_next() else response


def _create_offer(request: HttpRequest) -> HttpResponse:
    reading.refuse_anonymous(request)
    body = reading.body_of(request)
    repository = _repository(request, body)
    if not rules.may_offer(request.principal, repository):
        # The service says so too; here it comes before any fault of the body.
        raise offers.forbidden()
    try:
        offer = offers.create_offer(
            repository,
            title=reading.text(body, "title"),
            terms_text=reading.text(body, "terms"),
            conditions=_conditions(body),
            add_required_text=reading.flag(body, "add_required_text"),
            by=request.principal,
        )
    except Conflict as refusal:
        if "upstream" not in refusal.context:
            raise
        said = {"error": str(refusal.message), "code": refusal.code, "hint": str(refusal.hint)}
        return JsonResponse(said | refusal.context, status=refusal.status)
    return JsonResponse(_offer(request, offer), status=201)


def _repository(request: HttpRequest, body: dict[str, Any]) -> Repository:
    kind = reading.choice(body, "kind", RepositoryKind, RepositoryKind.MODEL)
    return repository_for(request.principal, kind, reading.text(body, "repository"))


def _conditions(body: dict[str, Any]) -> offers.Conditions:
    return offers.Conditions(
        price=reading.integer(body, "price"),
        currency=reading.text(body, "currency").lower(),
        term_days=reading.integer(body, "days", 365),
        seats=reading.integer(body, "seats", 0),
        use=reading.choice(body, "use", Use, Use.PRODUCT),
        territory=reading.strings(body, "territory"),
        revenue_band=reading.choice(body, "revenue_band", RevenueBand, RevenueBand.ANY),
        later_versions=reading.flag(body, "later_versions", default=True),
    )


def _answers(body: dict[str, Any], offer: Offer) -> quotes.Answers:
    given = body.get("answers", {})
    if not isinstance(given, dict):
        raise Invalid(_("The field “answers” must be an object."), field="answers")
    if "annual_revenue" in given:
        band = RevenueBand.of(reading.integer(given, "annual_revenue"))
    else:
        band = reading.choice(given, "revenue_band", RevenueBand, "")
    return quotes.Answers(
        revenue_band=band,
        seats=reading.integer(given, "seats", 1),
        use=reading.choice(given, "use", Use, offer.use),
        country=reading.text(given, "country", "").upper(),
        vat_id=reading.text(given, "vat_id", ""),
    )


def _offer(request: HttpRequest, offer: Offer) -> dict[str, Any]:
    full = rules.is_seller(request.principal, offer) or request.principal.is_staff
    return representations.offer(offer, full=full)
