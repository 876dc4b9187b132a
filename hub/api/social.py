"""Likes and follows (hub-api.md, likes and follows)."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse

from accounts.models import Namespace, User
from accounts.selectors import namespace_named
from common.errors import NotFound
from common.pagination import link_next
from hub.api.protocol import date, door, principal_of, repository
from hub.enums import RepositoryKind
from hub.models import Like
from hub.selectors import social as selectors
from hub.services import social as services

_PAGE = 100


@door("POST", "DELETE")
def like(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str) -> HttpResponse:
    found = repository(request, kind, namespace, name)
    act = services.like if request.method == "POST" else services.unlike
    act(found, by=principal_of(request))
    return JsonResponse({})


@door("GET")
def likers(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str) -> HttpResponse:
    rows = selectors.likers_of(repository(request, kind, namespace, name))
    return paged(request, rows, lambda row: person(row.user))


@door("GET")
def likes(request: HttpRequest, name: str) -> HttpResponse:
    user = _named(name, organisation=False).user
    assert user is not None
    return paged(request, selectors.likes_of(user, principal_of(request)), _like)


@door("GET")
def followers(request: HttpRequest, name: str, *, organisation: bool) -> HttpResponse:
    rows = selectors.followers_of(_named(name, organisation=organisation))
    return paged(request, rows, lambda row: person(row.user))


@door("GET")
def following(request: HttpRequest, name: str) -> HttpResponse:
    user = _named(name, organisation=False).user
    assert user is not None
    return paged(request, selectors.following_of(user), lambda row: _followed(row.namespace))


@door("POST", "DELETE")
def follow(request: HttpRequest, name: str, *, organisation: bool) -> HttpResponse:
    act = services.follow if request.method == "POST" else services.unfollow
    act(_named(name, organisation=organisation), by=principal_of(request))
    return JsonResponse({})


def person(user: User) -> dict[str, Any]:
    """A person in a list."""
    return {
        "_id": f"{user.pk:024x}",
        "user": user.username,
        "fullname": user.get_full_name(),
        "type": "user",
        "avatarUrl": "",
        "isPro": False,
    }


def paged(request: HttpRequest, rows: QuerySet, shown: Callable[[Any], dict[str, Any]]) -> HttpResponse:
    """Rows in falling order of their number; what comes or goes meanwhile shifts nothing."""
    asked = request.GET.get("cursor", "")
    if asked.isdecimal() and len(asked) < 19:
        rows = rows.filter(pk__lt=int(asked))
    page = list(rows[: _PAGE + 1])
    response = JsonResponse([shown(row) for row in page[:_PAGE]], safe=False)
    if len(page) > _PAGE:
        link_next(request, response, cursor=page[_PAGE - 1].pk)
    return response


def _like(row: Like) -> dict[str, Any]:
    repo = {"name": row.repository.full_name, "type": row.repository.kind}
    return {"createdAt": date(row.created_at), "repo": repo}


def _followed(namespace: Namespace) -> dict[str, Any]:
    if namespace.user is not None:
        return person(namespace.user)
    return {
        "_id": f"{namespace.pk:024x}",
        "user": namespace.name,
        "name": namespace.name,
        "fullname": namespace.full_name,
        "type": "org",
        "avatarUrl": "",
    }


def _named(name: str, *, organisation: bool) -> Namespace:
    found = namespace_named(name) if "\x00" not in name else None
    if found is None or found.is_organisation != organisation:
        raise NotFound("This name does not exist.")
    return found
