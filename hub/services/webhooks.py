"""A person's webhooks: made, changed, switched on and off, deleted. Telling them is in announcements and deliveries."""

from collections.abc import Sequence

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.principal import Principal
from common import outgoing, sealing
from common.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from common.services import audit
from hub import rules
from hub.enums import Domain, WatchedKind
from hub.models import WatchedName, Webhook

MAX_WEBHOOKS, MAX_WATCHED, MAX_SECRET, MAX_NAME = 50, 100, 200, 140
_PURPOSE = "webhook secrets"

Watched = Sequence[tuple[str, str]]


@transaction.atomic
def create(*, by: Principal, url: str, watched: Watched, domains: Sequence[str], secret: str = "") -> Webhook:
    """Tell `url` what happens to the (kind, name) that are watched, as far as the person may read them.

    A name may be one that nobody has, so nobody learns by it what is hidden. Raises
    Unauthenticated, Forbidden, Invalid, Conflict.
    """
    user = require_person(by)
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if user.webhooks.count() >= MAX_WEBHOOKS:
        raise Conflict(_("You have %(most)s webhooks, which is the limit.") % {"most": MAX_WEBHOOKS})
    names = _checked_watched(watched)
    webhook = Webhook.objects.create(
        user=user, url=_checked_url(url), domains=_checked_domains(domains), sealed_secret=_sealed(secret)
    )
    _watch(webhook, names)
    audit.record("webhook.created", str(webhook), actor=by)
    return webhook


@transaction.atomic
def update(
    webhook: Webhook,
    *,
    by: Principal,
    url: str | None = None,
    watched: Watched | None = None,
    domains: Sequence[str] | None = None,
    secret: str | None = None,
) -> Webhook:
    """Change what is given; an empty secret takes it away. Raises Unauthenticated, Forbidden, Invalid, NotFound."""
    webhook = _locked(webhook, by)
    if url is not None:
        webhook.url = _checked_url(url)
    if domains is not None:
        webhook.domains = _checked_domains(domains)
    if secret is not None:
        webhook.sealed_secret = _sealed(secret)
    webhook.save()
    if watched is not None:
        names = _checked_watched(watched)
        webhook.watched.all().delete()
        _watch(webhook, names)
    audit.record("webhook.updated", str(webhook), actor=by)
    return webhook


@transaction.atomic
def switch(webhook: Webhook, *, by: Principal, on: bool) -> Webhook:
    """Enable or disable it; enabled, its failures are forgotten. Repeating it changes nothing."""
    webhook = _locked(webhook, by)
    webhook.is_disabled = not on
    webhook.disabled_reason = ""
    webhook.failures = 0
    webhook.save(update_fields=["is_disabled", "disabled_reason", "failures"])
    audit.record("webhook.enabled" if on else "webhook.disabled", str(webhook), actor=by)
    return webhook


@transaction.atomic
def delete(webhook: Webhook, *, by: Principal) -> None:
    """With the log of its deliveries."""
    webhook = _locked(webhook, by)
    name = str(webhook)
    webhook.delete()
    audit.record("webhook.deleted", name, actor=by)


def secret_of(webhook: Webhook) -> str:
    """In the clear, for its owner and the receiver only."""
    return sealing.unseal(webhook.sealed_secret, purpose=_PURPOSE)


def require_person(by: Principal) -> User:
    """Whose webhooks these are. Raises Unauthenticated, Forbidden."""
    if by.user is None:
        raise Unauthenticated(_("Log in first."), hint=_("Programs send an access token with write scope."))
    if not rules.may_keep_webhooks(by):
        raise Forbidden(
            _("This credential may not manage webhooks."),
            hint=_("Log in, or use an access token with write scope, or one that may manage webhooks and read all."),
        )
    return by.user


def _locked(webhook: Webhook, by: Principal) -> Webhook:
    user = require_person(by)
    found = Webhook.objects.select_for_update(no_key=True).filter(pk=webhook.pk).first()
    if found is None:
        raise NotFound(_("There is no such webhook among yours."))
    if found.user_id != user.pk:
        raise Forbidden(_("This webhook belongs to somebody else."))
    return found


def _watch(webhook: Webhook, names: Watched) -> None:
    WatchedName.objects.bulk_create([WatchedName(webhook=webhook, kind=kind, name=name) for kind, name in names])


def _checked_url(url: str) -> str:
    try:
        outgoing.check(url.strip(), loopback=settings.WEBHOOKS_TO_LOOPBACK)
    except outgoing.AddressRefused as refused:
        raise Invalid(
            _("Webhooks are not posted to this address: %(reason)s") % {"reason": refused},
            hint=_("Give the address of a server on the public Internet."),
        ) from refused
    return url.strip()


def _checked_domains(domains: Sequence[str]) -> list[str]:
    chosen = [domain for domain in Domain.values if domain in domains]
    if not chosen or set(domains) - set(chosen):
        raise Invalid(_("Domains are one or more of %(domains)s.") % {"domains": ", ".join(Domain.values)})
    return chosen


def _checked_watched(watched: Watched) -> Watched:
    names: dict[tuple[str, str], tuple[str, str]] = {}
    for kind, given in watched:
        name = given.strip().strip("/")
        if kind not in WatchedKind.values:
            kinds = ", ".join(WatchedKind.values)
            raise Invalid(_("Webhooks watch these kinds: %(kinds)s.") % {"kinds": kinds})
        is_owner = kind in {WatchedKind.USER, WatchedKind.ORGANISATION}
        if not name or len(name) > MAX_NAME or name.count("/") != (0 if is_owner else 1):
            raise Invalid(
                _("“%(name)s” is no name that can be watched.") % {"name": name},
                hint=_("Write a person or organisation as its name, a repository as owner/name."),
            )
        names.setdefault((kind, name.lower()), (kind, name))
    if not 1 <= len(names) <= MAX_WATCHED:
        raise Invalid(_("A webhook watches 1 to %(most)s names.") % {"most": MAX_WATCHED})
    return list(names.values())


def _sealed(secret: str) -> str:
    """It travels in a header, so it has to be plain ASCII."""
    secret = secret.strip()
    if len(secret) > MAX_SECRET or not secret.isascii() or (secret and not secret.isprintable()):
        raise Invalid(_("A secret has up to %(most)s plain letters, digits and signs.") % {"most": MAX_SECRET})
    return sealing.seal(secret, purpose=_PURPOSE)
