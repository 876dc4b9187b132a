"""Lists of repositories, and what clients ask to choose from them (hub-api.md, listing and search)."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from accounts.principal import Principal
from common.compiled import Step
from common.errors import Invalid
from common.pagination import link_next
from hub.algorithms.cards import DATASET_TAGS
from hub.api.protocol import door, flag, principal_of
from hub.api.representations import checked_expand, columns_for, info
from hub.api.written import TAG, entries
from hub.enums import RepositoryKind
from hub.models import Repository
from hub.selectors import listing as selectors
from hub.selectors import search
from hub.selectors.listing import RELEVANCE, Filters
from hub.selectors.paging import objects

_MAX_PAGE = 1000
_PAGE = 100
_QUICK = 6
# How clients spell an order.
_ORDERS = {
    "": "updated",
    "lastModified": "updated",
    "last_modified": "updated",
    "createdAt": "created",
    "created_at": "created",
    "downloads": "downloads",
    "likes": "likes",
    "trendingScore": "trending",
    "trending_score": "trending",
    "relevance": RELEVANCE,
}
_MAX_TEXTS = 5
# What nothing here is: warm at a provider, or offered to an app. Asking for that finds nothing.
_NOTHING_IS = ("inference", "inference_provider", "apps")


@door("GET")
def listing(request: HttpRequest, kind: RepositoryKind) -> HttpResponse:
    expand = checked_expand(kind, request.GET.getlist("expand"))
    filters = _filters(request, kind)
    order, limit = _order(request, filters), _limit(request)
    full = flag(request, "full")
    card = full or flag(request, "cardData") or kind != RepositoryKind.MODEL
    config = full or flag(request, "config")
    rows, after = _rows(request, kind, filters), request.GET.get("cursor", "")
    written = None if full else entries(kind, expand, card=card, config=config)
    if written is not None:
        page = selectors.page_of(rows, filters, order, written, size=limit, after=after)
        response = HttpResponse(f"[{','.join(page.rows)}]", content_type="application/json")
    else:
        read = objects(*columns_for(expand, card=card, config=config), selectors.COLUMNS.get(order, "trending"))
        page = selectors.page_of(rows, filters, order, read, size=limit, after=after)
        is_full = full or "siblings" in expand
        answer = _from_objects(request, page.rows, expand, with_files=is_full, card=card, config=config)
        response = JsonResponse(answer, safe=False)
    if page.next:
        link_next(request, response, cursor=page.next)
    return response


def _from_objects(
    request: HttpRequest, rows: list[Repository], expand: list[str], *, with_files: bool, card: bool, config: bool
) -> list[dict[str, Any]]:
    """Entries with what is not in a repository's own row."""
    files = selectors.files_of_heads(rows) if with_files else {}
    children = selectors.children_counts(principal_of(request), rows) if "childrenModelCount" in expand else {}
    return [
        info(
            row,
            siblings=[{"rfilename": path} for path in files[row.pk]] if row.pk in files else None,
            children=children.get(row.pk, 0),
            expand=expand,
            card=card,
            config=config,
        )
        for row in rows
    ]


@door("GET")
def tags_by_type(request: HttpRequest, kind: RepositoryKind) -> HttpResponse:
    """The tags that public repositories carry, grouped by what stands before the colon."""
    groups = [f"{json.dumps(name)}:[{tags}]" for name, tags in selectors.used_tags(kind, TAG).items()]
    return HttpResponse(f"{{{','.join(groups)}}}", content_type="application/json")


@door("GET")
def quick_search(request: HttpRequest) -> HttpResponse:
    """A few of each kind, also when the name is misspelt: what search boxes ask while somebody types."""
    text, principal = request.GET.get("q", ""), principal_of(request)
    limit = min(_limit(request), 20) if request.GET.get("limit") else _QUICK
    wanted = request.GET.getlist("type")
    answer: dict[str, Any] = {"q": text}
    for kind in RepositoryKind:
        if wanted and kind.value not in wanted:
            continue
        found = _quick(principal, kind, text, limit) if text.strip() else []
        answer[kind.plural] = [{"_id": f"{row.pk:024x}", "id": row.full_name} for row in found]
    return JsonResponse(answer)


@door("GET")
def semantic_search(request: HttpRequest) -> HttpResponse:
    """Spaces by words. Nothing here knows meanings, so no score of relevancy is given."""
    if not flag(request, "includeNonRunning"):
        return JsonResponse([], safe=False)  # no space runs here
    text = request.GET.get("q", "")
    filters = Filters(search=(text,) if text else (), tags=_tags(request))
    rows = selectors.listed(principal_of(request), RepositoryKind.SPACE, filters)
    rows += selectors.with_sdk(request.GET.getlist("sdk"))
    read = objects(*columns_for([], card=True, config=False), "trending")
    page = selectors.page_of(rows, filters, RELEVANCE, read, size=min(_limit(request), _PAGE))
    answer = [
        {
            "id": row.full_name,
            "author": row.namespace.name,
            "title": str(row.card.get("title") or row.name),
            "emoji": row.card.get("emoji"),
            "sdk": row.card.get("sdk"),
            "likes": row.likes,
            "private": row.is_private,
            "tags": row.tags,
            "runtime": {"stage": "NO_APP_FILE"},
            "semanticRelevancyScore": None,
            "trendingScore": info(row, expand=["trendingScore"])["trendingScore"],
        }
        for row in page.rows
    ]
    return JsonResponse(answer, safe=False)


