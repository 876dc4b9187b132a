"""Lists of repositories for people: search, filters, order."""

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import Namespace
from accounts.principal import Principal
from hub.enums import RepositoryKind
from hub.models import Repository
from hub.selectors.repositories import repositories_visible_to

ORDERS = {
    "updated": (_("Recently changed"), ["-updated_at", "-id"]),
    "downloads": (_("Most downloaded"), ["-downloads", "-id"]),
    "likes": (_("Most liked"), ["-likes", "-id"]),
    "name": (_("By name"), ["name", "id"]),
}

MAX_WORDS = 10  # each is one more look at every row


@dataclass(frozen=True)
class Filters:
    """What the visitor asked for; empty strings ask for nothing."""

    search: str = ""
    task: str = ""
    library: str = ""
    licence: str = ""
    tag: str = ""
    order: str = "updated"


def listed(principal: Principal, kind: RepositoryKind, filters: Filters) -> QuerySet[Repository]:
    rows = repositories_visible_to(principal).filter(kind=kind)
    for word in filters.search.split()[:MAX_WORDS]:
        rows = rows.filter(Q(name__icontains=word) | Q(namespace__name__icontains=word) | Q(tags__icontains=word))
    wanted = {"pipeline_tag": filters.task, "library_name": filters.library, "license": filters.licence}
    rows = rows.filter(**{name: value for name, value in wanted.items() if value})
    if filters.tag:
        rows = rows.filter(tags__contains=[filters.tag])
    _label, order = ORDERS.get(filters.order, ORDERS["updated"])
    return rows.order_by(*order)


def facets(principal: Principal, kind: RepositoryKind) -> dict[str, list[tuple[str, int]]]:
    """The values that occur, most frequent first, to choose from."""
    rows = repositories_visible_to(principal).filter(kind=kind).order_by()
    fields = {"task": "pipeline_tag", "library": "library_name", "licence": "license"}
    found = {}
    for name, field in fields.items():
        counts = rows.exclude(**{field: ""}).values_list(field).annotate(count=Count("id")).order_by("-count", field)
        found[name] = list(counts[:20])
    return found


def repositories_of(namespace: Namespace, principal: Principal) -> QuerySet[Repository]:
    return repositories_visible_to(principal).filter(namespace=namespace).order_by("kind", "-updated_at", "-id")
