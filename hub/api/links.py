"""Links to objects that carry their own right, and the doors they lead to.

A link is made only after the asker's rights were checked; whoever holds it may use it
until it expires. Uploads name repository, person, object and length in their key.
"""

import re
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import salted_hmac

from accounts.principal import Principal
from accounts.selectors import principal_of_keys
from common.errors import Conflict, Forbidden, Invalid, NotFound
from hub import rules, stores
from hub.algorithms.ranges import RangeNotSatisfiable, parse_range
from hub.api import content
from hub.api.bodies import Awaited, body_of, release_before
from hub.api.protocol import absolute, json_body, token_door
from hub.models import LargeObject, Repository
from hub.selectors import held_objects
from hub.selectors.objects import object_of_digest
from hub.selectors.reports import is_blocked_everywhere
from hub.selectors.repositories import repository_of_key
from hub.services import objects
from hub.storage import signing
from hub.storage.errors import BadSignature, DigestMismatch, ObjectMissing, TooLarge, UploadIncomplete
from hub.storage.objects import Shown
from hub.storage.signing import Grant
from hub.storage.uploads import Upload

DOWNLOAD_SECONDS = 3600
UPLOAD_SECONDS = 24 * 3600
_SHA256 = re.compile(r"[0-9a-f]{64}")
VIEWER_TYPES = {
    "png": "image/png", "jpg": "image/jpeg", "wav": "audio/wav", "flac": "audio/flac", "ogg": "audio/ogg",
    "mp3": "audio/mpeg",
}  # fmt: skip


@dataclass(frozen=True)
class UploadKey:
    """Who uploads what where: the key of an upload in the store of parts."""

    repository: int
    user: int
    sha256: str
    size: int

    def __str__(self) -> str:
        return f"{self.repository}-{self.user}-{self.sha256}-{self.size}"

    @classmethod
    def parse(cls, text: str) -> "UploadKey":
        repository, user, sha256, size = text.split("-")
        return cls(int(repository), int(user), sha256, int(size))


def link(
    request: HttpRequest,
    method: str,
    key: str,
    *,
    seconds: int = DOWNLOAD_SECONDS,
    byte_range: tuple[int, int] | None = None,
    filename: str | None = None,
) -> str:
    """An absolute address that opens one door for a while."""
    grant = Grant(method, key, int(time.time()) + seconds, byte_range, filename)
    return signing.signed_url(_secret(), absolute(request, "/api/storage"), grant)


def object_link(request: HttpRequest, held: LargeObject, name: str | None = None) -> str:
    """Where a client fetches an object: straight from the bucket if it lies there, else from the site."""
    straight = straight_link(held, name or held.sha256)
    return straight or link(request, "GET", f"objects/{held.sha256}", filename=name)


def straight_link(held: LargeObject, name: str) -> str | None:
    """A link to the bucket, or None for what only the site can send."""
    if not held.is_plain:
        return None
    return stores.plain_objects().url(held.sha256, DOWNLOAD_SECONDS, content.shown(name))


def xorb_link(request: HttpRequest, xorb: str, first: int, last: int) -> str:
    """Where a client fetches these bytes of a xorb, and no others."""
    span = (first, last)
    straight = stores.xet_store().xorbs.url(xorb, DOWNLOAD_SECONDS, Shown(byte_range=span))
    return straight or link(request, "GET", f"xorbs/{xorb}", byte_range=span)


def upload_link(request: HttpRequest, key: str, size: int, *, straight: bool = True) -> str:
    """Where a client brings an object in one piece; straight to a bucket where there is one."""
    url = stores.partial_uploads().whole_url(key, size, UPLOAD_SECONDS) if straight else None
    return url or link(request, "PUT", f"uploads/{key}", seconds=UPLOAD_SECONDS)


