"""Xet (docs/reference/hub-api.md, Xet): short-lived tokens for one repository or bucket, and the CAS door they open.

A token is checked against the person's rights at each request, so taking rights away
works at once. Reads are bound to the files of the token's home, writes prove
possession by what a shard must carry.
"""

import json
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.core import signing
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt

from accounts.principal import Principal
from accounts.selectors import principal_of_keys
from common.errors import Forbidden, Invalid, NotFound, Refusal, Unauthenticated
from hub import rules, stores
from hub.algorithms.agents import is_ci
from hub.algorithms.ranges import RangeNotSatisfiable, parse_range
from hub.api import buckets
from hub.api.bodies import body_of, read_all, release_before
from hub.api.commits import require_upload
from hub.api.counting import count
from hub.api.links import xorb_link
from hub.api.metering import require_metered
from hub.api.protocol import (
    View,
    absolute,
    door,
    principal_of,
    repository,
    revision,
    sentence,
    store_unavailable,
)
from hub.enums import RepositoryKind
from hub.models import Bucket, Repository
from hub.selectors import has_contents, readable_by_xet, require_contents
from hub.selectors.buckets import bucket_of_key
from hub.selectors.reports import is_blocked_everywhere, refuse_blocked
from hub.selectors.repositories import repository_of_key
from hub.selectors.revisions import path_of_object
from hub.services import downloads, objects, quotas
from hub.storage.errors import RangeBeyondEnd, StoreUnavailable, TooLarge, XetError, XetMissing
from hub.storage.xet.recipes import XetFile
from hub.storage.xet.reconstruction import Fetch, reconstruct

TOKEN_SECONDS = 3600
_SALT = "hub.xet"
_MAX_SHARD = 128 * 1024 * 1024


@dataclass(frozen=True)
class Scope:
    """What a token allows, after its check. Who brings a pull request may upload without writing."""

    home: Repository | Bucket
    principal: Principal
    may_upload: bool
    may_write: bool
    is_ci: bool = False


@door("GET")
def token(
    request: HttpRequest, kind: RepositoryKind, namespace: str, name: str, access: str, rest: str = ""
) -> HttpResponse:
    """A token, in the body for one half of the client and in headers for the other."""
    found = repository(request, kind, namespace, name)
    if access == "write":
        require_upload(request, found, rest)
    if access == "read":
        require_contents(principal_of(request), found)
        if rest:
            revision(found, rest)
    return _issued(request, found, access)


@door("GET")
def bucket_token(request: HttpRequest, namespace: str, name: str, access: str) -> HttpResponse:
    """The same for a bucket."""
    found = buckets.find(request, namespace, name)
    if access not in {"read", "write"}:
        raise NotFound("There is no such address.")
    _check_access(request, found, access)
    return _issued(request, found, access)


def _check_access(request: HttpRequest, home: Repository | Bucket, access: str) -> None:
    if access == "write" and not rules.may_write(principal_of(request), home):
        raise Forbidden("You may not write here.", hint="Send a token with write access.")


def _issued(request: HttpRequest, home: Repository | Bucket, access: str) -> HttpResponse:
    require_metered(request)
    principal = principal_of(request)
    expires = int(time.time()) + TOKEN_SECONDS
    claims = {
        "b" if isinstance(home, Bucket) else "r": home.pk,
        "u": principal.user.pk if principal.user is not None else None,
        "t": principal.token.pk if principal.token is not None else None,
        "w": access == "write",
        "c": is_ci(request.headers.get("User-Agent", "")),  # what fetches by the token does not say it again
        "e": expires,
    }
    made = signing.dumps(claims, salt=_SALT)
    url = absolute(request, "/cas")
    response = JsonResponse({"accessToken": made, "exp": expires, "casUrl": url})
    response["X-Xet-Cas-Url"] = url
    response["X-Xet-Access-Token"] = made
    response["X-Xet-Token-Expiration"] = str(expires)
    response["Cache-Control"] = "no-store"
    return response


def cas_door(
    *methods: str, write: bool = False
) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """A view that gets the `scope` of the request's Xet token."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @door(*methods)
        @wraps(view)
        def handle(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            scope = _scope(request)
            if write and not scope.may_upload:
                raise Forbidden("This token only reads.", hint="Ask for a write token.")
            return view(request, scope, *args, **kwargs)

        return handle

    return decorate


@cas_door("POST", write=True)
def upload_xorb(request: HttpRequest, scope: Scope, space: str, xorb: str) -> HttpResponse:
    length = request.headers.get("Content-Length", "")
    quotas.require_room(scope.home, int(length) if length.isdecimal() else 0)
    release_before(request)
    try:
        stored = stores.xet_store().put_xorb(xorb, body_of(request))
    except (XetError, TooLarge) as error:
        raise Invalid(str(error)) from error
    return JsonResponse({"was_inserted": stored.inserted})


@cas_door("POST", write=True)
def upload_shard(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Version 1: one answer when all is verified."""
    data = read_all(body_of(request), _MAX_SHARD)
    try:
        files = stores.xet_store().accept_shard(data)
    except XetError as error:
        raise Invalid(str(error)) from error
    objects.hold_xet(scope.home, files, by=scope.principal)
    return JsonResponse({"result": 1})


