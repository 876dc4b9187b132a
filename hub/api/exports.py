"""All public metadata as streams of JSON lines, so that nobody needs to scrape pages (docs/reference/fair-use.md)."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.http import http_date, parse_http_date_safe

from common.errors import Invalid, TooManyRequests
from common.places import HeldStream, Places
from hub.algorithms.ranges import same_entity
from hub.api.protocol import date, door
from hub.api.representations import info
from hub.models import Credit, LineageEdge, Repository
from hub.selectors import exports

_PAGE = 500
_places = Places(2)
_BUSY = TooManyRequests("Others are exporting at the moment.", hint="Try again in a minute.", retry_after=60)


@door("GET")
def repositories(request: HttpRequest) -> HttpResponse:
    rows = exports.repositories(_since(request))
    return _export(request, rows, exports.stamp(rows, "updated_at"), _repository)


@door("GET")
def lineage(request: HttpRequest) -> HttpResponse:
    rows = exports.lineage(_since(request))
    return _export(request, rows, exports.stamp(rows, "version__published_at"), _edge)


@door("GET")
def credits(request: HttpRequest) -> HttpResponse:  # noqa: A001 - the word for them
    rows = exports.credits(_since(request))
    return _export(request, rows, exports.stamp(rows, "answered_at"), _credit)


def _since(request: HttpRequest) -> datetime | None:
    """`since=2026-01-31` or with a time of day, which is UTC unless it says otherwise. Raises Invalid."""
    text = request.GET.get("since")
    if text is None:
        return None
    try:
        found = parse_datetime(text) or parse_date(text)
    except ValueError:
        found = None
    if found is None:
        raise Invalid("`since` must be a date or a time.", hint="Such as 2026-01-31 or 2026-01-31T12:00:00Z.")
    if not isinstance(found, datetime):
        found = datetime(found.year, found.month, found.day, tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _export(
    request: HttpRequest, rows: QuerySet[Any], stamp: exports.Stamp, line: Callable[[Any], dict[str, Any]]
) -> HttpResponse:
    headers = {"ETag": stamp.etag, "Cache-Control": "public, max-age=60"}
    if stamp.changed_at is not None:
        headers["Last-Modified"] = http_date(stamp.changed_at.timestamp())
    if _is_known(request, stamp):
        return HttpResponse(status=304, headers=headers)
    parts = HeldStream(_lines(rows, line), _places, _BUSY) if request.method == "GET" else iter([])
    return StreamingHttpResponse(parts, content_type="application/jsonl", headers=headers)  # type: ignore[return-value]


def _is_known(request: HttpRequest, stamp: exports.Stamp) -> bool:
    """RFC 9110, 13.1: an entity tag outweighs a date, which knows of nothing that went away."""
    given = request.headers.get("If-None-Match")
    if given is not None:
        return same_entity(given, stamp.etag)
    since = parse_http_date_safe(request.headers.get("If-Modified-Since", ""))
    return since is not None and stamp.changed_at is not None and int(stamp.changed_at.timestamp()) <= since


def _lines(rows: QuerySet[Any], line: Callable[[Any], dict[str, Any]]) -> Iterator[bytes]:
    """A page of rows at a time, each after the last one's key: what changes meanwhile is neither doubled nor lost."""
    after = 0
    while True:
        page: list[Model] = list(rows.filter(pk__gt=after).order_by("pk")[:_PAGE])
        if not page:
            return
        yield b"".join(json.dumps(line(row), ensure_ascii=False).encode() + b"\n" for row in page)
        after = page[-1].pk


def _repository(row: Repository) -> dict[str, Any]:
    return {"type": row.kind, "downloadsAllTime": row.downloads_all_time} | info(row)


def _edge(row: LineageEdge) -> dict[str, Any]:
    is_hidden = row.parent is not None and (row.parent.is_private or row.parent.is_disabled)
    parent = (
        None if is_hidden else {"type": row.parent_kind, "id": row.parent_name, "commit": row.parent_commit or None}
    )
    return _version(row) | {"relation": row.kind, "evidence": row.evidence, "parent": parent}


def _credit(row: Credit) -> dict[str, Any]:
    person = {"user": row.user.username, "position": row.position, "roles": row.roles, "points": row.points}
    return _version(row) | person | {"acceptedAt": date(row.answered_at) if row.answered_at else None}


def _version(row: LineageEdge | Credit) -> dict[str, Any]:
    version, repository = row.version, row.version.repository
    assert repository is not None  # the selectors leave out versions whose repository is gone
    return {
        "type": repository.kind,
        "id": repository.full_name,
        "version": version.number,
        "commit": version.commit,
        "publishedAt": date(version.published_at),
    }
