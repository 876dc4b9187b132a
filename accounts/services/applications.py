"""Applications: registered, changed, given a new secret, deleted."""

import secrets
import uuid
from collections.abc import Sequence
from urllib.parse import urlsplit

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.enums import OAuthScope
from accounts.models import AccessToken, Application, Namespace
from accounts.principal import Principal
from accounts.rules import may_administer_namespace
from accounts.selectors import token_digest
from common.errors import Forbidden, Invalid
from common.services import audit

HF_COMMAND = "26be6b09-91c5-47da-9861-d2d2bb7a7e36"
"""The client id that every `hf auth login` sends; it is public and has no secret."""

MAX_REDIRECT_URIS = 10
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def hf_command() -> Application:
    """The application behind `hf auth login`, made when it is first asked for."""
    found, _created = Application.objects.get_or_create(
        client_id=HF_COMMAND,
        defaults={"name": "hf command", "scopes": OAuthScope.values, "logs_in_devices": True},
    )
    return found


@transaction.atomic
def register(
    owner: Namespace,
    *,
    name: str,
    redirect_uris: Sequence[str],
    scopes: Sequence[str],
    is_public: bool,
    by: Principal,
    homepage: str = "",
    logs_in_devices: bool = False,
) -> tuple[Application, str]:
    """A new application and its secret, shown this once (empty for a public one). Raises Forbidden, Invalid."""
    _require_owner(owner, by)
    secret = "" if is_public else _new_secret()
    application = Application(
        client_id=str(uuid.uuid4()),
        owner=owner,
        name=name.strip(),
        homepage=homepage,
        secret_digest=token_digest(secret) if secret else "",
        redirect_uris=_checked_uris(redirect_uris, may_be_empty=logs_in_devices),
        scopes=_checked_scopes(scopes),
        logs_in_devices=logs_in_devices,
    )
    application.save()
    audit.record("application.registered", f"application:{application.client_id}", actor=by, name=application.name)
    return application, secret


@transaction.atomic
def change(
    application: Application,
    *,
    name: str,
    redirect_uris: Sequence[str],
    scopes: Sequence[str],
    by: Principal,
    homepage: str = "",
    logs_in_devices: bool = False,
) -> Application:
    """Change everything but its id and secret. Raises Forbidden, Invalid."""
    application = _locked(application, by)
    application.name, application.homepage, application.logs_in_devices = name.strip(), homepage, logs_in_devices
    application.redirect_uris = _checked_uris(redirect_uris, may_be_empty=logs_in_devices)
    application.scopes = _checked_scopes(scopes)
    application.save()
    audit.record("application.changed", f"application:{application.client_id}", actor=by)
    return application


@transaction.atomic
def renew_secret(application: Application, *, by: Principal) -> str:
    """The old secret stops at once; the new one is returned this once. Raises Forbidden, Invalid."""
    application = _locked(application, by)
    if application.is_public:
        raise Invalid(_("A public application has no secret."))
    secret = _new_secret()
    application.secret_digest = token_digest(secret)
    application.save(update_fields=["secret_digest"])
    audit.record("application.secret_renewed", f"application:{application.client_id}", actor=by)
    return secret


@transaction.atomic
def delete(application: Application, *, by: Principal) -> None:
    """It and everything that people let it do ends. Raises Forbidden."""
    application = _locked(application, by)
    AccessToken.objects.filter(authorisation__application=application).update(revoked_at=timezone.now())
    audit.record("application.deleted", f"application:{application.client_id}", actor=by, name=application.name)
    application.delete()


def _locked(application: Application, by: Principal) -> Application:
    found = Application.objects.select_for_update(of=("self",)).select_related("owner").get(pk=application.pk)
    if found.owner is None:
        raise Forbidden(_("This application belongs to the site."))
    _require_owner(found.owner, by)
    return found


def _require_owner(owner: Namespace, by: Principal) -> None:
    if by.token is not None or not may_administer_namespace(by, owner):
        raise Forbidden(_("Applications are managed in the browser, by administrators of the name that owns them."))


def _new_secret() -> str:
    return "oauth_app_secret_" + secrets.token_urlsafe(32)


def _checked_scopes(scopes: Sequence[str]) -> list[str]:
    chosen = [scope for scope in OAuthScope.values if scope in set(scopes)]
    if not chosen:
        raise Invalid(_("Choose at least one thing that the application may ask for."))
    return chosen


def _checked_uris(uris: Sequence[str], *, may_be_empty: bool) -> list[str]:
    found = list(dict.fromkeys(uri.strip() for uri in uris if uri.strip()))
    if not found and not may_be_empty:
        raise Invalid(_("Name the address that people come back to."))
    if len(found) > MAX_REDIRECT_URIS:
        raise Invalid(_("An application has up to %(most)s such addresses.") % {"most": MAX_REDIRECT_URIS})
    for uri in found:
        if not _is_safe_redirect(uri):
            raise Invalid(
                _("“%(address)s” cannot be an address to come back to.") % {"address": uri},
                hint=_("Use https, http on your own machine, or a scheme of your own such as org.example.app:/back."),
            )
    return found


def _is_safe_redirect(uri: str) -> bool:
    """An absolute address without a fragment, where no stranger listens and nothing is executed."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname
    except ValueError:
        return False
    if parts.fragment or "#" in uri or "*" in uri or not uri.isprintable() or " " in uri or len(uri) > 500:
        return False
    if parts.scheme == "https":
        return bool(host) and parts.username is None
    if parts.scheme == "http":
        return host in _LOOPBACK and parts.username is None
    return "." in parts.scheme and not parts.netloc
