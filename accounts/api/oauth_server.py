"""Our people, applications and tokens as Authlib's server wants to see them.

Authlib knows the protocol (RFC 6749, 7009, 7636, 8628, OpenID Connect); what is stored and who may
is decided by the services. Every answer of the token door is one transaction.
"""

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from authlib.consts import default_json_headers
from authlib.integrations.django_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import (
    ClientMixin,
    InvalidGrantError,
    InvalidRequestError,
    TokenMixin,
    UnauthorizedClientError,
    grants,
)
from authlib.oauth2.rfc6749.util import list_to_scope, scope_to_list
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint, DeviceCodeGrant
from authlib.oidc.core import OpenIDCode
from authlib.oidc.core.grants.util import create_half_hash
from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from accounts.api.claims import claims_of
from accounts.enums import DeviceState, OAuthScope
from accounts.models import Application, Authorisation, DeviceLogin, RefreshToken, User
from accounts.selectors import application_of, authorisation_of_token, nonce_is_used, token_digest
from accounts.services import applications, authorisations, devices, tokens
from common import signing
from common.addresses import client_address

ID_TOKEN_SECONDS = 3600
DEFAULT_SCOPES = (OAuthScope.OPENID, OAuthScope.PROFILE)
# Clients of the public Hub carry these in the address they come back to, with a different value each time.
_CARRIED = frozenset({"_target_url", "_nb_redirects"})


@dataclass(frozen=True)
class Client(ClientMixin):
    application: Application

    def get_client_id(self) -> str:
        return self.application.client_id

    def get_default_redirect_uri(self) -> str | None:
        uris = self.application.redirect_uris
        return uris[0] if len(uris) == 1 else None

    def get_allowed_scope(self, scope: str | None) -> str:
        """What was asked for and may be; without a wish the command gets all, others who you are."""
        default = self.application.scopes if self.application.owner_id is None else DEFAULT_SCOPES
        wanted = scope_to_list(scope) or default
        return list_to_scope([name for name in wanted if name in self.application.scopes])

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.application.redirect_uris or _bare(redirect_uri) in self.application.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        known = self.application.secret_digest
        return bool(known) and constant_time_compare(known, token_digest(client_secret))

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return (method == "none") == self.application.is_public

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and bool(self.application.redirect_uris)

    def check_grant_type(self, grant_type: str) -> bool:
        if grant_type == DeviceCodeGrant.GRANT_TYPE:
            return self.application.logs_in_devices
        return grant_type == "refresh_token" or bool(self.application.redirect_uris)


@dataclass(frozen=True)
class Code:
    """An authorisation seen through the code that was given for it."""

    authorisation: Authorisation
    code_challenge_method = "S256"

    @property
    def code_challenge(self) -> str:
        return self.authorisation.code_challenge

    def get_redirect_uri(self) -> str:
        return self.authorisation.redirect_uri

    def get_scope(self) -> str:
        return list_to_scope(self.authorisation.scopes)


@dataclass(frozen=True)
class Device:
    login: DeviceLogin

    @property
    def authorisation(self) -> Authorisation | None:
        return self.login.authorisation

    def get_client_id(self) -> str:
        return self.login.application.client_id

    def get_scope(self) -> str:
        return list_to_scope(self.login.scopes)

    def get_user_code(self) -> str:
        return self.login.user_code

    def is_expired(self) -> bool:
        return self.login.expires_at.timestamp() <= time.time()


@dataclass(frozen=True)
class Refresh(TokenMixin):
    token: RefreshToken

    @property
    def authorisation(self) -> Authorisation:
        return self.token.authorisation

    def check_client(self, client: Client) -> bool:
        return self.authorisation.application_id == client.application.pk

    def get_scope(self) -> str:
        return list_to_scope(self.authorisation.scopes)


class Server(AuthorizationServer):
    def query_client(self, client_id: str) -> Client | None:
        found = application_of(client_id)
        if found is None and client_id == applications.HF_COMMAND:
            found = applications.hf_command()
        return Client(found) if found is not None else None

    def generate_token(self, grant_type: str, client: Client, **facts: Any) -> dict[str, Any]:
        token = {
            "token_type": "bearer",
            "access_token": tokens.new_text("hf_oauth_"),
            "expires_in": int(authorisations.lifetime_of(client.application).total_seconds()),
            "scope": client.get_allowed_scope(facts.get("scope")),
        }
        if facts.get("include_refresh_token"):
            token["refresh_token"] = tokens.new_text("hf_oauth__refresh_")
        return token

    def save_token(self, token: dict[str, Any], request: Any) -> None:
        source = request.authorization_code or request.refresh_token or request.credential
        authorisations.keep_tokens(
            source.authorisation,
            scope_to_list(token["scope"]) or [],
            access_token=token["access_token"],
            refresh_token=token.get("refresh_token", ""),
            seconds=token["expires_in"],
        )


class CodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post", "none"]

    def save_authorization_code(self, code: str, request: Any) -> None:
        data = request.payload.data
        authorisations.approve(
            request.client.application,
            scope_to_list(request.scope) or [],
            by=request._request.principal,  # noqa: SLF001 - Authlib keeps Django's request there
            code=code,
            redirect_uri=request.payload.redirect_uri or "",
            code_challenge=data.get("code_challenge") or "",
            nonce=data.get("nonce") or "",
        )

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        found = authorisations.take_code(code, client.application)
        return Code(found) if found is not None else None

    def delete_authorization_code(self, authorization_code: Code) -> None:
        authorisations.use_code(authorization_code.authorisation)

    def authenticate_user(self, authorization_code: Code) -> User:
        return authorization_code.authorisation.user