@cas_door("POST", write=True)
def upload_shard_v2(request: HttpRequest, scope: Scope) -> HttpResponse:
    """Version 2: a line of JSON for each step, so that nobody waits in silence."""
    data = read_all(body_of(request), _MAX_SHARD)
    steps = stores.xet_store().accepting_shard(data)
    try:
        first: Any = next(steps)
    except StopIteration as end:
        objects.hold_xet(scope.home, end.value, by=scope.principal)
        return _events([_event("result", result=1)])
    except XetError as error:
        raise Invalid(str(error)) from error
    return _events(_progress(scope, steps, first))


@cas_door("GET")
def reconstruction(request: HttpRequest, scope: Scope, version: int, file_hash: str) -> HttpResponse:
    """Which parts of which xorbs make up a file of the token's home, with links to fetch them."""
    if isinstance(scope.home, Repository) and not has_contents(scope.principal, scope.home):
        raise Unauthenticated("This Xet token no longer works.", hint="Ask the hub for a new one.")
    held = readable_by_xet(scope.home, file_hash, by_writer=scope.may_write)
    if held is None:
        raise NotFound("There is no such file here.")
    if isinstance(scope.home, Repository):
        refuse_blocked(scope.principal, scope.home, held.sha256)
    elif is_blocked_everywhere(held.sha256):
        raise NotFound("This file is not given out any more.")
    try:
        span = parse_range(request.headers.get("Range"), held.size) or (0, None)
        plan = reconstruct(stores.xet_store(), stores.xet_store().file(file_hash), *span)
    except (RangeNotSatisfiable, RangeBeyondEnd):
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{held.size}"})
    except XetMissing as error:
        raise NotFound(str(error)) from error
    if span[0] == 0 and isinstance(scope.home, Repository):
        _count(request, scope, scope.home, held.sha256)

    def url(fetch: Fetch) -> str:
        return xorb_link(request, fetch.xorb, fetch.first, fetch.last)

    return JsonResponse(plan.version_1(url) if version == 1 else plan.version_2(url))


@cas_door("GET")
def unknown_chunk(request: HttpRequest, scope: Scope, space: str, chunk: str) -> HttpResponse:
    """Chunks are not looked up across repositories: the answer would tell who has what."""
    raise NotFound("No such chunk is known.")


def _scope(request: HttpRequest) -> Scope:
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    try:
        claims = signing.loads(value, salt=_SALT) if kind.lower() == "bearer" else None
    except signing.BadSignature:
        claims = None
    if claims is None or claims["e"] < time.time():
        raise Unauthenticated("This Xet token is missing, forged or too old.", hint="Ask the hub for a new one.")
    found = _home(claims)
    principal = principal_of_keys(claims["u"], claims["t"])
    if found is None or principal is None or not rules.may_read(principal, found):
        raise Unauthenticated("This Xet token no longer works.", hint="Ask the hub for a new one.")
    is_write = bool(claims["w"])
    may_write = is_write and rules.may_write(principal, found)
    if isinstance(found, Bucket):
        return Scope(found, principal, may_write, may_write)
    may_upload = is_write and rules.may_discuss(principal, found)
    return Scope(found, principal, may_upload, may_write, is_ci=bool(claims.get("c")))


def _home(claims: dict[str, Any]) -> Repository | Bucket | None:
    return bucket_of_key(claims["b"]) if "b" in claims else repository_of_key(claims["r"])


def _progress(
    scope: Scope, steps: Generator[tuple[int, int], None, list[XetFile]], first: tuple[int, int]
) -> Iterator[bytes]:
    reported = 0.0
    progress = first
    try:
        while True:
            if time.monotonic() - reported > 1:
                reported = time.monotonic()
                yield _event("validating", verified=progress[0], total=progress[1])
            progress = next(steps)
    except StopIteration as end:
        with transaction.atomic():
            objects.hold_xet(scope.home, end.value, by=scope.principal)
        yield _event("result", result=1)
    except XetError as error:
        yield _event("error", message=str(error), retryable=False)
    except StoreUnavailable:
        yield _event("error", message=sentence(store_unavailable()), retryable=True)
    except Refusal as refusal:
        yield _event("error", message=sentence(refusal), retryable=False)


def _event(kind: str, **facts: Any) -> bytes:
    return json.dumps({"type": kind} | facts).encode() + b"\n"


def _events(blocks: Any) -> HttpResponse:
    return StreamingHttpResponse(blocks, content_type="application/x-ndjson")  # type: ignore[return-value]


def _count(request: HttpRequest, scope: Scope, repository: Repository, sha256: str) -> None:
    path = path_of_object(repository, sha256)
    if path is not None and downloads.is_counted(path):
        count(request, repository, by=scope.principal, ci=scope.is_ci)
