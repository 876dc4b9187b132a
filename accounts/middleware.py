"""Finds out who is asking: a Bearer token, a git password, or a browser session."""

import base64
import binascii
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, JsonResponse

from accounts.enums import TokenScope
from accounts.models import AccessToken
from accounts.principal import ANONYMOUS, Principal
from accounts.selectors import principal_of_token

Handler = Callable[[HttpRequest], HttpResponse]


def tokens_need_no_csrf(get_response: Handler) -> Handler:
    """CSRF protects browser sessions. A request that carries its own credential, or an API
    request without a session, has no ambient authority to abuse."""

    def handle(request: HttpRequest) -> HttpResponse:
        has_session = settings.SESSION_COOKIE_NAME in request.COOKIES
        if given_token(request) is not None or (not has_session and request.path_info.startswith("/api/")):
            request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]  # noqa: SLF001 - Django's own switch
        return get_response(request)

    return handle


def principal(get_response: Handler) -> Handler:
    """Sets request.principal. A token that does not work is refused at once, never ignored."""

    def handle(request: HttpRequest) -> HttpResponse:
        token = given_token(request)
        if token is None:
            user = request.user
            request.principal = Principal(user=user) if user.is_authenticated else ANONYMOUS  # type: ignore[attr-defined]
            return get_response(request)
        found = principal_of_token(token) if token.startswith("hf_") else ANONYMOUS
        if found.is_anonymous and not (_other_kind_of_token(request) or _refuses_in_its_own_form(request)):
            return _invalid_credentials()
        request.principal = found  # type: ignore[attr-defined]
        if found.user is not None:
            request.user = found.user if _is_known_to_pages(request, found) else AnonymousUser()
        response = get_response(request)
        if found.token is not None and found.token.ends_soon:
            # Clients print it, once per topic.
            response["X-HF-Warning"] = f"token; {_ending(found.token)}"
        return response

    return handle


def given_token(request: HttpRequest) -> str | None:
    """The token in `Authorization: Bearer …`, or the password of `Basic` as git sends it."""
    kind, _space, value = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() == "basic":
        try:
            return base64.b64decode(value).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return None


def _ending(token: AccessToken) -> str:
    return f"This access token ends on {token.expires_at:%Y-%m-%d at %H:%M} UTC. Make a new one at /settings/tokens."


def _is_known_to_pages(request: HttpRequest, found: Principal) -> bool:
    """Pages that ask only who is logged in would give a job, or a token of chosen permissions, all that
    its person may, and the admin asks for nothing but a staff account: none is made for these tokens."""
    is_small = found.token is not None and found.token.scope in {TokenScope.JOB, TokenScope.FINE, TokenScope.BULK}
    return not is_small and not request.path_info.startswith("/admin/")


def _other_kind_of_token(request: HttpRequest) -> bool:
    """The Xet door checks its own short-lived tokens, the OAuth doors check secrets of applications."""
    return request.path_info.startswith(("/cas/", "/oauth/token", "/oauth/device", "/oauth/revoke"))


def _refuses_in_its_own_form(request: HttpRequest) -> bool:
    """Doors in the shapes of other APIs, which take no anonymous request."""
    return request.path_info.startswith(("/v1/", "/v2beta/"))


def _invalid_credentials() -> HttpResponse:
    message = "Invalid credentials in Authorization header"
    body = {"error": message, "hint": "The token is unknown, expired or revoked. Make a new one at /settings/tokens."}
    response = JsonResponse(body, status=401)
    response["X-Error-Message"] = message
    response["WWW-Authenticate"] = 'Basic realm="Wellspring", charset="UTF-8"'
    return response