def part_links(request: HttpRequest, plan: Upload, *, straight: bool = True) -> list[str]:
    """Where a client brings the parts of an object, from the first; straight to a bucket where there is one."""
    urls = stores.partial_uploads().part_urls(plan.key, UPLOAD_SECONDS) if straight else None
    if urls is not None:
        return urls
    numbers = range(1, plan.count + 1)
    return [link(request, "PUT", f"uploads/{plan.key}/{number}", seconds=UPLOAD_SECONDS) for number in numbers]


def finish_uploads(repository: Repository, wanted: Iterable[tuple[str, int]], by: Principal) -> None:
    """Verify objects (sha256, length) that clients brought straight to the bucket and did not ask to verify."""
    named = {sha256: size for sha256, size in wanted if _SHA256.fullmatch(sha256)}
    if by.user is None or not named:
        return
    for sha256 in named.keys() - held_objects(by, repository, named).keys():
        with suppress(ObjectMissing, UploadIncomplete, DigestMismatch):
            key = str(UploadKey(repository.pk, by.user.pk, sha256, named[sha256]))
            objects.complete_upload(repository, key, sha256, by=by)


@token_door("GET")
def read_object(request: HttpRequest, sha256: str) -> HttpResponse:
    """The plain bytes of an object, from wherever it lies."""
    grant = _granted(request, f"objects/{sha256}")
    found = object_of_digest(sha256)
    if found is None or is_blocked_everywhere(sha256):
        raise NotFound("This object is gone.")
    return content.answer(request, content.of_object(found, name=grant.filename or sha256), {})


@token_door("GET")
def read_xorb(request: HttpRequest, xorb: str) -> HttpResponse:
    """A part of a xorb, no more than the link allows."""
    grant = _granted(request, f"xorbs/{xorb}")
    store = stores.xet_store().xorbs
    size = store.size(xorb)
    if size is None:
        raise NotFound("This xorb is gone.")
    if grant.byte_range is not None and not _is_within(request, xorb, size, grant.byte_range):
        first, last = grant.byte_range
        raise Forbidden(f"This link allows the bytes {first} to {last} only.", hint="Ask with that Range.")
    whole = content.of_stored(store, xorb, size)
    return content.answer(request, whole, {"Content-Type": "application/octet-stream"})


def viewer_link(request: HttpRequest, name: str) -> str:
    """An address for a picture or sound of the data-set viewer: the same one for an hour, so that browsers keep it."""
    seconds = 2 * DOWNLOAD_SECONDS - int(time.time()) % DOWNLOAD_SECONDS
    return link(request, "GET", f"viewer/{name}", seconds=seconds)


@token_door("GET")
def read_viewer_file(request: HttpRequest, name: str) -> HttpResponse:
    """A picture or sound out of a row, made anew or recognised by the reader."""
    _granted(request, f"viewer/{name}")
    key, _dot, ending = name.partition(".")
    store = stores.viewer_files()
    size = store.size(key)
    if size is None or ending not in VIEWER_TYPES:
        raise NotFound("This picture is gone.", hint="Ask for the rows again.")
    whole = content.of_stored(store, key, size, name=name)
    headers = {"Content-Type": VIEWER_TYPES[ending], "Cache-Control": f"private, max-age={DOWNLOAD_SECONDS}"}
    return content.answer(request, whole, headers)


@token_door("PUT")
def upload_whole(request: HttpRequest, key: str) -> HttpResponse:
    """LFS basic: the object in one piece."""
    upload, repository, by = _upload(request, f"uploads/{key}", key)
    try:
        objects.receive(repository, upload.sha256, upload.size, Awaited(request), by=by)
    except (DigestMismatch, TooLarge) as error:
        raise Invalid(str(error), hint="Upload it again.") from error
    return HttpResponse(headers={"ETag": f'"{upload.sha256}"'})


