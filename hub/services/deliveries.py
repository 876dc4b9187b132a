"""Deliveries on their way: claimed, posted, repeated with growing pauses, given up.

The row is the truth and messages only hurry: whoever sweeps finds what is due. Between
claim and outcome no transaction is open. A worker that dies keeps its claim for as long
as `LEASE`, then somebody else posts the event again; receivers tell by the key.
"""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Q, Window
from django.db.models.functions import RowNumber
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common import outgoing
from common.errors import Conflict, Forbidden
from common.services import audit
from hub import rules
from hub.enums import DELIVERY_MOVES, DeliveryState
from hub.models import DiscussionEvent, Repository, Webhook, WebhookDelivery
from hub.selectors.webhooks import may_hear
from hub.services.webhooks import secret_of

SECONDS = 15  # for one attempt, from the name to the end of the answer
LEASE = timedelta(seconds=60)
PAUSES = (60, 300, 1800, 7200, 21600)  # seconds after the first attempt, the second, …
MAX_FAILURES = 10  # deliveries given up in a row, after which a webhook is disabled
KEPT = timedelta(days=30)
_AT_ONCE = 2  # of one person
_BATCH = 200


@dataclass(frozen=True)
class Letter:
    """What goes out at one attempt."""

    delivery: int
    attempt: int
    url: str
    body: bytes
    headers: dict[str, str]


def due() -> list[int]:
    """Deliveries to post now, a few of each person, so that nobody's slow server holds up the others."""
    under_way = WebhookDelivery.objects.filter(claimed_until__gt=timezone.now(), state=DeliveryState.WAITING)
    busy = under_way.values("webhook__user_id").annotate(count=Count("pk")).filter(count__gte=_AT_ONCE)
    rows = WebhookDelivery.objects.filter(_due()).exclude(webhook__user_id__in=busy.values("webhook__user_id"))
    rows = rows.annotate(
        place=Window(RowNumber(), partition_by=F("webhook__user_id"), order_by=[F("next_attempt_at"), F("id")])
    )
    return list(
        rows.filter(place__lte=_AT_ONCE).order_by("next_attempt_at", "id").values_list("pk", flat=True)[:_BATCH]
    )


def deliver(pk: int) -> bool:
    """Make one attempt, if it is due and nobody else is at it; returns whether it was made."""
    letter = _claim(pk)
    if letter is None:
        return False
    try:
        status = outgoing.post(
            letter.url, letter.body, letter.headers, seconds=SECONDS, loopback=settings.WEBHOOKS_TO_LOOPBACK
        )
    except outgoing.AddressRefused as refused:
        _settle(letter, error=str(refused), hopeless=True)
    except outgoing.NoAnswer as failed:
        _settle(letter, error=str(failed))
    else:
        # Redirects are not followed: what they point to was not looked at.
        _settle(letter, status=status, error="" if 200 <= status < 300 else f"HTTP {status}")
    return True


@transaction.atomic
def send_again(delivery: WebhookDelivery, *, by: Principal) -> WebhookDelivery:
    """Post what was delivered or given up once more, under the same key. Raises Forbidden, Conflict."""
    webhook = Webhook.objects.select_for_update(no_key=True).get(pk=delivery.webhook_id)
    delivery = WebhookDelivery.objects.select_for_update().get(pk=delivery.pk)
    if by.user is None or webhook.user_id != by.user.pk or not rules.may_keep_webhooks(by):
        raise Forbidden(_("This webhook belongs to somebody else."))
    if webhook.is_disabled:
        raise Conflict(_("The webhook is disabled."), hint=_("Enable it first."))
    _move(delivery, DeliveryState.WAITING)
    delivery.attempts = 0
    delivery.next_attempt_at = timezone.now()
    delivery.finished_at = None
    delivery.save()
    audit.record("webhook.sent_again", str(webhook), actor=by, delivery=delivery.key)
    return delivery


def forget_old() -> int:
    """Drop the log of what is long over."""
    rows = WebhookDelivery.objects.filter(created_at__lt=timezone.now() - KEPT)
    deleted, _rows = rows.exclude(state=DeliveryState.WAITING).delete()
    return deleted


