"""Leaves to download in bulk: one's own, and all of them without their people."""

from django.db.models import QuerySet, Sum
from django.db.models.functions import Coalesce

from accounts.models import User
from hub.models import BulkGrant, BulkUsage


def grants_of(user: User) -> QuerySet[BulkGrant]:
    return BulkGrant.objects.filter(user=user).select_related("token")


def usage_of(grant: BulkGrant) -> QuerySet[BulkUsage]:
    return grant.usage.order_by("-day")


def public_grants() -> QuerySet[BulkGrant]:
    """Newest first, with the bytes `sent` so far. Who they belong to is nobody's business."""
    return BulkGrant.objects.select_related("token").annotate(sent=Coalesce(Sum("usage__bytes"), 0)).order_by("-pk")
