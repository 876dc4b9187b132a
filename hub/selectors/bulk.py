"""Leaves to download in bulk: one's own, and all of them without their people."""

from django.db.models import QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from accounts.models import User
from common.errors import NotFound
from hub.models import BulkGrant, BulkUsage


def grants_of(user: User) -> QuerySet[BulkGrant]:
    return BulkGrant.objects.filter(user=user).select_related("token")


def grant_for(user: User, number: int) -> BulkGrant:
    """One's own. Raises NotFound."""
    found = grants_of(user).filter(pk=number).first()
    if found is None:
        raise NotFound(_("There is no such leave, or it is not yours."))
    return found


def usage_of(grant: BulkGrant) -> QuerySet[BulkUsage]:
    return grant.usage.order_by("-day")


def public_grants() -> QuerySet[BulkGrant]:
    """Newest first, with the bytes `sent` so far. Who they belong to is nobody's business."""
    return BulkGrant.objects.select_related("token").annotate(sent=Coalesce(Sum("usage__bytes"), 0)).order_by("-pk")
