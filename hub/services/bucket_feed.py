"""What happened in buckets is remembered for a while, for those who follow them."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from hub.models import Bucket, BucketChange

KEPT = timedelta(days=7)
_BUCKETS = 1000  # in one transaction


def forget_old() -> int:
    """Delete changes that are older than a week; returns how many. A follower from before lists the bucket again."""
    limit = timezone.now() - KEPT
    old = BucketChange.objects.filter(at__lt=limit)
    return sum(_forget(pk, limit) for pk in list(old.values_list("bucket", flat=True).distinct()[:_BUCKETS]))


@transaction.atomic
def _forget(pk: int, limit: object) -> int:
    bucket = Bucket.objects.select_for_update().filter(pk=pk).first()
    old = BucketChange.objects.filter(bucket=pk, at__lt=limit)
    last = old.aggregate(id=Max("id"), at=Max("at"))
    if bucket is None or last["id"] is None:
        return 0
    bucket.forgotten, bucket.forgotten_at = last["id"], last["at"]
    bucket.save(update_fields=["forgotten", "forgotten_at"])
    return old.delete()[0]
