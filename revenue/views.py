"""The public books, and everybody's own statements."""

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from common.errors import NotFound
from common.pagination import page_of
from revenue import selectors
from revenue.algorithms import pools
from revenue.algorithms.attribution import UNIT
from revenue.charts import revenue_bars
from revenue.enums import LineKind, ShareRole
from revenue.models import Statement

RULE_TEXTS = Path(settings.PROJECT) / "docs" / "reference"


@require_safe
def books(request: HttpRequest) -> HttpResponse:
    context = {
        "books": [(book, revenue_bars(book.months)) for book in selectors.public_books()],
        "blocks": selectors.blocks()[:5],
        "closed_through": selectors.closed_through(),
        "rule": pools.RULE_NAME,
        "rule_sha256": pools.RULE_SHA256,
        "holdback_days": pools.HOLDBACK_DAYS,
    }
    return render(request, "revenue/books.html", context)


@require_safe
def share_rule(request: HttpRequest, name: str) -> HttpResponse:
    """The exact bytes whose hash stands in every statement that was made by this rule."""
    if name not in pools.RULES:
        raise NotFound(_("There is no such rule."), hint=_("The one in force is %(name)s.") % {"name": pools.RULE_NAME})
    return HttpResponse((RULE_TEXTS / f"{name}.md").read_bytes(), content_type="text/plain; charset=utf-8")


@login_required
@never_cache
@require_safe
def statement_list(request: HttpRequest) -> HttpResponse:
    context = {
        "page": page_of(request, selectors.statements_visible_to(request.principal)),
        "shares": selectors.shares_of(request.principal),
        "sees_all": selectors.sees_all_statements(request.principal),
    }
    return render(request, "revenue/statement_list.html", context)


@login_required
@never_cache
@require_safe
def statement(request: HttpRequest, statement_id: int) -> HttpResponse:
    found = _visible(request, statement_id)
    lines = page_of(request, json.loads(found.body)["lines"], size=100)
    lines.object_list = [_shown(line) for line in lines]
    gone = selectors.taken_back_of(found)
    context = {
        "statement": found,
        "taken_back": gone,
        "left": found.amount - sum(one.amount for one in gone),
        "lines": lines,
        "jwks": f"{settings.BASE_URL}/.well-known/jwks.json",
    }
    return render(request, "revenue/statement.html", context)


@login_required
@never_cache
@require_safe
def statement_json(request: HttpRequest, statement_id: int) -> HttpResponse:
    """The exact bytes that were hashed."""
    found = _visible(request, statement_id)
    return _download(HttpResponse(found.body.encode(), content_type="application/json"), f"{found.number}.json")


@login_required
@never_cache
@require_safe
def statement_csv(request: HttpRequest, statement_id: int) -> HttpResponse:
    found = _visible(request, statement_id)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    writer = csv.writer(response)
    names = ["line", "kind", "asset", "role", "base", "weight", "amount"]
    writer.writerow([*names, "currency"])
    for line in json.loads(found.body)["lines"]:
        writer.writerow([*(line[name] for name in names), found.close.currency])
    return _download(response, f"{found.number}.csv")


def _shown(line: dict[str, Any]) -> dict[str, Any]:
    """A line in words: its kind, its role, its weight as a percentage, and the commit shortened."""
    name, _at, commit = line["asset"].partition("@")
    return line | {
        "short_asset": f"{name}@{commit[:8]}",
        "kind_label": LineKind(line["kind"]).label,
        "role_label": ShareRole(line["role"]).label,
        "percent": f"{Decimal(line['weight'] * 100) / UNIT:.4f} %",
    }


def _visible(request: HttpRequest, statement_id: int) -> Statement:
    return get_object_or_404(selectors.statements_visible_to(request.principal), pk=statement_id)


def _download(response: HttpResponse, name: str) -> HttpResponse:
    response["Content-Disposition"] = f'attachment; filename="statement-{name}"'
    return response
