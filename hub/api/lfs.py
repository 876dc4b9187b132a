"""The Git LFS batch API (github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md), with the Hub's multipart transfer."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from common.errors import Forbidden, Invalid, Refusal, Unauthenticated
from hub import stores
from hub.api.counting import count
from hub.api.links import (
    DOWNLOAD_SECONDS,
    UPLOAD_SECONDS,
    UploadKey,
    link,
    object_link,
    part_links,
    upload_link,
)
from hub.api.metering import require_metered
from hub.api.protocol import (
    PROTOCOL_CODES,
    door,
    json_body,
    principal_of,
    repository,
    sentence,
    store_unavailable,
    token_door,
)
from hub.enums import RepositoryKind
from hub.errors import ContentRemoved, FileTooLarge, RepositoryMoved, StorageFull
from hub.models import LargeObject, Repository
from hub.selectors import held_objects, missing_content, readable_object, require_contents
from hub.selectors.reports import refuse_blocked
from hub.services import proposals, quotas
from hub.services.objects import keep
from hub.storage.errors import StoreUnavailable

_TYPE = "application/vnd.git-lfs+json"
_MAX_OBJECTS = 1000
_MAX_SIZE = 1024**4
_MAX_PARTS = 1000
_SHA256 = ("sha256", "sha_256")  # the second is how the JavaScript client spells it


@token_door("POST")
def batch(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str) -> HttpResponse:
    try:
        return JsonResponse(_batch(request, kind, namespace, name), content_type=_TYPE)
    except RepositoryMoved:
        raise
    except Refusal as refusal:
        return lfs_error(refusal)
    except StoreUnavailable:
        return lfs_error(store_unavailable())


def lfs_error(refusal: Refusal) -> HttpResponse:
    """LFS reads `message`; anonymous clients are asked for a password the way git understands."""
    body = {"message": sentence(refusal), "error": sentence(refusal)}
    response = JsonResponse(body, status=refusal.status, content_type=_TYPE)
    if refusal.code in PROTOCOL_CODES:
        response["X-Error-Code"] = refusal.code
    if refusal.status == 401:
        response["LFS-Authenticate"] = 'Basic realm="Wellspring", charset="UTF-8"'
        response["WWW-Authenticate"] = 'Basic realm="Wellspring", charset="UTF-8"'
    return response


def _batch(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str) -> dict[str, Any]:
    found = repository(request, kind, namespace, name)
    body = json_body(request)
    operation, wanted = body.get("operation"), body.get("objects")
    if operation not in ("upload", "download") or not isinstance(wanted, list) or len(wanted) > _MAX_OBJECTS:
        raise Invalid(f"A batch is an upload or a download of up to {_MAX_OBJECTS} objects.")
    if body.get("hash_algo", "sha256") not in _SHA256:
        raise Invalid("Objects are named by their sha256.")
    if operation == "download":
        require_metered(request)
        require_contents(principal_of(request), found)
        objects = [_download(request, found, *_named(one)) for one in wanted]
        if any("actions" in one for one in objects):
            count(request, found)
        return {"transfer": "basic", "objects": objects, "hash_algo": "sha256"}
    return upload_batch(request, found, body, wanted)


@door("POST")
def browser_batch(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str) -> HttpResponse:
    """An upload from a page, whose session counts (with a CSRF token). `done` are the parts that have arrived."""
    found = repository(request, kind, namespace, name)
    body = json_body(request)
    wanted = body.get("objects")
    if not isinstance(wanted, list) or len(wanted) > _MAX_OBJECTS:
        raise Invalid(f"A batch is an upload of up to {_MAX_OBJECTS} objects.")
    # The policy of our pages lets scripts talk to this site only, so nothing goes straight to a bucket.
    answer = upload_batch(request, found, body | {"ref": {"name": body.get("ref")}}, wanted, straight=False)
    user = principal_of(request).user
    assert user is not None
    for one in answer["objects"]:
        key = str(UploadKey(found.pk, user.pk, one["oid"], one["size"]))
        if "chunk_size" in one.get("actions", {}).get("upload", {}).get("header", {}):
            one["done"] = [part.number for part in stores.partial_uploads().parts(key)]
    return JsonResponse(answer)


def upload_batch(
    request: HttpRequest, found: Repository, body: dict[str, Any], wanted: list[Any], *, straight: bool = True
) -> dict[str, Any]:
    """For each object how to send it, if it must be sent. Raises Unauthenticated, Forbidden, Invalid."""
    _require_upload(request, found, body)
    multipart = "multipart" in (body.get("transfers") or [])
    named = [_named(one) for one in wanted]
    held = held_objects(principal_of(request), found, (oid for oid, _size in named))
    keep(found, held.values(), by=principal_of(request))
    room = quotas.room_of(found)
    objects, added = [], 0
    for oid, size in named:
        fault = _no_room(room, added + size, size) if oid not in held else None
        if fault is None:
            objects.append(_upload(request, found, oid, size, held.get(oid), multipart=multipart, straight=straight))
            added += size if oid not in held else 0
        else:
            objects.append({"oid": oid, "size": size, "error": fault})
    in_parts = any("chunk_size" in one.get("actions", {}).get("upload", {}).get("header", {}) for one in objects)
    return {"transfer": "multipart" if in_parts else "basic", "objects": objects, "hash_algo": "sha256"}


def _require_upload(request: HttpRequest, found: Repository, body: dict[str, Any]) -> None:
    """Clients name no ref when the objects are for a new pull request, so anybody who may open one passes."""
    by = principal_of(request)
    if by.is_anonymous:
        raise Unauthenticated("Log in to upload.", hint="The password is an access token with write scope.")
    ref = body.get("ref")
    named = ref.get("name") if isinstance(ref, dict) else None
    revision = named if isinstance(named, str) else ""
    if not proposals.may_upload(found, revision, by=by, create_pr=not revision):
        raise Forbidden("You may not write to this repository.", hint="Ask its owner for write access.")


def _no_room(room: quotas.Room, added: int, size: int) -> dict[str, Any] | None:
    """The error of an object that would pass a limit: 507 when there is no room, 413 when no such file may come."""
    try:
        room.require_files([size])
        room.require(added)
    except StorageFull as refusal:
        return {"code": 507, "message": sentence(refusal)}
    except FileTooLarge as refusal:
        return {"code": 413, "message": sentence(refusal)}
    return None


def _named(one: Any) -> tuple[str, int]:
    oid, size = (one.get("oid"), one.get("size")) if isinstance(one, dict) else (None, None)
    valid = isinstance(oid, str) and len(oid) == 64 and set(oid) <= set("0123456789abcdef")
    if not valid or not isinstance(size, int) or not 0 <= size <= _MAX_SIZE:
        raise Invalid("An object is named by `oid`, 64 lower-case hexadecimal digits, and `size`.")
    return str(oid), size


def _download(request: HttpRequest, found: Repository, oid: str, size: int) -> dict[str, Any]:
    held = readable_object(principal_of(request), found, oid)
    if held is None:
        return {"oid": oid, "size": size, "error": {"code": 404, "message": missing_content(found, oid)}}
    try:
        refuse_blocked(principal_of(request), found, oid)
    except ContentRemoved as refusal:
        return {"oid": oid, "size": size, "error": {"code": 410, "message": sentence(refusal)}}
    download = {"href": object_link(request, held), "expires_in": DOWNLOAD_SECONDS}
    return {"oid": oid, "size": held.size, "authenticated": True, "actions": {"download": download}}


def _upload(
    request: HttpRequest,
    found: Repository,
    oid: str,
    size: int,
    held: LargeObject | None,
    *,
    multipart: bool,
    straight: bool,
) -> dict[str, Any]:
    """How to send an object; no actions when it need not be sent."""
    user = principal_of(request).user
    assert user is not None
    if held is not None:
        if held.size != size:
            message = f"This object has {held.size} bytes, not {size}."
            return {"oid": oid, "size": size, "error": {"code": 422, "message": message}}
        return {"oid": oid, "size": size}
    key = str(UploadKey(found.pk, user.pk, oid, size))
    if multipart and size > settings.LFS_PART_SIZE:
        upload = _in_parts(request, key, size, straight=straight)
    else:
        upload = {"href": upload_link(request, key, size, straight=straight)}
    verify = {"href": link(request, "POST", f"verify/{key}", seconds=UPLOAD_SECONDS)}
    actions = {"upload": upload | {"expires_in": UPLOAD_SECONDS}, "verify": verify | {"expires_in": UPLOAD_SECONDS}}
    return {"oid": oid, "size": size, "authenticated": True, "actions": actions}


def _in_parts(request: HttpRequest, key: str, size: int, *, straight: bool) -> dict[str, Any]:
    # Each part has its own link: their number is bounded, the parts of a larger object are larger.
    part_size = max(settings.LFS_PART_SIZE, -(-size // _MAX_PARTS))
    plan = stores.partial_uploads().begin(key, size=size, part_size=part_size)
    header = {"chunk_size": str(plan.part_size)}
    header |= {str(number): href for number, href in enumerate(part_links(request, plan, straight=straight), 1)}
    return {"href": link(request, "POST", f"uploads/{key}/complete", seconds=UPLOAD_SECONDS), "header": header}
