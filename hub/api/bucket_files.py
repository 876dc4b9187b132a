"""What lies in a bucket: lists, changes, downloads (hub-api.md, Buckets)."""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from common.errors import Forbidden, Invalid, NotFound
from common.pagination import link_next
from hub import rules
from hub.api import content
from hub.api.bodies import body_of, read_all
from hub.api.buckets import find
from hub.api.protocol import absolute, date, door, flag, is_storable, json_body, principal_of, text_of
from hub.models import BucketFile
from hub.selectors.buckets import Entry, entries_in, entry_of, file_at, files_below, files_named
from hub.selectors.reports import is_blocked_everywhere
from hub.services import bucket_files
from hub.services.bucket_files import AddFile, CopyFile, DeleteFile, Operation

_PAGE, _MAX_PATHS, _MAX_OPERATIONS = 1000, 10_000, 10_000
_MAX_BODY = 32 * 1024 * 1024
_HASH = re.compile(r"[0-9a-f]{64}")
_LATEST = 253_402_300_799_000  # milliseconds; the last second of the year 9999


@door("GET")
def tree(request: HttpRequest, namespace: str, name: str, prefix: str = "") -> HttpResponse:
    """All files whose path begins with the prefix; with `recursive=false` one folder, its folders among its files."""
    found = find(request, namespace, name)
    start = _start(request)
    given = request.GET.get("limit", "")
    limit = max(1, min(int(given), _PAGE)) if given.isdigit() and len(given) < 9 else _PAGE
    if "recursive" not in request.GET or flag(request, "recursive"):
        entries = files_below(found, prefix, start=start, limit=limit + 1)
    else:
        entries = entries_in(found, prefix, start=start, limit=limit + 1)
        if prefix and not start:
            # A prefix may also name a file.
            entries = [entry_of(file) for file in files_named(found, [prefix])] + entries
    response = JsonResponse([_entry(one) for one in entries[:limit]], safe=False)
    if len(entries) > limit:
        position = entries[limit - 1].next_start.encode()
        link_next(request, response, cursor=base64.urlsafe_b64encode(position).decode())
    return response


@door("POST")
def paths_info(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """What is known of some paths; those at which no file lies are left out."""
    found = find(request, namespace, name)
    paths = json_body(request).get("paths")
    if not isinstance(paths, list) or len(paths) > _MAX_PATHS or not all(isinstance(path, str) for path in paths):
        raise Invalid(f"`paths` must be up to {_MAX_PATHS} texts.")
    files = files_named(found, [path for path in paths if is_storable(path)])
    return JsonResponse([_file(file) for file in files], safe=False)


@door("POST")
def batch(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Operations, one JSON object a line. 422 when none of them could be done."""
    found = find(request, namespace, name)
    if not rules.may_write(principal_of(request), found):
        raise Forbidden("You may not write to this bucket.", hint="Send a token with write access.")
    operations = [_operation(line) for line in _lines(request)]
    failures = bucket_files.apply(found, operations, by=principal_of(request))
    done = len(operations) - len(failures)
    answer = {
        "success": not failures,
        "processed": len(operations),
        "succeeded": done,
        "failed": [{"path": one.path, "error": one.error} for one in failures],
    }
    return JsonResponse(answer, status=422 if failures and not done else 200)


@door("GET")
def resolve(request: HttpRequest, namespace: str, name: str, path: str) -> HttpResponse:
    """The content of a file, and where to fetch it by Xet."""
    found = find(request, namespace, name)
    file = file_at(found, path)
    renew = absolute(request, f"/api/buckets/{found.full_name}/xet-read-token")
    headers = {
        "X-Linked-Size": str(file.size),
        "X-Linked-Etag": f'"{file.xet_hash}"',
        "X-Xet-Hash": file.xet_hash,
        "Link": f'<{renew}>; rel="xet-auth"',
    }
    short = file.path.rpartition("/")[2]
    if file.object is None:
        return content.answer(request, content.of_bytes(b"", etag=file.xet_hash, name=short), headers)
    if is_blocked_everywhere(file.object.sha256):
        raise NotFound("This file is not given out any more.", hint="The public register at /register says why.")
    return content.answer(request, content.of_object(file.object, name=short), headers)


def _entry(entry: Entry) -> dict[str, Any]:
    if entry.file is not None:
        return _file(entry.file)
    times = {"uploadedAt": date(entry.uploaded_at)} if entry.uploaded_at is not None else {}
    return {"type": "directory", "path": entry.path} | times


def _file(file: BucketFile) -> dict[str, Any]:
    known = {"type": "file", "path": file.path, "size": file.size, "xetHash": file.xet_hash}
    if file.mtime is not None:
        known["mtime"] = date(file.mtime)
    return known | {"uploadedAt": date(file.uploaded_at)}


def _lines(request: HttpRequest) -> Iterator[dict[str, Any]]:
    lines = [line for line in read_all(body_of(request), _MAX_BODY).split(b"\n") if line.strip()]
    if len(lines) > _MAX_OPERATIONS:
        raise Invalid(f"A batch has up to {_MAX_OPERATIONS} operations.", hint="Split it into several.")
    for line in lines:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise Invalid("Each line must be a JSON object.", hint=str(error)) from error
        if not isinstance(value, dict):
            raise Invalid("Each line must be a JSON object.")
        yield value


def _operation(value: dict[str, Any]) -> Operation:
    path = text_of(value, "path")
    match value.get("type"):
        case "addFile":
            kind = text_of(value, "contentType", default="")
            return AddFile(path, _hash(value), _mtime(value), kind if len(kind) <= 200 else "")
        case "copyFile":
            source = text_of(value, "sourceRepoType"), text_of(value, "sourceRepoId")
            return CopyFile(path, _hash(value), *source, _mtime(value))
        case "deleteFile":
            return DeleteFile(path)
        case unknown:
            raise Invalid(f"Unknown operation {unknown!r}.")


def _hash(value: dict[str, Any]) -> str:
    text = text_of(value, "xetHash")
    if not _HASH.fullmatch(text):
        raise Invalid("`xetHash` must be 64 hexadecimal digits.")
    return text


def _mtime(value: dict[str, Any]) -> datetime | None:
    """Milliseconds since 1970."""
    given = value.get("mtime")
    if given is None:
        return None
    if not isinstance(given, int | float) or not 0 <= given <= _LATEST:
        raise Invalid("`mtime` must be milliseconds since 1970.")
    return datetime.fromtimestamp(given / 1000, tz=UTC)


def _start(request: HttpRequest) -> str:
    try:
        start = base64.urlsafe_b64decode(request.GET.get("cursor", "")).decode()
    except (ValueError, binascii.Error) as error:
        raise Invalid("This cursor is not valid.", hint="Begin again without one.") from error
    if not is_storable(start):
        raise Invalid("This cursor is not valid.", hint="Begin again without one.")
    return start
