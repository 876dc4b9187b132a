"""Pages by `Link` header, the way Hub clients follow them, and by number for people."""

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from common.addresses import absolute


def page_of(request: HttpRequest, rows: QuerySet | list, *, size: int = 24) -> Page:
    """The page that `?p=` names (from 0, as Hub pages count); out of range gives the nearest."""
    asked = request.GET.get("p", "0")
    number = int(asked) + 1 if asked.isdecimal() and len(asked) < 9 else 1
    return Paginator(rows, size).get_page(number)


def link_next(request: HttpRequest, response: HttpResponse, **parameters: object) -> HttpResponse:
    """Add `Link: <same address with parameters replaced>; rel="next"`."""
    query = request.GET.copy()
    for name, value in parameters.items():
        query[name] = str(value)
    url = absolute(f"{request.path}?{query.urlencode()}")
    response["Link"] = f'<{url}>; rel="next"'
    return response