class Proof(CodeChallenge):
    """PKCE with S256 only; public applications cannot do without."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        super().validate_code_challenge(grant, redirect_uri)
        data = grant.request.payload.data
        if data.get("code_challenge") and data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("Use 'code_challenge_method' S256.")
        if not data.get("code_challenge") and grant.request.client.application.is_public:
            raise InvalidRequestError("A public application must send a 'code_challenge'.")


class IdToken(OpenIDCode):
    """Signed with the key of this deployment, whose public half is in the JWKS."""

    def exists_nonce(self, nonce: str, request: Any) -> bool:
        return nonce_is_used(request.payload.client_id, nonce)

    def encode_id_token(self, token: dict[str, Any], request: Any) -> str:
        now = int(time.time())
        source: Code | None = request.authorization_code
        claims = claims_of(request.user, scope_to_list(token["scope"]) or []) | {
            "iss": settings.BASE_URL,
            "aud": request.client.get_client_id(),
            "iat": now,
            "exp": now + ID_TOKEN_SECONDS,
            "at_hash": create_half_hash(token["access_token"], "EdDSA").decode(),
        }
        if source is not None and source.authorisation.nonce:
            claims["nonce"] = source.authorisation.nonce
        return signing.sign(claims)


class RefreshGrant(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post", "none"]
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Refresh | None:
        found = authorisations.take_refresh_token(refresh_token)
        return Refresh(found) if found is not None else None

    def authenticate_user(self, refresh_token: Refresh) -> User:
        return refresh_token.authorisation.user

    def revoke_old_credential(self, refresh_token: Refresh) -> None:
        authorisations.use_refresh_token(refresh_token.token)


class DeviceGrant(DeviceCodeGrant):
    def query_device_credential(self, device_code: str) -> Device | None:
        found = devices.take(device_code)
        if found is not None and found.state == DeviceState.USED:
            raise InvalidGrantError("This device code was used already.")
        return Device(found) if found is not None else None

    def query_user_grant(self, user_code: str) -> tuple[User | None, bool] | None:
        found = devices.take(self.request.payload.data["device_code"])
        if found is None or found.state == DeviceState.WAITING:
            return None
        if found.authorisation is None or found.authorisation.ended_at is not None:
            return None, False
        return found.authorisation.user, found.authorisation.user.is_active

    def should_slow_down(self, credential: Device) -> bool:
        return devices.polls_too_fast(credential.login)

    def save_token(self, token: dict[str, Any]) -> None:
        super().save_token(token)
        devices.use(self.request.credential.login)


class DeviceEndpoint(DeviceAuthorizationEndpoint):
    EXPIRES_IN = int(devices.LIFETIME.total_seconds())
    INTERVAL = int(devices.INTERVAL.total_seconds())

    def get_verification_uri(self) -> str:
        return f"{settings.BASE_URL}/device"

    def create_endpoint_response(self, request: Any) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        client = self.authenticate_client(request)
        if not client.application.logs_in_devices:
            raise UnauthorizedClientError("This application does not log in devices.")
        self.server.validate_requested_scope(request.payload.scope)
        scopes = scope_to_list(client.get_allowed_scope(request.payload.scope)) or []
        device_code, user_code = self.generate_device_code(), self.generate_user_code()
        asked = request._request  # noqa: SLF001 - Authlib keeps Django's request there
        devices.start(
            client.application,
            scopes,
            device_code=device_code,
            user_code=user_code,
            address=client_address(asked),
            agent=asked.headers.get("User-Agent", ""),
        )
        address = self.get_verification_uri()
        answer = {
            "device_code": device_code,
            "user_code": user_code,
            "verification_uri": address,
            "verification_uri_complete": f"{address}?user_code={user_code}",
            "expires_in": self.EXPIRES_IN,
            "interval": self.INTERVAL,
        }
        return 200, answer, default_json_headers


class Revocation(RevocationEndpoint):
    CLIENT_AUTH_METHODS = ["client_secret_basic", "client_secret_post", "none"]

    def query_token(self, token_string: str, token_type_hint: str | None) -> Refresh | None:
        found = authorisation_of_token(token_string)
        return Refresh(RefreshToken(authorisation=found)) if found is not None else None

    def revoke_token(self, token: Refresh, request: HttpRequest) -> None:
        authorisations.end(token.authorisation, reason="revoked by the application")


def _bare(redirect_uri: str) -> str:
    """The address without what clients carry in it."""
    parts = urlsplit(redirect_uri)
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in _CARRIED]
    return urlunsplit(parts._replace(query=urlencode(kept)))


server = Server(None, None)
server.scopes_supported = OAuthScope.values
server.register_grant(CodeGrant, [Proof(required=True), IdToken()])
server.register_grant(RefreshGrant, [])
server.register_grant(DeviceGrant)
server.register_endpoint(DeviceEndpoint)
server.register_endpoint(Revocation)
