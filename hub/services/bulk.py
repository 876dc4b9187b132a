"""Giving leave to download in bulk, and counting its bytes (docs/reference/fair-use.md)."""

from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.enums import TokenScope
from accounts.models import AccessToken, User
from accounts.principal import Principal
from accounts.selectors import token_digest
from accounts.services import tokens
from common.errors import Conflict, Forbidden, Invalid, TooManyRequests
from common.services import audit
from hub.models import BulkGrant, BulkUsage

DAYS = 30
MIN_PURPOSE = 20  # letters


@transaction.atomic
def ask(purpose: str, *, by: Principal) -> tuple[BulkGrant, str]:
    """A grant by the published rule, at once, and the text of its token. Raises Forbidden, Conflict, Invalid."""
    if by.user is None or by.token is not None:
        raise Forbidden(_("Tokens are made in the browser, by the person they belong to."))
    user = User.objects.select_for_update().get(pk=by.user.pk)
    if any(grant.holds for grant in user.bulk_grants.select_related("token")):
        hint = _("End it first, or ask the staff for a larger budget.")
        raise Conflict(_("You have a bulk token already."), hint=hint)
    purpose = " ".join(purpose.split())
    if len(purpose) < MIN_PURPOSE or len(purpose) > 500:
        raise Invalid(_("Say in 20 to 500 letters what you need the data for."))
    ends = timezone.now() + timedelta(days=DAYS)
    text = tokens.issue(user, name="bulk download", scope=TokenScope.BULK, expires_at=ends)
    token = AccessToken.objects.get(digest=token_digest(text))
    grant = BulkGrant.objects.create(user=user, token=token, purpose=purpose, daily_bytes=settings.BULK_DAILY_BYTES)
    audit.record("bulk.granted", str(grant), actor=by, daily_bytes=grant.daily_bytes)
    return grant, text


@transaction.atomic
def change_budget(grant: BulkGrant, daily_bytes: int, *, by: Principal) -> BulkGrant:
    """Staff allow more or less a day. Raises Forbidden, Invalid."""
    grant = BulkGrant.objects.select_for_update().get(pk=grant.pk)
    if not by.is_staff:
        raise Forbidden(_("Only staff change budgets."))
    if daily_bytes < 1:
        raise Invalid(_("A budget has at least one byte a day; to end it, revoke its token."))
    grant.daily_bytes, grant.changed_by = daily_bytes, by.user
    grant.save(update_fields=["daily_bytes", "changed_by"])
    audit.record("bulk.changed", str(grant), actor=by, daily_bytes=daily_bytes)
    return grant


@transaction.atomic
def end(grant: BulkGrant, *, by: Principal) -> None:
    """Its person or staff take it back: the token stops working. Raises Forbidden, Conflict."""
    grant = BulkGrant.objects.select_for_update(of=("self",)).select_related("token").get(pk=grant.pk)
    is_own = by.may_manage and by.user is not None and by.user.pk == grant.user_id
    if not is_own and not by.is_staff:
        raise Forbidden(_("This is not yours to end."))
    if not grant.holds:
        raise Conflict(_("It has ended already."))
    tokens.revoke_token(grant.token)
    audit.record("bulk.ended", str(grant), actor=by)


@transaction.atomic
def reserve(token: AccessToken, size: int) -> BulkUsage:
    """Take bytes out of today's budget before they are sent. Raises TooManyRequests when they are not left."""
    grant = BulkGrant.objects.get(token=token)
    today = timezone.now().date()
    usage, _created = BulkUsage.objects.get_or_create(grant=grant, day=today)
    left = F("bytes") + size
    if not BulkUsage.objects.filter(pk=usage.pk, bytes__lte=grant.daily_bytes - size).update(bytes=left):
        raise _spent(grant, usage, size, today)
    return usage


def give_back(usage: BulkUsage, size: int) -> None:
    """Bytes that were reserved and not sent, because the client went away."""
    if size > 0:
        BulkUsage.objects.filter(pk=usage.pk).update(bytes=F("bytes") - size)


def _spent(grant: BulkGrant, usage: BulkUsage, size: int, today: date) -> TooManyRequests:
    midnight = datetime(today.year, today.month, today.day, tzinfo=UTC) + timedelta(days=1)
    usage.refresh_from_db()
    left = max(0, grant.daily_bytes - usage.bytes)
    return TooManyRequests(
        f"The budget of this bulk token is {grant.daily_bytes} bytes a day; {left} are left today, this needs {size}.",
        hint="Go on after midnight UTC, ask for a part by Range, or ask the staff of this site for a larger budget.",
        code="bulk_budget_spent",
        retry_after=max(1, int((midnight - timezone.now()).total_seconds())),
    )
