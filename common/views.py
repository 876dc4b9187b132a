"""Health, keys, language, and the pages for things that went wrong."""

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from common import signing
from common.errors import NotFound
from common.middleware import refusal_response


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """For load balancers: answers only when the database does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})


@require_safe
def jwks(request: HttpRequest) -> JsonResponse:
    response = JsonResponse(signing.public_keys())
    response["Access-Control-Allow-Origin"] = "*"
    return response


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Pages of cards are for everybody; what costs much or says the same again is not for crawlers."""
    closed = [
        "/api/", "/cas/", "/v1/", "/oauth/", "/admin/", "/login", "/signup", "/settings", "/search", "/*?",
        "/*/resolve/", "/*/raw/", "/*/blob/", "/*/tree/", "/*/commit/", "/*/commits/", "/*/viewer", "/*/likers",
    ]  # fmt: skip
    rules = [
        "# All public metadata comes as a stream from /api/export/repositories.jsonl, so nobody needs to crawl.",
        "User-agent: *",
        *(f"Disallow: {path}" for path in closed),
        "Allow: /api/export/",
        f"Sitemap: {settings.BASE_URL}/sitemap.xml",
    ]
    return HttpResponse("\n".join(rules) + "\n", content_type="text/plain; charset=utf-8")


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    refusal = NotFound(
        _("There is nothing at this address."),
        hint=_("Check the spelling, or search from the front page. Private things are hidden until you log in."),
    )
    return refusal_response(request, refusal)


def server_error(request: HttpRequest) -> HttpResponse:
    return render(request, "common/server_error.html", status=500)
