"""Who am I, and who are they."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from accounts.enums import Role
from accounts.models import Namespace, User
from accounts.selectors import namespace_named, namespaces_of, role_in
from common.errors import NotFound, Unauthenticated
from hub.api.protocol import date, door, principal_of
from hub.selectors import repositories_visible_to


@door("GET")
def whoami(request: HttpRequest) -> HttpResponse:
    principal = principal_of(request)
    user = principal.user
    if user is None:
        raise Unauthenticated("Invalid username or password.", hint="Send an access token.")
    answer = {
        "type": "user",
        "id": f"{user.pk:024x}",
        "name": user.username,
        "fullname": user.get_full_name(),
        "email": user.email,
        "emailVerified": False,
        "isPro": False,
        "canPay": False,
        "avatarUrl": "",
        "orgs": [_membership(user, namespace) for namespace in namespaces_of(user) if namespace.is_organisation],
    }
    token = principal.token
    if token is not None:
        role = "read" if token.scope == "read" else "write"
        access = {"displayName": token.name, "role": role, "createdAt": date(token.created_at)}
        answer["auth"] = {"type": "access_token", "accessToken": access}
    return JsonResponse(answer)


@door("GET")
def user_overview(request: HttpRequest, name: str) -> HttpResponse:
    namespace = _named(name, organisation=False)
    user = namespace.user
    assert user is not None
    organisations = [_card(other) for other in namespaces_of(user) if other.is_organisation]
    return JsonResponse(_overview(request, namespace) | {"type": "user", "user": namespace.name, "orgs": organisations})


@door("GET")
def organisation_overview(request: HttpRequest, name: str) -> HttpResponse:
    namespace = _named(name, organisation=True)
    assert namespace.organisation is not None
    facts = {"name": namespace.name, "type": "org", "numUsers": namespace.organisation.memberships.count()}
    return JsonResponse(_overview(request, namespace) | facts | {"details": namespace.organisation.details})


@door("GET")
def organisation_members(request: HttpRequest, name: str) -> HttpResponse:
    namespace = _named(name, organisation=True)
    assert namespace.organisation is not None
    members = namespace.organisation.memberships.select_related("user").order_by("user__username")
    listed = [
        {"user": member.user.username, "fullname": member.user.get_full_name(), "type": "user", "avatarUrl": "",
         "isPro": False}
        for member in members
    ]  # fmt: skip
    return JsonResponse(listed, safe=False)


def _named(name: str, *, organisation: bool) -> Namespace:
    found = namespace_named(name)
    if found is None or found.is_organisation != organisation:
        raise NotFound("This name does not exist.")
    return found


def _overview(request: HttpRequest, namespace: Namespace) -> dict[str, Any]:
    kinds = list(
        repositories_visible_to(principal_of(request)).filter(namespace=namespace).values_list("kind", flat=True)
    )
    return _card(namespace) | {
        "isPro": False,
        "isVerified": False,
        "numModels": kinds.count("model"),
        "numDatasets": kinds.count("dataset"),
        "numSpaces": kinds.count("space"),
        "createdAt": date(namespace.created_at),
    }


def _card(namespace: Namespace) -> dict[str, Any]:
    return {"name": namespace.name, "fullname": namespace.full_name, "avatarUrl": ""}


def _membership(user: User, namespace: Namespace) -> dict[str, Any]:
    role = role_in(user, namespace) or Role.READ
    return _card(namespace) | {
        "type": "org",
        "id": f"{namespace.pk:024x}",
        "isEnterprise": False,
        "roleInOrg": role.value,
    }
