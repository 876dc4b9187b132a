"""Applications and what people let them do, through the services and doors themselves."""

import base64
import hashlib
from urllib.parse import parse_qs, urlencode, urlsplit

from accounts.models import Application, User
from accounts.principal import Principal
from accounts.services import applications

BACK = "https://app.example.org/back"
VERIFIER = "v" * 50
SCOPES = ("openid", "profile", "email", "read-repos", "write-repos")


def application(owner: User, *, is_public: bool = False, scopes=SCOPES, **facts) -> tuple[Application, str]:
    """An application and its secret."""
    defaults = {"name": "Reader", "redirect_uris": [BACK], "by": Principal(user=owner)}
    return applications.register(owner.namespace, is_public=is_public, scopes=scopes, **(defaults | facts))


def challenge(verifier: str = VERIFIER) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def consent_address(app: Application, *, scope: str = "openid profile", proof: bool = True, **more: str) -> str:
    asked = {"response_type": "code", "client_id": app.client_id, "redirect_uri": BACK, "scope": scope, "state": "s1"}
    if proof:
        asked |= {"code_challenge": challenge(), "code_challenge_method": "S256"}
    asked |= more
    return "/oauth/authorize?" + urlencode({name: value for name, value in asked.items() if value})


def approved_code(client, app: Application, **asked: str) -> str:
    """The logged-in person of this test client says yes."""
    answer = client.post(consent_address(app, **asked), {"decision": "approve"})
    assert answer.status_code == 302, answer.content
    return answered(answer)["code"]


def answered(response) -> dict[str, str]:
    """What an answer carries back to the application."""
    return {name: values[0] for name, values in parse_qs(urlsplit(response["Location"]).query).items()}


def redeem(client, app: Application, secret: str, code: str, **more: str):
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "client_id": app.client_id}
    fields |= {"code_verifier": VERIFIER} | ({"client_secret": secret} if secret else {}) | more
    return client.post("/oauth/token", {name: value for name, value in fields.items() if value})


def renew(client, app: Application, secret: str, refresh_token: str):
    fields = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": app.client_id}
    return client.post("/oauth/token", fields | ({"client_secret": secret} if secret else {}))
