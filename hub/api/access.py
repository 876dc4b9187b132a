"""Requests for access to gated repositories (hub-api.md, gated repositories)."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from accounts.models import User
from accounts.selectors import namespace_named
from common.errors import Forbidden, Invalid, NotFound
from common.pagination import link_next
from hub import rules
from hub.api.protocol import date, door, json_body, principal_of, repository, text_of
from hub.enums import AccessState, RepositoryKind
from hub.models import AccessRequest, Repository
from hub.selectors import access as selectors
from hub.services import access as services

_PAGE = 500
# What the protocol calls them: an appeal waits for somebody like any other request.
_STATES = {
    "pending": (AccessState.PENDING, AccessState.APPEALED),
    "accepted": (AccessState.ACCEPTED,),
    "rejected": (AccessState.REJECTED,),
}


@door("GET")
def listing(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str, status: str) -> HttpResponse:
    found = repository(request, kind, namespace, name)
    _require_decider(request, found)
    if status not in _STATES:
        raise NotFound(f"There is no such list; use {', '.join(_STATES)}.")
    given = request.GET.get("cursor", "")
    after = int(given) if given.isdecimal() and len(given) < 18 else 0
    page = list(selectors.requests_for(found, _STATES[status]).filter(pk__gt=after)[: _PAGE + 1])
    response = JsonResponse([_one(row, status) for row in page[:_PAGE]], safe=False)
    if len(page) > _PAGE:
        link_next(request, response, cursor=page[_PAGE - 1].pk)
    return response


@door("POST")
def handle(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str) -> HttpResponse:
    """Accept, reject with a reason, or let it wait again."""
    found = repository(request, kind, namespace, name)
    _require_decider(request, found)
    body = json_body(request)
    row, by = _named(found, body), principal_of(request)
    match text_of(body, "status"):
        case "accepted":
            row = services.accept(row, by=by)
        case "rejected":
            row = services.reject(row, by=by, reason=text_of(body, "rejectionReason", default=""))
        case "pending":
            row = services.put_back(row, by=by)
        case other:
            raise Invalid(f"The status must be {', '.join(_STATES)}, not {other!r}.")
    return JsonResponse(_one(row, row.state))


@door("POST")
def grant(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str) -> HttpResponse:
    found = repository(request, kind, namespace, name)
    _require_decider(request, found)
    row = services.grant(found, _person(text_of(json_body(request), "user")), by=principal_of(request))
    return JsonResponse(_one(row, row.state))


def _require_decider(request: HttpRequest, found: Repository) -> None:
    if not rules.may_decide(principal_of(request), found, selectors.gate_of(found)):
        raise Forbidden(
            "You may not decide who gets access to this repository.",
            hint="Ask an administrator of its owner, or send a token with write access.",
        )
    if not found.is_gated:
        raise Invalid("This repository is not gated.", hint="Its contents are open to whoever sees it.")


def _named(found: Repository, body: dict[str, Any]) -> AccessRequest:
    """By `user` or by `requestId`. Raises NotFound."""
    if body.get("requestId") is not None:
        given = text_of(body, "requestId").lower()
        valid = len(given) <= 24 and not set(given) - set("0123456789abcdef")
        return selectors.request_numbered(found, int(given, 16) if valid else 0)
    row = selectors.request_of(_person(text_of(body, "user")), found)
    if row is None:
        raise NotFound("This person never asked for access.", hint="Grant it to them.")
    return row


def _person(name: str) -> User:
    namespace = namespace_named(name)
    if namespace is None or namespace.user is None:
        raise NotFound(f"There is nobody called {name}.", hint="Check the user name.")
    return namespace.user


def _one(row: AccessRequest, status: str) -> dict[str, Any]:
    """The address goes to whom the person asked, and to nobody who let them in unasked."""
    user = {"user": row.user.username, "fullname": row.user.get_full_name(), "type": "user"}
    if row.asked_at is not None:
        user["email"] = row.user.email
    answer: dict[str, Any] = {
        "requestId": f"{row.pk:024x}",
        "status": status,
        "timestamp": date(row.asked_at or row.created_at),
        "user": user,
    }
    if row.answers:
        answer["fields"] = row.answers
    if row.reason and row.state == AccessState.REJECTED:
        answer["rejectionReason"] = row.reason
    return answer
