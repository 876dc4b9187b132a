"""Trusted publishers: who may publish without a secret, kept beside the repository they may write to."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.enums import Permission
from accounts.models import Namespace, TrustedPublisher
from accounts.principal import Principal
from accounts.rules import may_administer_namespace
from common.errors import Conflict, Forbidden, Invalid
from common.services import audit

MAX_PUBLISHERS = 20
# A build service signs for all its customers: at least one claim must say whose build it is.
IDENTIFYING = frozenset({"sub", "repository", "repository_id", "project_path", "project_id"})
RESERVED = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti"})


@transaction.atomic
def trust(
    repository: str,
    namespace: Namespace,
    *,
    issuer: str,
    claims: Mapping[str, str],
    by: Principal,
    audience: str = "",
) -> TrustedPublisher:
    """Let whoever shows these claims write to the repository. Raises Forbidden, Invalid, Conflict.

    The caller has found the repository of this reference under this name.
    """
    _require_administrator(repository, namespace, by)
    issuer = _checked_issuer(issuer)
    audience = audience.strip() or settings.BASE_URL
    known = TrustedPublisher.objects.filter(repository__iexact=repository)
    if known.count() >= MAX_PUBLISHERS:
        raise Invalid(_("A repository has up to %(most)s trusted publishers.") % {"most": MAX_PUBLISHERS})
    claims = _checked_claims(claims)
    assert by.user is not None
    if known.filter(issuer=issuer, audience=audience, claims=claims).exists():
        raise Conflict(_("This publisher is trusted already."))
    made = TrustedPublisher.objects.create(
        repository=repository,
        namespace=namespace,
        issuer=issuer,
        audience=audience,
        claims=claims,
        created_by=by.user,
    )
    audit.record("publisher.trusted", repository, actor=by, issuer=issuer, claims=claims)
    return made


@transaction.atomic
def distrust(publisher: TrustedPublisher, *, by: Principal) -> None:
    """It publishes no more; tokens it was given already end within the hour. Raises Forbidden."""
    _require_administrator(publisher.repository, publisher.namespace, by)
    audit.record("publisher.distrusted", publisher.repository, actor=by, issuer=publisher.issuer)
    publisher.delete()


def _require_administrator(repository: str, namespace: Namespace, by: Principal) -> None:
    reaches = may_administer_namespace(by, namespace, Permission.REPO_MANAGE, repository=repository)
    if not reaches or by.token is not None:
        raise Forbidden(_("Trusted publishers are managed in the browser, by administrators of the owner."))


def _checked_issuer(issuer: str) -> str:
    issuer = issuer.strip().rstrip("/")
    parts = urlsplit(issuer)
    is_plain = parts.scheme == "http" and settings.FETCH_FROM_PRIVATE_ADDRESSES
    if not parts.hostname or not (parts.scheme == "https" or is_plain) or parts.query or parts.fragment:
        raise Invalid(
            _("The issuer must be an https address."), hint=_("Such as https://token.actions.githubusercontent.com")
        )
    return issuer


def _checked_claims(claims: Mapping[str, str]) -> dict[str, str]:
    found = {name.strip(): value.strip() for name, value in claims.items() if name.strip() and value.strip()}
    if not IDENTIFYING & found.keys():
        raise Invalid(
            _("No claim says whose build it is."),
            hint=_("Name at least one of these: %(names)s.") % {"names": ", ".join(sorted(IDENTIFYING))},
        )
    if RESERVED & found.keys():
        raise Invalid(_("These claims are checked anyway: %(names)s.") % {"names": ", ".join(sorted(RESERVED))})
    return found
