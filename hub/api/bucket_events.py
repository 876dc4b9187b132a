"""Following a bucket: its changes as server-sent events (hub-api.md, Buckets).

First what happened since the place that the client names, then `ready`, then what happens. A
stream occupies a thread and holds no database connection; it ends itself after some minutes, so
that threads go round, and the client comes back to where it was.
"""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from django.conf import settings
from django.db import connections
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.dateparse import parse_datetime

from accounts.principal import Principal
from common.errors import Invalid, TooManyRequests
from common.places import HeldStream, Places
from hub.api.buckets import find
from hub.api.protocol import date, door, principal_of
from hub.models import Bucket, BucketChange
from hub.selectors import bucket_feed

_LOOK_SECONDS = 1.0
_KEEP_ALIVE_SECONDS = 20.0
_SESSION_SECONDS = 600.0
_places = Places(settings.BUCKET_FOLLOWERS)


@door("GET")
def events(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    bucket = find(request, namespace, name)
    place = _place(request, bucket)
    parts = _reset() if place is None else _follow(bucket.pk, place, principal_of(request))
    too_many = TooManyRequests("Too many clients follow buckets here.", hint="Come back later.", retry_after=15)
    response = StreamingHttpResponse(HeldStream(parts, _places, too_many), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


def _place(request: HttpRequest, bucket: Bucket) -> int | None:
    """Where the client left off; None when that is no longer remembered. Raises Invalid."""
    cursor, since = request.GET.get("cursor", ""), request.GET.get("since", "")
    if cursor:
        if not cursor.isdecimal() or len(cursor) > 18:
            raise Invalid("This cursor is not valid.", hint="Name a time with `since`, or neither.")
        return int(cursor) if int(cursor) >= bucket.forgotten else None
    if since:
        return bucket_feed.place_of(bucket, _time(since))
    return bucket_feed.newest_place(bucket)


def _time(text: str) -> datetime:
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        raise Invalid("`since` must be a time such as 2026-01-31T12:00:00Z.")
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _reset() -> Iterator[str]:
    yield _event("reset", {"reason": "What happened since then is no longer remembered."})


def _follow(pk: int, place: int, principal: Principal) -> Iterator[str]:
    ready, started = False, time.monotonic()
    quiet_since = started
    while time.monotonic() - started < _SESSION_SECONDS:
        changes = _look(pk, place, principal)
        if changes is None:
            return
        if changes:
            place, quiet_since = changes[-1].pk, time.monotonic()
            yield _event("changes", {"cursor": str(place), "changes": [_change(one) for one in changes]})
            continue
        if not ready:
            ready = True
            yield _event("ready", {"cursor": str(place)})
        if time.monotonic() - quiet_since >= _KEEP_ALIVE_SECONDS:
            quiet_since = time.monotonic()
            yield ": keep-alive\n\n"
        time.sleep(_LOOK_SECONDS)
    yield _event("reconnect", {"cursor": str(place)})


def _look(pk: int, place: int, principal: Principal) -> list[BucketChange] | None:
    try:
        return bucket_feed.changes_after(pk, place, principal)
    finally:
        connections.close_all()


def _event(name: str, data: dict[str, object]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


def _change(one: BucketChange) -> dict[str, object]:
    found: dict[str, object] = {"path": one.path, "op": one.kind}
    if one.size is not None:
        found |= {"size": one.size, "xetHash": one.xet_hash, "uploadedAt": date(one.at)}
    if one.mtime is not None:
        found["mtime"] = date(one.mtime)
    return found
