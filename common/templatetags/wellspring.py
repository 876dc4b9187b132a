"""Filters and tags that every template may use without loading them."""

from django import template
from django.http import HttpRequest
from django.utils.translation import get_language

from common import slots
from common.money import format_money
from common.quantities import format_bytes, format_count, format_gpu_seconds

register = template.Library()


@register.filter
def money(micros: int, currency: str) -> str:
    return format_money(micros, currency)


@register.filter
def gpu_time(seconds: int) -> str:
    return format_gpu_seconds(seconds)


@register.filter
def file_size(size: int | None) -> str:
    """Decimal units, as the Hub shows them: 1.5 MB."""
    if size is None:
        return "–"
    return format_bytes(size)


@register.filter
def short_count(number: int) -> str:
    """7.24 B."""
    return format_count(number)


@register.filter
def said(texts: dict[str, str]) -> str:
    """A text that is there in several languages, in the reader's, else in English."""
    return texts.get((get_language() or "en").lower()) or texts["en"]


@register.simple_tag(takes_context=True)
def current(context: dict, *prefixes: str) -> str:
    """`aria-current` for the navigation entry that holds this page."""
    request: HttpRequest | None = context.get("request")
    if request and any(request.path == prefix or request.path.startswith(prefix + "/") for prefix in prefixes):
        return "page"
    return "false"


@register.simple_tag(takes_context=True)
def query_with(context: dict, **changes: object) -> str:
    """The current query string with some parameters replaced (None removes)."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value is not None and value != "":
            query[name] = str(value)
    return f"?{query.urlencode()}" if query else "?"


@register.simple_tag(takes_context=True)
def slot(context: dict, name: str, **values: object) -> str:
    """What other rooms have to say at this place of the page."""
    return slots.render(name, context["request"], **values)
