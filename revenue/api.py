"""The books for programs. Amounts are integer micros of the currency."""

import json
from datetime import datetime
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from common.errors import Forbidden, Invalid, Unauthenticated
from common.pagination import link_next, page_of
from revenue import selectors
from revenue.algorithms import pools
from revenue.models import MonthClose, Statement
from revenue.rules import may_close_months
from revenue.services import months
from revenue.services.blocks import claims_of


@require_safe
def books(request: HttpRequest) -> JsonResponse:
    body = {
        "rule": {"name": pools.RULE_NAME, "sha256": pools.RULE_SHA256},
        "closed_through": selectors.closed_through(),
        "books": [_book(book) for book in selectors.public_books()],
    }
    return _public(body)


@require_safe
def blocks(request: HttpRequest) -> JsonResponse:
    """The newest thousand blocks; `?p=` for older ones."""
    page = page_of(request, selectors.blocks(), size=1000)
    response = _public({"blocks": [claims_of(block) | {"signature": block.signature} for block in page]})
    if page.has_next():
        link_next(request, response, p=page.number)
    return response


@require_safe
def statements(request: HttpRequest) -> JsonResponse:
    _refuse_anonymous(request)
    page = page_of(request, selectors.statements_visible_to(request.principal), size=100)
    response = JsonResponse({"statements": [_summary(statement) for statement in page]})
    if page.has_next():
        link_next(request, response, p=page.number)
    return response


@require_safe
def statement(request: HttpRequest, statement_id: int) -> JsonResponse:
    _refuse_anonymous(request)
    found = get_object_or_404(selectors.statements_visible_to(request.principal), pk=statement_id)
    return JsonResponse(_summary(found) | {"signature": found.signature, "statement": json.loads(found.body)})


@require_POST
def closings(request: HttpRequest) -> JsonResponse:
    """Staff close a month: `{"year", "month", "through": null | "now" | ISO moment}`."""
    _refuse_anonymous(request)
    if not may_close_months(request.principal):
        raise Forbidden(_("Only staff may close a month."))
    year, month, through = _closing_form(request)
    closed = months.close_month(year, month, by=request.principal, through=through)
    return JsonResponse({"closings": [_closing(close) for close in closed]})


def _refuse_anonymous(request: HttpRequest) -> None:
    if request.principal.is_anonymous:
        raise Unauthenticated(_("Log in, or send an access token."))


def _closing_form(request: HttpRequest) -> tuple[int, int, datetime | None]:
    try:
        form = json.loads(request.body)
        year, month, through = int(form["year"]), int(form["month"]), form.get("through")
        moment = timezone.now() if through == "now" else through and parse_datetime(through)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Invalid(_("Send the year and the month as numbers, and through as a moment.")) from error
    if through and (moment is None or timezone.is_naive(moment)):
        raise Invalid(_("Write the moment with its time zone, such as 2026-11-22T12:00:00+00:00."))
    return year, month, moment or None


def _public(body: dict[str, Any]) -> JsonResponse:
    response = JsonResponse(body)
    response["Access-Control-Allow-Origin"] = "*"
    return response


def _book(book: selectors.Books) -> dict[str, Any]:
    return {
        "currency": book.currency,
        "months": [
            {
                "month": month.month.strftime("%Y-%m"),
                "licence": month.licence,
                "usage": month.usage,
                "total": month.total,
            }
            for month in book.months
        ],
        "closings": [_closing(close) for close in book.closings],
        "award_pool": {"balance": book.award_pool, "awarded": book.awards_made, "awards": book.awards_count},
        "creators": {
            "ever": book.creators_ever,
            "people": book.people_ever,
            "pending": book.pending,
            "due": book.due,
        },
        "open": {
            "net": book.open_net,
            "pool": book.open_pool.total,
            "creators": book.open_pool.creators,
            "awards": book.open_pool.awards,
        },
    }


def _closing(close: MonthClose) -> dict[str, Any]:
    return {
        "period": close.period,
        "year": close.year,
        "month": close.month,
        "sequence": close.sequence,
        "currency": close.currency,
        "opened_after": close.opened_after,
        "closed_through": close.closed_through,
        "net": close.net,
        "pool": close.pool,
        "creators": close.creators,
        "awards": close.awards,
        "beneficiaries": close.beneficiaries,
        "rule_sha256": close.rule_sha256,
        "inputs_sha256": close.inputs_sha256,
        "due_at": close.due_at,
    }


def _summary(statement: Statement) -> dict[str, Any]:
    return {
        "id": statement.pk,
        "number": statement.number,
        "beneficiary": statement.beneficiary.username,
        "currency": statement.close.currency,
        "amount": statement.amount,
        "repaid": statement.repaid,
        "due_at": statement.close.due_at,
        "sha256": statement.sha256,
        "url": statement.get_absolute_url(),
    }
