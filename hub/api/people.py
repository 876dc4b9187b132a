"""Who am I, and who are they."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from accounts.enums import OAuthScope, Permission, Role, TokenScope
from accounts.models import AccessToken, Namespace, User
from accounts.principal import Principal
from accounts.rules import may_read_namespace
from accounts.selectors import namespace_named, namespaces_of, role_in
from common.errors import NotFound, Unauthenticated
from common.pagination import link_next
from hub.api.protocol import date, door, principal_of
from hub.api.social import person
from hub.selectors import repositories_visible_to, social
from hub.selectors.storage import repositories_by_change, usage_of

_PAGE = 500


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
        "email": user.email if _may_know_email(principal) else "",
        "emailVerified": False,
        "isPro": False,
        "canPay": False,
        "avatarUrl": "",
        "orgs": [_membership(user, namespace) for namespace in namespaces_of(user) if namespace.is_organisation],
    }
    token = principal.token
    if token is not None:
        answer["auth"] = {"type": "access_token", "accessToken": _access(token)}
    return JsonResponse(answer)


def _may_know_email(principal: Principal) -> bool:
    """A program of somebody else knows it only when the person agreed."""
    token = principal.token
    if token is None or token.authorisation is None:
        return token is None or not token.reference
    return OAuthScope.EMAIL in token.authorisation.scopes


def _access(token: AccessToken) -> dict[str, Any]:
    role = {TokenScope.READ: "read", TokenScope.FINE: "fineGrained"}.get(TokenScope(token.scope), "write")
    access: dict[str, Any] = {"displayName": token.name, "role": role, "createdAt": date(token.created_at)}
    if token.scope == TokenScope.FINE:
        access["fineGrained"] = _fine_grained(token)
    return access


def _fine_grained(token: AccessToken) -> dict[str, Any]:
    """What it may everywhere, and for each name or repository, in the words that clients know."""
    everywhere = [grant.permission for grant in token.held if not grant.namespace_id and not grant.repository]
    entities: dict[tuple[str, str, str], list[str]] = {}
    for grant in token.held:
        if grant.namespace is not None:
            entity = (f"{grant.namespace.pk:024x}", grant.namespace.kind, grant.namespace.name)
        elif grant.repository:
            kind, _colon, name = grant.repository.partition(":")
            entity = ("", kind, name)
        else:
            continue
        entities.setdefault(entity, []).append(grant.permission)
    return {
        "canReadGatedRepos": Permission.GATED_READ in everywhere,
        "global": everywhere,
        "scoped": [
            {"entity": {"_id": pk, "type": kind, "name": name}, "permissions": permissions}
            for (pk, kind, name), permissions in entities.items()
        ],
    }


@door("GET")
def user_overview(request: HttpRequest, name: str) -> HttpResponse:
    namespace = _named(name, organisation=False)
    user = namespace.user
    assert user is not None
    by = principal_of(request)
    facts = {
        "type": "user",
        "user": namespace.name,
        "orgs": [_card(other) for other in namespaces_of(user) if other.is_organisation],
        "numLikes": social.likes_of(user, by).count(),
        "numFollowing": social.following_of(user).count(),
        "numDiscussions": social.discussions_by(user, by).count(),
    }
    return JsonResponse(_overview(request, namespace) | facts)


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
    return JsonResponse([person(member.user) for member in members], safe=False)


@door("GET")
def own_repositories(request: HttpRequest, name: str = "") -> HttpResponse:
    """All repositories under one's own name or an organisation's, with the room they take."""
    user = principal_of(request).user
    if user is None:
        raise Unauthenticated("Invalid username or password.", hint="Send an access token.")
    namespace = namespace_named(name or user.username)
    if namespace is None or not may_read_namespace(principal_of(request), namespace):
        raise NotFound("This name does not exist.")
    rows = repositories_by_change(namespace)
    asked = request.GET.get("cursor", "")
    start = int(asked) if asked.isdecimal() and len(asked) < 9 else 0
    page = list(rows[start : start + _PAGE + 1])
    usage = usage_of(namespace.pk)
    whole = usage.public_bytes + usage.private_bytes
    listed = [
        {
            "id": row.full_name,
            "type": row.kind,
            "updatedAt": date(row.updated_at),
            "visibility": row.visibility,
            "storage": row.used_storage + row.git_size,
            "storagePercent": round(100 * (row.used_storage + row.git_size) / whole, 2) if whole else 0,
        }
        for row in page[:_PAGE]
    ]
    response = JsonResponse(listed, safe=False)
    if len(page) > _PAGE:
        link_next(request, response, cursor=start + _PAGE)
    return response


def _named(name: str, *, organisation: bool) -> Namespace:
    found = namespace_named(name)
    if found is None or found.is_organisation != organisation:
        raise NotFound("This name does not exist.")
    return found


def _overview(request: HttpRequest, namespace: Namespace) -> dict[str, Any]:
    kinds = list(
        repositories_visible_to(principal_of(request)).filter(namespace=namespace).values_list("kind", flat=True)
    )
    standing = social.standing_of(namespace, principal_of(request))
    return _card(namespace) | {
        "isPro": False,
        "isVerified": False,
        "numFollowers": standing.followers,
        "isFollowing": standing.is_followed,
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
