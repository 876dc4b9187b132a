"""Buckets by name: created, read, listed, moved, deleted (hub-api.md, Buckets)."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from accounts.models import Namespace
from accounts.selectors import namespace_named
from common.errors import Forbidden, Invalid, NotFound, Unauthenticated
from common.pagination import link_next, page_of
from hub.api.protocol import absolute, date, door, error_response, json_body, principal_of
from hub.enums import Visibility
from hub.errors import RepositoryNotFound
from hub.models import Bucket
from hub.selectors.buckets import bucket_for, buckets_of
from hub.services import buckets

_PAGE = 100


@door("GET", "POST", "DELETE")
def bucket(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    if request.method == "POST":
        return _create(request, namespace, name)
    found = find(request, namespace, name)
    if request.method == "DELETE":
        buckets.delete(found, by=principal_of(request))
        return JsonResponse({})
    return JsonResponse(representation(found))


@door("GET", "DELETE")
def listing(request: HttpRequest, namespace: str) -> HttpResponse:
    """The buckets under a name, as far as the person sees them."""
    if request.method == "DELETE":
        raise RepositoryNotFound
    owner = _namespace(request, namespace)
    if owner is None:
        raise NotFound(f"There is nobody called {namespace}.")
    rows = buckets_of(owner, principal_of(request), search=request.GET.get("search", ""))
    page = page_of(request, rows, size=_PAGE)
    response = JsonResponse([representation(row) for row in page], safe=False)
    if page.has_next():
        link_next(request, response, p=page.number)
    return response


@door("PUT")
def settings(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    found = find(request, namespace, name)
    visibility = _visibility(json_body(request))
    if visibility is not None:
        found = buckets.update_settings(found, by=principal_of(request), visibility=visibility)
    return JsonResponse({"private": found.is_private, "visibility": found.visibility})


def find(request: HttpRequest, namespace: str, name: str) -> Bucket:
    """Raises RepositoryNotFound."""
    owner = _owner(request, namespace)
    return bucket_for(principal_of(request), f"{owner}/{name}")


def move(request: HttpRequest, source: str, target: str) -> HttpResponse:
    """The half of /api/repos/move that is about buckets."""
    found = bucket_for(principal_of(request), source)
    owner, _, name = target.partition("/")
    namespace = namespace_named(owner)
    if namespace is None:
        raise Invalid(f"There is nobody called {owner}.")
    moved = buckets.move(found, namespace, name, by=principal_of(request))
    return JsonResponse(_created(request, moved))


def representation(found: Bucket) -> dict[str, Any]:
    return {
        "id": found.full_name,
        "private": found.is_private,
        "visibility": found.visibility,
        "createdAt": date(found.created_at),
        "updatedAt": date(found.updated_at),
        "size": found.size,
        "totalFiles": found.total_files,
    }


def _create(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    if principal_of(request).is_anonymous:
        raise Unauthenticated("Log in first.", hint="Send an access token with write scope.")
    body = json_body(request)
    if body.get("region") or body.get("resourceGroupId"):
        raise Invalid("This site has neither regions nor resource groups.", hint="Leave them out.")
    owner = _namespace(request, namespace)
    if owner is None:
        raise Forbidden(f"There is nobody called {namespace}.", hint="Use your own name or an organisation's.")
    try:
        made = buckets.create(owner, name, by=principal_of(request), visibility=_visibility(body))
    except buckets.BucketExists as refusal:
        refusal.context["url"] = absolute(request, refusal.bucket.get_absolute_url())
        return error_response(refusal)
    return JsonResponse(_created(request, made))


def _created(request: HttpRequest, made: Bucket) -> dict[str, Any]:
    return {"url": absolute(request, made.get_absolute_url())} | representation(made)


def _namespace(request: HttpRequest, name: str) -> Namespace | None:
    return namespace_named(_owner(request, name))


def _owner(request: HttpRequest, name: str) -> str:
    """`me` is who asks."""
    if name != "me":
        return name
    user = principal_of(request).user
    if user is None:
        raise Unauthenticated("Log in first.", hint="Send an access token.")
    return user.username


def _visibility(body: dict[str, Any]) -> Visibility | None:
    """`visibility`, or `private`."""
    if body.get("visibility") is not None:
        if body["visibility"] not in Visibility.values:
            raise Invalid("The visibility must be public or private.")
        return Visibility(body["visibility"])
    if body.get("private") is None:
        return None
    if not isinstance(body["private"], bool):
        raise Invalid("`private` must be true or false.")
    return Visibility.PRIVATE if body["private"] else Visibility.PUBLIC
