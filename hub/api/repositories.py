"""Creating, deleting, moving repositories (hub-api.md, life-cycle)."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from accounts.models import Namespace
from accounts.selectors import namespace_named
from common.errors import Forbidden, Invalid, Unauthenticated
from hub.api import buckets
from hub.api.protocol import absolute, door, error_response, json_body, principal_of, repository, text_of
from hub.enums import GateMode, RepositoryKind, Visibility
from hub.errors import RepositoryMoved, RepositoryNotFound
from hub.models import Repository
from hub.selectors import repository_for
from hub.services import duplicates, repositories

_SETTINGS = {"visibility", "private", "gated", "discussionsDisabled"}


@door("POST")
def create(request: HttpRequest) -> HttpResponse:
    body = json_body(request)
    namespace, name = _owner_and_name(request, body)
    kind = _kind(body)
    try:
        made = repositories.create_repository(
            namespace,
            name,
            kind=kind,
            by=principal_of(request),
            visibility=_visibility(body),
            sdk=text_of(body, "sdk", default="static"),
        )
    except repositories.RepositoryExists as refusal:
        refusal.context["url"] = absolute(request, refusal.repository.get_absolute_url())
        return error_response(refusal)
    return JsonResponse(_created(request, made))


@door("DELETE")
def delete(request: HttpRequest) -> HttpResponse:
    body = json_body(request)
    namespace, name = _owner_and_name(request, body, missing=RepositoryNotFound())
    by = principal_of(request)
    found = repository_for(by, _kind(body), f"{namespace.name}/{name}", even_disabled=True)
    repositories.delete(found, by=by)
    return JsonResponse({})


@door("POST")
def move(request: HttpRequest) -> HttpResponse:
    body = json_body(request)
    if body.get("type") == "bucket":
        return buckets.move(request, text_of(body, "fromRepo"), text_of(body, "toRepo"))
    try:
        found = repository_for(principal_of(request), _kind(body), text_of(body, "fromRepo"))
    except RepositoryMoved as moved:
        found = moved.repository
    owner, _, name = text_of(body, "toRepo").partition("/")
    namespace = namespace_named(owner)
    if namespace is None:
        raise Invalid(f"There is nobody called {owner}.")
    moved_to = repositories.move(found, namespace, name, by=principal_of(request))
    return JsonResponse(_created(request, moved_to))


@door("PUT")
def settings(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str) -> HttpResponse:
    found = repository(request, kind, namespace, name)
    body = json_body(request)
    _refuse_unknown(body, _SETTINGS)
    found = repositories.update_settings(
        found,
        by=principal_of(request),
        visibility=_visibility(body),
        gated=_gated(body),
        has_discussions=_has_discussions(body),
    )
    return JsonResponse(
        {
            "private": found.is_private,
            "visibility": found.visibility,
            "gated": GateMode(found.gated).on_the_wire,
            "discussionsDisabled": not found.has_discussions,
        }
    )


@door("POST")
def duplicate(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str) -> HttpResponse:
    """A copy with its whole history, at once."""
    source = repository(request, kind, namespace, name)
    body = json_body(request)
    _refuse_unknown(body, {"repository", "visibility", "private"})
    if principal_of(request).is_anonymous:
        raise Unauthenticated("Log in first.", hint="Send an access token with write scope.")
    owner, slash, new_name = text_of(body, "repository").partition("/")
    into = namespace_named(owner) if slash else None
    if into is None:
        raise Invalid(f"There is nobody called {owner}.", hint="Name the copy as owner/name.")
    try:
        made = duplicates.duplicate(source, into, new_name, by=principal_of(request), visibility=_visibility(body))
    except repositories.RepositoryExists as refusal:
        refusal.context["url"] = absolute(request, refusal.repository.get_absolute_url())
        return error_response(refusal)
    return JsonResponse(_created(request, made) | {"filesCopyPending": False})


def _refuse_unknown(body: dict[str, Any], known: set[str]) -> None:
    """What is accepted has an effect: names that mean nothing here are refused."""
    given = {name for name, value in body.items() if value is not None}
    unknown = sorted(given - known)
    if unknown or not given:
        what = f"This site has no {', '.join(unknown)}." if unknown else "Nothing was asked for."
        raise Invalid(what, hint=f"What can be given: {', '.join(sorted(known))}.")


def _gated(body: dict[str, Any]) -> GateMode | None:
    given = body.get("gated")
    if given is None:
        return None
    if given is False:
        return GateMode.OPEN
    if given not in (GateMode.AUTO, GateMode.MANUAL):
        raise Invalid('`gated` must be "auto", "manual" or false.')
    return GateMode(given)


def _has_discussions(body: dict[str, Any]) -> bool | None:
    given = body.get("discussionsDisabled")
    if given is not None and not isinstance(given, bool):
        raise Invalid("`discussionsDisabled` must be true or false.")
    return None if given is None else not given


def _owner_and_name(
    request: HttpRequest, body: dict[str, Any], *, missing: RepositoryNotFound | None = None
) -> tuple[Namespace, str]:
    user = principal_of(request).user
    if user is None:
        raise Unauthenticated("Log in first.", hint="Send an access token with write scope.")
    name = text_of(body, "name")
    owner, slash, rest = name.partition("/")
    if slash:
        name = rest
    wanted = body.get("organization") or (owner if slash else user.username)
    namespace = namespace_named(wanted) if isinstance(wanted, str) else None
    if namespace is None:
        raise missing or Forbidden(f"There is nobody called {wanted}.", hint="Use your own name or an organisation's.")
    return namespace, name


def _kind(body: dict[str, Any]) -> RepositoryKind:
    kind = body.get("type") or "model"
    if kind not in RepositoryKind.values:
        raise Invalid(f"The type must be one of {', '.join(RepositoryKind.values)}.")
    return RepositoryKind(kind)


def _visibility(body: dict[str, Any]) -> Visibility | None:
    """`visibility`, or the older `private`."""
    if body.get("visibility") is not None:
        if body["visibility"] not in Visibility.values:
            raise Invalid("The visibility must be public or private.")
        return Visibility(body["visibility"])
    if body.get("private") is not None:
        return Visibility.PRIVATE if body["private"] else Visibility.PUBLIC
    return None


def _created(request: HttpRequest, made: Repository) -> dict[str, Any]:
    url = absolute(request, made.get_absolute_url())
    return {"url": url, "name": made.full_name, "id": f"{made.pk:024x}", "private": made.is_private}
