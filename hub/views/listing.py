"""Lists of models and data sets, with what there is to choose from."""

from dataclasses import dataclass
from urllib.parse import quote_plus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from common.errors import Invalid
from hub.enums import RepositoryKind
from hub.selectors import listing, search
from hub.selectors.listing import RELEVANCE, Filters
from hub.selectors.paging import objects

SIZE = 24
MAX_TAGS = 10
LABELS = {
    "task": _("Task"),
    "library": _("Library"),
    "language": _("Language"),
    "licence": _("Licence"),
    "size": _("Parameters"),
    "gated": _("Access"),
    "tag": _("Tags"),
}
PLACES = ("after", "before")


@dataclass(frozen=True)
class Choice:
    """A value of a facet; its address adds it to what is asked for, or takes it back."""

    label: str | Promise
    count: int | None
    is_chosen: bool
    address: str


class Addresses:
    """This list with some of what is asked for replaced, from its first page on."""

    def __init__(self, request: HttpRequest) -> None:
        self._asked = request.GET
        self._parts = [
            (name, f"{quote_plus(name)}={quote_plus(value)}")
            for name, values in request.GET.lists()
            for value in values
            if name not in PLACES
        ]

    def __call__(self, **changes: object) -> str:
        parts = [part for name, part in self._parts if name not in changes]
        for name, given in changes.items():
            values = given if isinstance(given, list) else [given] if given else []
            parts += [f"{name}={quote_plus(str(value))}" for value in values]
        return f"?{'&'.join(parts)}"

    def toggled(self, name: str, value: str) -> str:
        """With a value added, or taken away where it is asked for already."""
        now = self._asked.getlist(name)
        if name == "tag":
            return self(tag=[one for one in now if one != value] if value in now else [*now, value])
        return self(**{name: None if now[-1:] == [value] else value})


@require_safe
def repository_list(request: HttpRequest, kind: RepositoryKind) -> HttpResponse:
    filters = _filters(request)
    order = _order(request, filters)
    try:
        rows = listing.listed(request.principal, kind, filters)
    except Invalid:
        filters = listing.without(filters, "size", "gated")
        rows = listing.listed(request.principal, kind, filters)
    page = listing.page_of(
        rows,
        filters,
        order,
        _READ,
        size=SIZE,
        after=request.GET.get("after", ""),
        before=request.GET.get("before", ""),
    )
    address = Addresses(request)
    facets = listing.facets(rows, kind, order)
    groups = _groups(address, kind, filters, facets)
    context = {
        "kind": kind,
        "filters": filters,
        "asked": [(name, value) for name, value in request.GET.items() if name in LABELS and name != "tag" and value],
        "orders": _orders(address, filters, order),
        "order": order,
        "page": page,
        "is_later": any(request.GET.get(name) for name in PLACES),
        "next": address(after=page.next),
        "previous": address(before=page.previous),
        "start": address(),
        "facets": facets,
        "groups": groups,
        "chosen": [(group, choice) for group, choices in groups for choice in choices if choice.is_chosen],
        "everything": f"?order={order}" if order != RELEVANCE else "?",
        "sample": listing.SAMPLE,
    }
    if not page.rows and filters.text:
        context |= _instead(request, address, kind, filters)
    return render(request, "hub/list.html", context)


_READ = objects(
    "kind", "name", "namespace__name", "visibility", "gated", "pipeline_tag", "license", "library_name", "downloads",
    "likes", "updated_at", "created_at", "trending", "parameters",
)  # fmt: skip


def _filters(request: HttpRequest) -> Filters:
    asked = request.GET
    return Filters(
        search=(asked["search"],) if asked.get("search", "").strip() else (),
        author=asked.get("author", ""),
        task=asked.get("task", ""),
        library=asked.get("library", ""),
        language=asked.get("language", ""),
        licence=asked.get("licence", ""),
        tags=tuple(dict.fromkeys(tag for tag in asked.getlist("tag") if tag))[:MAX_TAGS],
        size=asked.get("size", ""),
        gated=asked.get("gated", ""),
    )


def _order(request: HttpRequest, filters: Filters) -> str:
    given = request.GET.get("order", "")
    if given in listing.ORDERS:
        return given
    return RELEVANCE if filters.text else "trending"


def _orders(address: Addresses, filters: Filters, order: str) -> list[Choice]:
    best = {RELEVANCE: _("Best match")} if filters.text else {}
    return [
        Choice(label, None, name == order, address(order=None if name == RELEVANCE else name))
        for name, label in (best | listing.ORDERS).items()
    ]


def _groups(
    address: Addresses, kind: RepositoryKind, filters: Filters, facets: listing.Facets
) -> list[tuple[Promise, list[Choice]]]:
    """Facets in order, each with its chosen values first."""
    chosen = {
        "task": [filters.task],
        "library": [filters.library],
        "language": [filters.language],
        "licence": [filters.licence],
        "tag": list(filters.tags),
    }
    groups: list[tuple[Promise, list[Choice]]] = []
    for name, label in LABELS.items():
        if name == "size":
            is_offered = kind == RepositoryKind.MODEL and (facets.counted or filters.size)
            choices = _sizes(address, filters) if is_offered else []
        elif name == "gated":
            choices = _gates(address, filters, dict(facets.values[name]))
        else:
            taken = [value for value in chosen[name] if value]
            counts = dict(facets.values[name])
            choices = [Choice(value, None, True, address.toggled(name, value)) for value in taken]
            choices += [
                Choice(value, count, False, address.toggled(name, value))
                for value, count in counts.items()
                if value not in taken
            ]
        if choices:
            groups.append((label, choices))
    return groups


def _sizes(address: Addresses, filters: Filters) -> list[Choice]:
    known = ({filters.size: filters.size} if filters.size else {}) | listing.SIZES
    return [
        Choice(label, None, value == filters.size, address.toggled("size", value)) for value, label in known.items()
    ]


def _gates(address: Addresses, filters: Filters, counts: dict[str, int]) -> list[Choice]:
    """Nothing where all that is found is open, or all is closed in one way."""
    chosen = filters.gated
    if not chosen and len(counts) < 2:
        return []
    shown = [chosen] if chosen else []
    shown += [value for value in listing.GATES if value in counts and value != chosen]
    return [
        Choice(
            listing.GATES[value],
            None if value == chosen else counts[value],
            value == chosen,
            address.toggled("gated", value),
        )
        for value in shown
    ]


def _instead(request: HttpRequest, address: Addresses, kind: RepositoryKind, filters: Filters) -> dict[str, object]:
    """What to offer where nothing was found: other spellings, similar names, fewer filters."""
    near = search.resembling(listing.listed(request.principal, kind, Filters()), filters.text)
    correction = search.correction(near, filters.text)
    return {
        "correction": correction,
        "corrected": address(search=correction),
        "similar": search.suggestions(near, filters.text, _READ),
        "only_text": address(**dict.fromkeys(LABELS), author=None) if filters != _only_text(filters) else "",
    }


def _only_text(filters: Filters) -> Filters:
    return Filters(search=filters.search)
