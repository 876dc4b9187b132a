"""Collections (hub-api.md, collections)."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from accounts.selectors import namespace_named
from common.errors import Forbidden, Invalid, Refusal, Unauthenticated
from common.pagination import link_next
from hub.api.protocol import date, door, json_body, principal_of, text_of
from hub.enums import RepositoryKind, Visibility
from hub.errors import RepositoryMoved
from hub.models import Bucket, Collection, CollectionItem, Repository
from hub.selectors import collections as selectors
from hub.services import collections as services

_PAGE, _MAX_PAGE = 50, 100
# Nobody votes on collections here, so those that are popular are those that changed last.
_SORTS = ("lastModified", "trending", "upvotes")


@door("GET", "POST")
def collections(request: HttpRequest) -> HttpResponse:
    return _create(request) if request.method == "POST" else _listing(request)


@door("GET", "PATCH", "DELETE")
def collection(request: HttpRequest, namespace: str, slug: str) -> HttpResponse:
    found = _find(request, namespace, slug)
    by = principal_of(request)
    if request.method == "DELETE":
        services.delete(found, by=by)
        return JsonResponse({})
    if request.method == "GET":
        return JsonResponse(_whole(request, found))
    body = json_body(request)
    changed = services.update(
        found,
        by=by,
        title=_optional_text(body, "title"),
        description=_optional_text(body, "description"),
        visibility=_visibility(body),
        theme=_optional_text(body, "theme"),
        position=_optional_number(body, "position"),
    )
    return JsonResponse({"success": True, "data": _whole(request, changed)})


@door("POST")
def items(request: HttpRequest, namespace: str, slug: str) -> HttpResponse:
    found = _find(request, namespace, slug)
    body = json_body(request)
    asked = body.get("item")
    if not isinstance(asked, dict):
        raise Invalid("`item` must be an object with `type` and `id`.")
    by = principal_of(request)
    thing = _thing(request, text_of(asked, "type"), text_of(asked, "id"))
    services.add(found, thing, by=by, note=text_of(body, "note", default=""))
    return JsonResponse(_whole(request, selectors.collection_for(by, found.slug)))


@door("PATCH", "DELETE")
def item(request: HttpRequest, namespace: str, slug: str, key: str) -> HttpResponse:
    found = selectors.item_of(_find(request, namespace, slug), key)
    by = principal_of(request)
    if request.method == "DELETE":
        services.remove(found, by=by)
        return JsonResponse({"success": True})
    body = json_body(request)
    note, position = _optional_text(body, "note"), _optional_number(body, "position")
    services.update_item(found, by=by, note=note, position=position)
    return JsonResponse({"success": True})


@door("POST")
def resource_group(request: HttpRequest, namespace: str, slug: str) -> HttpResponse:
    """Clients may ask; this site has no resource groups."""
    _find(request, namespace, slug)
    if json_body(request).get("resourceGroupId") is None:
        return JsonResponse({})
    raise Invalid("This site has no resource groups.", hint="Let the roles of the organisation decide.")


def _listing(request: HttpRequest) -> HttpResponse:
    asked = request.GET
    if asked.get("sort", "lastModified") not in _SORTS:
        raise Invalid(f"sort must be one of {', '.join(_SORTS)}.")
    things = [_thing_at(request, given) for given in asked.getlist("item")] or None
    found = None if things is None else [thing for thing in things if thing is not None]
    rows = selectors.listed(principal_of(request), owners=asked.getlist("owner"), things=found)
    start, limit = _number(asked.get("cursor", ""), 0), max(1, min(_number(asked.get("limit", ""), _PAGE), _MAX_PAGE))
    page = list(rows[start : start + limit + 1])
    answer = [_one(row) | {"items": [_item(one) for one in row.first_items]} for row in page[:limit]]
    response = JsonResponse(answer, safe=False)
    if len(page) > limit:
        link_next(request, response, cursor=start + limit)
    return response


def _create(request: HttpRequest) -> HttpResponse:
    by = principal_of(request)
    if by.user is None:
        raise Unauthenticated("Log in first.", hint="Send an access token with write scope.")
    body = json_body(request)
    if body.get("resourceGroupId"):
        raise Invalid("This site has no resource groups.", hint="Leave it out.")
    wanted = text_of(body, "namespace", default=by.user.username)
    owner = namespace_named(wanted)
    if owner is None:
        raise Forbidden(f"There is nobody called {wanted}.", hint="Use your own name or an organisation's.")
    title, description = text_of(body, "title"), text_of(body, "description", default="")
    visibility = _visibility(body) or Visibility.PUBLIC
    made = services.create(owner, title, by=by, description=description, visibility=visibility)
    return JsonResponse(_whole(request, made))


def _whole(request: HttpRequest, found: Collection) -> dict[str, Any]:
    listed = selectors.items_of(found, principal_of(request))
    return _one(found) | {"position": found.position, "items": [_item(one) for one in listed]}


def _one(found: Collection) -> dict[str, Any]:
    """Without a place in the list, because clients count that themselves."""
    return {
        "slug": found.slug,
        "title": found.title,
        "description": found.description,
        "owner": {
            "name": found.namespace.name,
            "fullname": found.namespace.full_name,
            "type": "org" if found.namespace.is_organisation else "user",
            "avatarUrl": "",
        },
        "lastUpdated": date(found.updated_at),
        "private": found.is_private,
        "theme": found.theme,
        "upvotes": 0,
    }


def _item(found: CollectionItem) -> dict[str, Any]:
    shown: dict[str, Any] = {"_id": found.key, "position": found.position, "type": found.kind}
    if found.note:
        shown["note"] = {"text": found.note}
    return shown | _thing_facts(found.thing)


def _thing_facts(thing: Repository | Bucket | Collection) -> dict[str, Any]:
    if isinstance(thing, Collection):
        return {"id": thing.key, "slug": thing.slug, "title": thing.title, "lastUpdated": date(thing.updated_at)}
    facts = {
        "id": thing.full_name,
        "author": thing.namespace.name,
        "private": thing.is_private,
        "lastModified": date(thing.updated_at),
    }
    if isinstance(thing, Repository):
        facts |= {"likes": thing.likes, "downloads": thing.downloads}
    return facts


def _find(request: HttpRequest, namespace: str, slug: str) -> Collection:
    return selectors.collection_for(principal_of(request), f"{namespace}/{slug}")


def _thing(request: HttpRequest, kind: str, name: str) -> Repository | Bucket | Collection:
    """Raises RepositoryNotFound, NotFound, Invalid. An old name of a repository will do."""
    try:
        return selectors.thing_named(principal_of(request), kind, name)
    except RepositoryMoved as moved:
        return moved.repository


def _thing_at(request: HttpRequest, given: str) -> Repository | Bucket | Collection | None:
    """`models/ada/tiny` as the list is asked for it; None when there is nothing of that name to see."""
    plural, _slash, name = given.partition("/")
    kinds = {kind.plural: kind.value for kind in RepositoryKind} | {"buckets": "bucket", "collections": "collection"}
    if plural not in kinds:
        raise Invalid(f"item must begin with one of {', '.join(kinds)}.")
    try:
        return _thing(request, kinds[plural], name)
    except Refusal as refusal:
        if refusal.status not in {401, 404}:
            raise
        return None


def _optional_text(body: dict[str, Any], key: str) -> str | None:
    return None if body.get(key) is None else text_of(body, key, default="")


def _optional_number(body: dict[str, Any], key: str) -> int | None:
    value = body.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise Invalid(f"`{key}` must be a whole number.")
    return value


def _visibility(body: dict[str, Any]) -> Visibility | None:
    value = body.get("private")
    if value is None:
        return None
    if not isinstance(value, bool):
        raise Invalid("`private` must be true or false.")
    return Visibility.PRIVATE if value else Visibility.PUBLIC


def _number(given: str, default: int) -> int:
    return int(given) if given.isdecimal() and len(given) < 9 else default
