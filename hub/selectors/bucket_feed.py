"""The changes of a bucket from a point on."""

from datetime import datetime, timedelta

from accounts.principal import Principal
from hub.models import Bucket, BucketChange
from hub.selectors.buckets import buckets_visible_to

BATCH = 500
# Clients know times to the millisecond.
_TICK = timedelta(milliseconds=1)


def place_of(bucket: Bucket, since: datetime) -> int | None:
    """The last change up to a time; None when changes after it were forgotten."""
    if bucket.forgotten_at is not None and bucket.forgotten_at >= since + _TICK:
        return None
    last = bucket.changes.filter(at__lte=since).order_by("-id").values_list("id", flat=True).first()
    return last if last is not None else bucket.forgotten


def newest_place(bucket: Bucket) -> int:
    last = bucket.changes.order_by("-id").values_list("id", flat=True).first()
    return last if last is not None else bucket.forgotten


def changes_after(pk: int, place: int, principal: Principal) -> list[BucketChange] | None:
    """The next changes, oldest first; None when the bucket is gone or not for these eyes any more."""
    if not buckets_visible_to(principal).filter(pk=pk).exists():
        return None
    return list(BucketChange.objects.filter(bucket=pk, id__gt=place).order_by("id")[:BATCH])
