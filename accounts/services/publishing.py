"""A build shows its identity and is given a short-lived token for one repository (RFC 8693)."""

import hashlib
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from accounts.enums import Permission, TokenScope
from accounts.models import TrustedPublisher, UsedAssertion
from accounts.services import tokens
from common.errors import Invalid
from common.fetching import FetchFailed, fetch_json
from common.services import audit

LIFETIME = timedelta(hours=1)
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
# What an issuer signs for a build lasts minutes; nothing that lasts longer is taken.
LONGEST = timedelta(hours=24)
LEEWAY = timedelta(seconds=30)
_KEYS_FOR = 3600
_RETRY_AFTER = 60
_KINDS = {"datasets": "dataset", "spaces": "space", "kernels": "kernel", "models": "model"}


def exchange(assertion: str, resource: str) -> tuple[str, int]:
    """A token that may write to the repository, and its seconds.

    Raises Invalid with the code of RFC 6749: invalid_target for a resource that is no repository,
    invalid_grant for all else. What exists and what does not is not told.
    """
    repository = reference_of(resource)
    publishers = list(TrustedPublisher.objects.select_related("created_by").filter(repository__iexact=repository))
    issuer = _unverified_issuer(assertion)
    publishers = [publisher for publisher in publishers if publisher.issuer == issuer]
    if not publishers:
        raise _refused("No publisher of this issuer is trusted by that repository.")
    claims = _verified(assertion, issuer, audiences=sorted({publisher.audience for publisher in publishers}))
    found = next((publisher for publisher in publishers if _matches(publisher, claims)), None)
    if found is None or not found.created_by.is_active:
        raise _refused("The claims of this identity are not those of a trusted publisher.")
    return _issue(found, assertion, claims)


def reference_of(resource: str) -> str:
    """What clients call `datasets/ada/words` is "dataset:ada/words" here. Raises Invalid."""
    parts = resource.strip("/").split("/")
    kind = "model"
    if len(parts) == 3 and parts[0] in _KINDS:
        kind, parts = _KINDS[parts[0]], parts[1:]
    if len(parts) != 2:
        raise Invalid("Name a repository: namespace/name, datasets/namespace/name, …", code="invalid_target")
    try:
        return tokens.checked_references([f"{kind}:{'/'.join(parts)}"])[0]
    except Invalid as error:
        raise Invalid(str(error.message), code="invalid_target") from error


@transaction.atomic
def _issue(publisher: TrustedPublisher, assertion: str, claims: dict[str, Any]) -> tuple[str, int]:
    now = timezone.now()
    ends = datetime.fromtimestamp(claims["exp"], tz=UTC) + LEEWAY
    UsedAssertion.objects.filter(expires_at__lt=now).delete()
    _row, is_new = UsedAssertion.objects.get_or_create(
        digest=_digest(publisher.issuer, assertion, claims), defaults={"expires_at": ends}
    )
    if not is_new:
        raise _refused("This identity was used already; ask the build service for a new one.")
    text = tokens.issue(
        publisher.created_by,
        name=f"trusted publisher {publisher.issuer.partition('//')[2]}",
        scope=TokenScope.FINE,
        expires_at=now + LIFETIME,
        reach=tokens.Reach([Permission.REPO_READ, Permission.REPO_WRITE], repositories=[publisher.repository]),
        reference=f"publisher:{publisher.pk}",
        text=tokens.new_text("hf_oidc_"),
    )
    TrustedPublisher.objects.filter(pk=publisher.pk).update(last_used_at=now)
    audit.record(
        "publisher.published", publisher.repository, actor=publisher.created_by, sub=str(claims.get("sub", ""))[:200]
    )
    return text, int(LIFETIME.total_seconds())


def _digest(issuer: str, assertion: str, claims: dict[str, Any]) -> str:
    """By its id where it has one: signatures of one statement can be spelled differently."""
    unique = f"{issuer} {claims['jti']}" if claims.get("jti") else ".".join(assertion.split(".")[:2])
    return hashlib.sha256(unique.encode()).hexdigest()


def _matches(publisher: TrustedPublisher, claims: dict[str, Any]) -> bool:
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    return publisher.audience in audience and all(
        name in claims and str(claims[name]) == value for name, value in publisher.claims.items()
    )


def _unverified_issuer(assertion: str) -> str:
    try:
        claims = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.InvalidTokenError as error:
        raise _refused("The subject token is not a signed identity.") from error
    issuer = claims.get("iss")
    return issuer.rstrip("/") if isinstance(issuer, str) else ""


def _verified(assertion: str, issuer: str, *, audiences: list[str]) -> dict[str, Any]:
    try:
        header = jwt.get_unverified_header(assertion)
        claims = jwt.decode(
            assertion,
            _key(issuer, str(header.get("kid", ""))),
            algorithms=ALGORITHMS,
            audience=audiences,
            issuer=[issuer, f"{issuer}/"],
            leeway=LEEWAY,
            options={"require": ["iss", "aud", "exp", "iat"]},
        )
    except (jwt.InvalidTokenError, jwt.PyJWKError, FetchFailed) as error:
        raise _refused(f"The identity was not accepted: {error}") from error
    if claims["exp"] - time.time() > LONGEST.total_seconds():
        raise _refused("The identity lasts too long.")
    return claims


def _key(issuer: str, key_id: str) -> jwt.PyJWK:
    """The issuer's key of this id; unknown ones are looked up again, at most once a minute."""
    found = _keys(issuer, key_id)
    if found is None:
        raise jwt.PyJWKError("its key is not one of the issuer's")
    return found


def _keys(issuer: str, key_id: str) -> jwt.PyJWK | None:
    name = f"issuer-keys:{hashlib.sha256(issuer.encode()).hexdigest()}"
    document = cache.get(name)
    found = _pick(document, key_id) if document else None
    if found is None and cache.add(f"{name}:asked", True, _RETRY_AFTER if document else 1):
        document = _fetch_keys(issuer)
        cache.set(name, document, _KEYS_FOR)
        found = _pick(document, key_id)
    return found


def _fetch_keys(issuer: str) -> dict[str, Any]:
    about = fetch_json(f"{issuer}/.well-known/openid-configuration")
    if str(about.get("issuer", "")).rstrip("/") != issuer or not isinstance(about.get("jwks_uri"), str):
        raise FetchFailed("The issuer does not describe itself.")
    return fetch_json(about["jwks_uri"])


def _pick(document: dict[str, Any], key_id: str) -> jwt.PyJWK | None:
    keys = [key for key in document.get("keys", []) if isinstance(key, dict) and key.get("kty") in {"RSA", "EC", "OKP"}]
    matching = [key for key in keys if key.get("kid") == key_id] if key_id else keys if len(keys) == 1 else []
    return jwt.PyJWK(matching[0]) if matching else None


def _refused(message: str) -> Invalid:
    return Invalid(message, code="invalid_grant")
