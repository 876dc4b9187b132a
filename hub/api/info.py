"""One repository, and lists of them (hub-api.md, info and listing)."""

import base64
import json
from collections import defaultdict
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse

from common.errors import Invalid
from common.pagination import link_next
from hub.api.protocol import door, flag, principal_of, repository, revision
from hub.api.representations import checked_expand, info, sibling
from hub.enums import GateMode, RepositoryKind
from hub.errors import RepositoryNotFound
from hub.git.refs import BRANCH
from hub.models import Repository, TreeEntry
from hub.selectors import files_at, repositories_visible_to
from hub.selectors.listing import MAX_WORDS
from hub.selectors.scanning import repository_status

_MAX_PAGE = 1000
_PAGE = 100
# How clients spell an order, and the column behind it. Ties are broken by age.
_ORDERS = {
    "": "updated_at",
    "lastModified": "updated_at",
    "last_modified": "updated_at",
    "createdAt": "created_at",
    "created_at": "created_at",
    "downloads": "downloads",
    "trendingScore": "downloads",
    "trending_score": "downloads",
    "likes": "likes",
}
_UNKNOWN_FACTS = ("num_parameters", "inference_provider", "benchmark")


@door("GET", "DELETE")
def detail(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str, rest: str = "") -> HttpResponse:
    if request.method == "DELETE":  # clients that unlike a name without an owner come here
        raise RepositoryNotFound
    found = repository(request, kind, namespace, name, even_disabled=True)
    expand = checked_expand(kind, request.GET.getlist("expand"))
    at = revision(found, rest)
    files = None
    if not expand or "siblings" in expand:
        files = [sibling(file, blobs=flag(request, "blobs")) for file in files_at(at)]
    answer = info(found, sha=at.commit, siblings=files, expand=expand)
    if flag(request, "securityStatus") or "securityRepoStatus" in expand:
        answer["securityRepoStatus"] = repository_status(at)
    return JsonResponse(answer)


@door("GET")
def listing(request: HttpRequest, kind: RepositoryKind) -> HttpResponse:
    expand = checked_expand(kind, request.GET.getlist("expand"))
    order = _ORDERS.get(request.GET.get("sort", ""))
    if order is None:
        raise Invalid(f"sort must be one of {', '.join(key for key in _ORDERS if key)}.")
    rows = _filtered(request, kind)
    limit = _limit(request)
    page = list(_after(rows, order, request.GET.get("cursor", "")).order_by(f"-{order}", "-id")[: limit + 1])
    full = flag(request, "full")
    files = _siblings(page[:limit]) if full or "siblings" in expand else {}
    card = full or flag(request, "cardData") or kind != RepositoryKind.MODEL
    answer = [info(row, siblings=files.get(row.pk), expand=expand, card=card) for row in page[:limit]]
    if not full and not flag(request, "config"):
        for one in answer if not expand else []:
            one.pop("config", None)
    response = JsonResponse(answer, safe=False)
    if len(page) > limit:
        link_next(request, response, cursor=_cursor(page[limit - 1], order))
    return response


def _filtered(request: HttpRequest, kind: RepositoryKind) -> QuerySet[Repository]:
    asked = request.GET
    for name in _UNKNOWN_FACTS:
        if asked.get(name):
            raise Invalid(f"This site cannot filter by {name}.", hint="Leave it out.")
    rows = repositories_visible_to(principal_of(request)).filter(kind=kind)
    for word in asked.getlist("search")[:MAX_WORDS]:
        rows = _search(rows, word)
    if asked.get("author"):
        rows = rows.filter(namespace__name__iexact=asked["author"])
    tags = [tag for given in asked.getlist("filter") for tag in given.split(",") if tag]
    tags += [f"{name}:{asked[name]}" for name in ("dataset", "language") if asked.get(name)]
    if tags:
        rows = rows.filter(tags__contains=tags)
    if asked.get("pipeline_tag"):
        rows = rows.filter(pipeline_tag=asked["pipeline_tag"])
    if asked.get("library"):
        rows = rows.filter(library_name=asked["library"])
    if asked.get("gated"):
        is_open = Q(gated=GateMode.OPEN)
        rows = rows.filter(~is_open if flag(request, "gated") else is_open)
    # Nothing here is warm or offered to apps: asking for that finds nothing.
    nothing_has_it = asked.get("inference") or asked.get("apps")
    return rows.none() if nothing_has_it else rows


def _search(rows: QuerySet[Repository], text: str) -> QuerySet[Repository]:
    """Every word occurs in the name, or is one of the tags."""
    for word in text.replace("/", " / ").split()[:MAX_WORDS]:
        if word == "/":
            continue
        rows = rows.filter(Q(name__icontains=word) | Q(namespace__name__icontains=word) | Q(tags__contains=[word]))
    if "/" in text:
        owner, _, name = text.partition("/")
        rows = rows.filter(namespace__name__iendswith=owner.strip(), name__istartswith=name.strip())
    return rows


def _limit(request: HttpRequest) -> int:
    given = request.GET.get("limit", "")
    return max(1, min(int(given), _MAX_PAGE)) if given.isdecimal() and len(given) < 9 else _PAGE


def _cursor(last: Repository, order: str) -> str:
    value = getattr(last, order)
    text = value if isinstance(value, int) else value.isoformat()
    return base64.urlsafe_b64encode(json.dumps([text, last.pk]).encode()).decode()


def _after(rows: QuerySet[Repository], order: str, cursor: str) -> QuerySet[Repository]:
    """What follows a place in the order; rows that come or go meanwhile shift nothing."""
    if not cursor:
        return rows
    try:
        value, pk = json.loads(base64.urlsafe_b64decode(cursor))
        return rows.filter(Q(**{f"{order}__lt": value}) | Q(**{order: value, "pk__lt": int(pk)}))
    except (ValueError, TypeError, ValidationError) as error:
        raise Invalid("This cursor is not valid.", hint="Begin again without one.") from error


def _siblings(page: list[Repository]) -> dict[int, list[dict[str, Any]]]:
    """The files of several repositories by one query; those not indexed right now are left out."""
    heads = {row.pk: BRANCH + row.default_branch for row in page}
    rows = TreeEntry.objects.filter(branch__repository__in=page, is_folder=False).order_by("path")
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for pk, ref, path in rows.values_list("branch__repository_id", "branch__ref", "path"):
        if heads[pk] == ref:
            found[pk].append({"rfilename": path})
    return found
