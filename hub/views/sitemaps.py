"""Where search engines find the pages of public repositories (sitemaps.org)."""

from django.conf import settings
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.utils.xmlutils import SimplerXMLGenerator
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from accounts.principal import ANONYMOUS
from common.errors import NotFound
from hub.selectors.repositories import repositories_visible_to

# Each page holds a fixed span of keys: new repositories change the last page only, and no page needs a count.
SPAN = 10_000
_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


@require_safe
@cache_control(public=True, max_age=3600)
def index(request: HttpRequest) -> HttpResponse:
    last = repositories_visible_to(ANONYMOUS).aggregate(last=Max("pk"))["last"] or 0
    pages = range(last // SPAN + 1)
    return _document("sitemapindex", "sitemap", [(f"/sitemap-{number}.xml", "") for number in pages])


@require_safe
@cache_control(public=True, max_age=3600)
def page(request: HttpRequest, number: int) -> HttpResponse:
    rows = repositories_visible_to(ANONYMOUS).filter(pk__gte=number * SPAN, pk__lt=(number + 1) * SPAN).order_by("pk")
    found = rows.only("kind", "name", "updated_at", "namespace__name")
    entries = [(one.get_absolute_url(), one.updated_at.date().isoformat()) for one in found.iterator()]
    if not entries:
        raise NotFound("This sitemap has no pages.")
    return _document("urlset", "url", entries)


def _document(root: str, entry: str, entries: list[tuple[str, str]]) -> HttpResponse:
    response = HttpResponse(content_type="application/xml; charset=utf-8")
    xml = SimplerXMLGenerator(response, "utf-8")
    xml.startDocument()
    xml.startElement(root, {"xmlns": _NAMESPACE})
    for address, changed in entries:
        xml.startElement(entry, {})
        xml.addQuickElement("loc", f"{settings.BASE_URL}{address}")
        if changed:
            xml.addQuickElement("lastmod", changed)
        xml.endElement(entry)
    xml.endElement(root)
    xml.endDocument()
    return response