@door("GET")
def trending(request: HttpRequest) -> HttpResponse:
    """What is on the rise, one list for all kinds."""
    limit = min(_limit(request), 50) if request.GET.get("limit") else 10
    wanted = request.GET.get("type", "all")
    kinds = [kind for kind in RepositoryKind if wanted in {"all", kind.value}]
    if not kinds:
        raise Invalid(f"type must be all or one of {', '.join(RepositoryKind.values)}.", hint="Leave it out for all.")
    found = [row for kind in kinds for row in selectors.trending(principal_of(request), kind, limit)]
    found.sort(key=lambda row: (row.trending, row.pk), reverse=True)
    answer = [{"repoType": row.kind, "repoData": info(row, card=False, config=False)} for row in found[:limit]]
    return JsonResponse({"recentlyTrending": answer})


def _quick(principal: Principal, kind: RepositoryKind, text: str, limit: int) -> list[Repository]:
    read = objects("name", "namespace__name", "kind")
    found = search.best(selectors.listed(principal, kind, Filters(search=(text,))), text, read, size=limit).rows
    if found:
        return found
    near = search.resembling(selectors.listed(principal, kind, Filters()), text)
    return search.suggestions(near, text, read)[:limit]


def _rows(request: HttpRequest, kind: RepositoryKind, filters: Filters) -> list[Step]:
    asked = request.GET
    _checked_words(request)
    rows = selectors.listed(principal_of(request), kind, filters)
    if kind == RepositoryKind.SPACE:
        rows += selectors.linked_to(models=asked.getlist("models"), datasets=asked.getlist("datasets"))
        rows += selectors.linked() if flag(request, "linked") else []
    return rows + ([search.NOTHING] if any(asked.get(name) for name in _NOTHING_IS) else [])


def _filters(request: HttpRequest, kind: RepositoryKind) -> Filters:
    asked = request.GET
    texts = tuple(text for text in asked.getlist("search") if text.strip())
    if len(texts) > _MAX_TEXTS:
        raise Invalid(f"At most {_MAX_TEXTS} search texts are possible.", hint="Put the words into one text.")
    return Filters(
        search=texts,
        author=asked.get("author", ""),
        task=asked.get("pipeline_tag", ""),
        library=asked.get("library", ""),
        language=asked.get("language", ""),
        licence=asked.get("license", ""),
        tags=_tags(request, kind),
        size=asked.get("num_parameters", ""),
        gated={"1": "true", "0": "false"}.get(gated := asked.get("gated", "").lower(), gated),
    )


def _tags(request: HttpRequest, kind: RepositoryKind = RepositoryKind.SPACE) -> tuple[str, ...]:
    asked = request.GET
    tags = [tag for given in asked.getlist("filter") for tag in given.split(",") if tag]
    tags += [f"dataset:{name}" for name in asked.getlist("dataset") if name]
    if kind == RepositoryKind.DATASET:
        for name in DATASET_TAGS:
            if name not in {"language", "license"}:
                tags += [f"{name}:{value}" for value in asked.getlist(name) if value]
    return tuple(tags)


def _checked_words(request: HttpRequest) -> None:
    """Values that only look as if they filtered. Raises Invalid."""
    known = {"inference": {"warm"}}
    for name, values in known.items():
        given = request.GET.get(name, "")
        if given and given.lower() not in values:
            raise Invalid(f"{name} must be one of {', '.join(sorted(values))}.", hint=f"Leave {name} out to see all.")


def _order(request: HttpRequest, filters: Filters) -> str:
    """What fits best comes first where a text is searched and no order asked for."""
    given = request.GET.get("sort", "")
    if given not in _ORDERS:
        raise Invalid(
            f"sort must be one of {', '.join(key for key in _ORDERS if key)}.",
            hint="Lists always begin with the greatest value.",
        )
    if request.GET.get("direction", "-1") != "-1":
        raise Invalid("direction can only be -1.", hint="Lists always begin with the greatest value.")
    return RELEVANCE if filters.text and given in {"", RELEVANCE} else _ORDERS[given]


def _limit(request: HttpRequest) -> int:
    given = request.GET.get("limit", "")
    if not given:
        return _PAGE
    if not given.isdecimal() or len(given) > 12 or int(given) < 1:
        raise Invalid("limit must be a number above 0.", hint=f"A page has at most {_MAX_PAGE} entries.")
    return min(int(given), _MAX_PAGE)
