"""Webhooks of a person, and who watches what."""

from collections.abc import Iterable

from django.db.models import Prefetch, Q, QuerySet
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from accounts.models import Namespace, User
from accounts.principal import Principal
from accounts.selectors import role_in
from common.errors import NotFound
from hub.enums import Domain
from hub.models import WatchedName, Webhook, WebhookDelivery


def webhooks_of(principal: Principal) -> QuerySet[Webhook]:
    """A person's own, oldest first; nobody sees those of others."""
    rows = Webhook.objects.filter(user=principal.user) if principal.user is not None else Webhook.objects.none()
    return (
        rows.select_related("user")
        .prefetch_related(Prefetch("watched", WatchedName.objects.order_by("id")))
        .order_by("id")
    )


def webhook_for(principal: Principal, key: str) -> Webhook:
    """Raises NotFound."""
    found = webhooks_of(principal).filter(key=key).first() if "\x00" not in key else None
    if found is None:
        raise NotFound(_("There is no such webhook among yours."))
    return found


def deliveries_of(webhook: Webhook) -> QuerySet[WebhookDelivery]:
    """What it was told, latest first."""
    return webhook.deliveries.order_by("-id")


def delivery_of(webhook: Webhook, key: str) -> WebhookDelivery:
    """Raises NotFound."""
    found = webhook.deliveries.filter(key=key).first()
    if found is None:
        raise NotFound(_("There is no such delivery."))
    return found


def watching(domain: Domain, names: Iterable[tuple[str, str]]) -> QuerySet[Webhook]:
    """Enabled webhooks that want to hear of this domain from any of these (kind, name)."""
    wanted = Q()
    for kind, name in names:
        wanted |= Q(kind=kind, lower=name.lower())
    watched = WatchedName.objects.annotate(lower=Lower("name")).filter(wanted)
    rows = Webhook.objects.filter(pk__in=watched.values("webhook_id"), is_disabled=False, user__is_active=True)
    return rows.filter(domains__contains=[domain]).select_related("user").order_by("id")


def may_hear(user: User, namespace: Namespace, *, is_private: bool) -> bool:
    """Whether a person's webhook may be told of a repository: as a member would be, not by staff rights,
    for what is told leaves the site."""
    return user.is_active and (not is_private or role_in(user, namespace) is not None)
