"""The doors of the OAuth and OpenID Connect provider."""

import json
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.api.claims import claims_of
from accounts.api.oauth_server import server
from accounts.enums import OAuthScope
from accounts.services import publishing
from common.errors import Invalid, Refusal

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - the name of a grant
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 - the name of a kind
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - the name of a kind
_LONGEST_BODY = 64 * 1024


@require_safe
def configuration(request: HttpRequest) -> HttpResponse:
    """Where everything is, for programs (OpenID Connect Discovery, RFC 8414)."""
    base = settings.BASE_URL
    about = {
        "issuer": base,
        "authorization_endpoint": f"{base}/oauth/authorize",
        "token_endpoint": f"{base}/oauth/token",
        "userinfo_endpoint": f"{base}/oauth/userinfo",
        "revocation_endpoint": f"{base}/oauth/revoke",
        "device_authorization_endpoint": f"{base}/oauth/device",
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "scopes_supported": OAuthScope.values,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [
            "authorization_code",
            "refresh_token",
            "urn:ietf:params:oauth:grant-type:device_code",
            TOKEN_EXCHANGE,
        ],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "claims_supported": ["sub", "name", "preferred_username", "profile", "picture", "email", "orgs"],
    }
    return _open(JsonResponse(about))


@csrf_exempt
@require_http_methods(["POST", "OPTIONS"])
def token(request: HttpRequest) -> HttpResponse:
    """Codes, refresh tokens, device codes and identities of builds become access tokens."""
    if request.method == "OPTIONS":
        return _open(HttpResponse(status=204))
    body = _json(request)
    fields = body if body is not None else request.POST.dict()
    if fields.get("grant_type") == TOKEN_EXCHANGE:
        return _open(_exchange(fields))
    if body is not None:
        return _open(_error("invalid_request", "Send a form, not JSON."))
    with transaction.atomic():
        return _open(server.create_token_response(request))


@csrf_exempt
@require_POST
def device(request: HttpRequest) -> HttpResponse:
    """A device asks for a code to show to its person."""
    return server.create_endpoint_response("device_authorization", request)


@csrf_exempt
@require_POST
def revoke(request: HttpRequest) -> HttpResponse:
    """An application gives back what it was given."""
    return server.create_endpoint_response("revocation", request)


@csrf_exempt
@require_http_methods(["GET", "POST", "OPTIONS"])
def userinfo(request: HttpRequest) -> HttpResponse:
    """Who an application's token stands for."""
    if request.method == "OPTIONS":
        return _open(HttpResponse(status=204))
    credential = request.principal.token  # type: ignore[attr-defined]
    if credential is None or credential.authorisation is None:
        response = _error("invalid_token", "Send the access token of an application.", status=401)
        response["WWW-Authenticate"] = 'Bearer realm="Wellspring", error="invalid_token"'
        return _open(response)
    if OAuthScope.OPENID not in credential.authorisation.scopes:
        return _open(_error("insufficient_scope", "The person did not agree to the scope openid.", status=403))
    return _open(JsonResponse(claims_of(credential.user, credential.authorisation.scopes)))


def _exchange(fields: dict[str, Any]) -> HttpResponse:
    if fields.get("subject_token_type") != ID_TOKEN:
        return _error("invalid_request", f"subject_token_type must be {ID_TOKEN}.")
    assertion, resource = fields.get("subject_token"), fields.get("resource")
    if not isinstance(assertion, str) or not isinstance(resource, str):
        return _error("invalid_request", "Send subject_token and resource.")
    try:
        text, seconds = publishing.exchange(assertion, resource)
    except Refusal as refusal:
        return _error(refusal.code, str(refusal.message), status=refusal.status)
    answer = {
        "access_token": text,
        "issued_token_type": ACCESS_TOKEN,
        "token_type": "bearer",
        "expires_in": seconds,
    }
    return JsonResponse(answer, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


def _json(request: HttpRequest) -> dict[str, Any] | None:
    """The JSON object of the body; None when it is a form. Raises Invalid."""
    if request.content_type != "application/json":
        return None
    try:
        value = json.loads(request.body) if len(request.body) <= _LONGEST_BODY else None
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Invalid("The body must be a JSON object.")
    return value


def _error(code: str, description: str, *, status: int = 400) -> HttpResponse:
    body = {"error": code, "error_description": description}
    return JsonResponse(body, status=status, headers={"Cache-Control": "no-store"})


def _open(response: HttpResponse) -> HttpResponse:
    """For programs that run in a browser: nothing here depends on a cookie."""
    response["Access-Control-Allow-Origin"] = "*"
    response["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
    return response