@transaction.atomic
def _claim(pk: int) -> Letter | None:
    """Take a delivery for as long as `LEASE`; None when there is nothing to post."""
    delivery = (
        WebhookDelivery.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("webhook__user", "namespace")
        .filter(_due(), pk=pk)
        .first()
    )
    if delivery is None:
        return None
    webhook = delivery.webhook
    if webhook.is_disabled:
        _finish(delivery, DeliveryState.FAILED, error=_("The webhook is disabled."))
        return None
    if not _may_hear(delivery):
        delivery.payload = {}
        _finish(delivery, DeliveryState.WITHHELD, error=_("You may not read this repository any more."))
        return None
    delivery.attempts += 1
    delivery.claimed_until = timezone.now() + LEASE
    _hide_words(delivery)
    delivery.save()
    body = json.dumps(delivery.payload, ensure_ascii=False).encode()
    return Letter(delivery.pk, delivery.attempts, webhook.url, body, _headers(delivery, body))


def _hide_words(delivery: WebhookDelivery) -> None:
    """A comment may have been hidden since the event."""
    comment = delivery.payload.get("comment")
    if comment is not None and not DiscussionEvent.objects.filter(pk=int(comment["id"], 16), is_hidden=False).exists():
        comment.pop("content", None)
        comment["hidden"] = True


def _headers(delivery: WebhookDelivery, body: bytes) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Wellspring-Webhook/1",
        "X-Webhook-Delivery": delivery.key,
        "X-Webhook-Timestamp": str(int(time.time())),
    }
    secret = secret_of(delivery.webhook)
    if secret:
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers |= {"X-Webhook-Secret": secret, "X-Webhook-Signature-256": f"sha256={signature}"}
    return headers


@transaction.atomic
def _settle(letter: Letter, *, status: int | None = None, error: str = "", hopeless: bool = False) -> None:
    """Write down what came of an attempt, unless a later one has begun."""
    delivery = (
        WebhookDelivery.objects.select_for_update(of=("self",))
        .filter(pk=letter.delivery, attempts=letter.attempt, state=DeliveryState.WAITING)
        .first()
    )
    if delivery is None:
        return
    delivery.status = status
    delivery.claimed_until = None
    if not error:
        _finish(delivery, DeliveryState.DELIVERED)
        Webhook.objects.filter(pk=delivery.webhook_id).exclude(failures=0).update(failures=0)
    elif hopeless or delivery.attempts > len(PAUSES):
        _finish(delivery, DeliveryState.FAILED, error=error)
        _count_failure(delivery)
    else:
        delivery.error = error[:500]
        delivery.next_attempt_at = timezone.now() + timedelta(seconds=PAUSES[delivery.attempts - 1])
        delivery.save()


def _count_failure(delivery: WebhookDelivery) -> None:
    webhook = Webhook.objects.select_for_update(no_key=True).get(pk=delivery.webhook_id)
    webhook.failures += 1
    if webhook.failures >= MAX_FAILURES and not webhook.is_disabled:
        webhook.is_disabled = True
        webhook.disabled_reason = f"{webhook.failures} × {delivery.error}"[:300]
        audit.record("webhook.disabled", str(webhook), failures=webhook.failures, error=delivery.error)
    webhook.save(update_fields=["failures", "is_disabled", "disabled_reason"])


def _finish(delivery: WebhookDelivery, state: DeliveryState, *, error: str = "") -> None:
    _move(delivery, state)
    delivery.error = error[:500]
    delivery.finished_at = timezone.now()
    delivery.save()


def _move(delivery: WebhookDelivery, state: DeliveryState) -> None:
    """The only function that changes a state. Raises Conflict for a move that the table does not have."""
    before = DeliveryState(delivery.state)
    if state not in DELIVERY_MOVES[before]:
        raise Conflict(_("It is %(state)s.") % {"state": before.label}, hint=_("Reload the page to see what changed."))
    delivery.state = state


def _may_hear(delivery: WebhookDelivery) -> bool:
    """By who may read the repository now; when it is gone, by who might have at its end."""
    found = Repository.objects.select_related("namespace").filter(pk=delivery.repository).first()
    namespace = delivery.namespace if found is None else found.namespace
    is_private = delivery.was_private if found is None else found.is_private
    return may_hear(delivery.webhook.user, namespace, is_private=is_private)


def _due() -> Q:
    now = timezone.now()
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lte=now)
    return free & Q(state=DeliveryState.WAITING, next_attempt_at__lte=now)