@token_door("PUT")
def upload_part(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """LFS multipart: one part."""
    _upload(request, f"uploads/{key}/{number}", key)
    release_before(request)
    try:
        part = stores.partial_uploads().put_part(key, number, body_of(request))
    except (DigestMismatch, TooLarge, ValueError) as error:
        raise Invalid(str(error), hint="Send this part again.") from error
    except ObjectMissing as error:
        raise NotFound(str(error)) from error
    return HttpResponse(headers={"ETag": f'"{part.etag}"'})


@token_door("POST")
def complete_upload(request: HttpRequest, key: str) -> HttpResponse:
    """LFS multipart: the parts become the object. Repeating it is harmless."""
    upload, repository, by = _upload(request, f"uploads/{key}/complete", key)
    _check_parts(json_body(request), key)
    try:
        objects.complete_upload(repository, key, upload.sha256, by=by)
    except UploadIncomplete as error:
        raise Conflict(str(error), hint="Send the missing parts, then complete again.") from error
    except DigestMismatch as error:
        raise Invalid(str(error), hint="Upload it again from the start.") from error
    except ObjectMissing as error:
        if upload.sha256 not in held_objects(by, repository, [upload.sha256]):
            raise NotFound(str(error)) from error
    return JsonResponse({"success": True})


@token_door("POST")
def verify_upload(request: HttpRequest, key: str) -> HttpResponse:
    """git-lfs asks whether what it sent has arrived."""
    upload, repository, by = _upload(request, f"verify/{key}", key)
    body = json_body(request)
    if body.get("oid") != upload.sha256 or body.get("size") != upload.size:
        raise Invalid("This link verifies another object.")
    if upload.sha256 not in held_objects(by, repository, [upload.sha256]):
        _complete_arrived(repository, key, upload, by)
    return JsonResponse({})


def _complete_arrived(repository: Repository, key: str, upload: UploadKey, by: Principal) -> None:
    """What came straight to the bucket is verified now."""
    try:
        objects.complete_upload(repository, key, upload.sha256, by=by)
    except DigestMismatch as error:
        raise Invalid(str(error), hint="Upload it again.") from error
    except (ObjectMissing, UploadIncomplete) as error:
        # Somebody who asked at the same time may have been first.
        if upload.sha256 not in held_objects(by, repository, [upload.sha256]):
            raise NotFound("The object has not arrived.", hint="Upload it again.") from error


def _granted(request: HttpRequest, key: str) -> Grant:
    try:
        return signing.verify(_secret(), request.method or "", key, request.GET)  # type: ignore[arg-type]
    except BadSignature as error:
        raise Forbidden(str(error)) from error


def _upload(request: HttpRequest, signed: str, key: str) -> tuple[UploadKey, Repository, Principal]:
    """What the link uploads, where and who does, if the person may still bring anything there."""
    _granted(request, signed)
    upload = UploadKey.parse(key)
    repository = repository_of_key(upload.repository)
    by = principal_of_keys(upload.user, None)
    if repository is None or by is None or not rules.may_discuss(by, repository):
        raise Forbidden("You may not write to this repository any more.")
    return upload, repository, by


def _check_parts(body: dict[str, object], key: str) -> None:
    """The client's receipts must be ours: a part that was replaced meanwhile is noticed here."""
    given = body.get("parts")
    if not isinstance(given, list):
        return
    try:
        known = {part.number: part.etag for part in stores.partial_uploads().parts(key)}
    except ObjectMissing:
        return
    for part in given:
        number, etag = (part.get("partNumber"), part.get("etag")) if isinstance(part, dict) else (None, None)
        if number in known and isinstance(etag, str) and etag.strip('"') != known[number]:
            raise Invalid(f"Part {number} is not the one that you sent.", hint="Send it again.")


def _is_within(request: HttpRequest, xorb: str, size: int, allowed: tuple[int, int]) -> bool:
    try:
        first, last = parse_range(content.asked_range(request, xorb), size) or (0, size - 1)
    except RangeNotSatisfiable:
        return False
    return allowed[0] <= first and last <= allowed[1]


def _secret() -> bytes:
    return salted_hmac("hub.links", "", algorithm="sha256").digest()
