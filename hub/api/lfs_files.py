"""Large objects of one repository: listed, deleted for good, lent to another one (hub-api.md, Large files)."""

import re
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from common.errors import Forbidden, Invalid
from common.pagination import link_next
from hub import rules
from hub.api.protocol import date, door, json_body, principal_of, repository, text_of
from hub.enums import RepositoryKind
from hub.selectors import committed_objects, repository_for
from hub.services import holdings, large_files

_MAX_FILES = 10_000
_MAX_DELETIONS = 1000
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PAGE = 500


@door("GET")
def listing(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str) -> HttpResponse:
    """All large objects that any commit names, oldest first."""
    found = repository(request, kind, namespace, name)
    if not rules.may_write(principal_of(request), found):
        raise Forbidden("Only those who may write see the large files of all commits.", hint="Send a write token.")
    cursor = request.GET.get("cursor", "")
    after = int(cursor) if cursor.isdecimal() and len(cursor) < 19 else 0
    given = request.GET.get("limit", "")
    limit = max(1, min(int(given), _PAGE)) if given.isdecimal() and len(given) < 9 else _PAGE
    files, more = large_files.list_large_files(found, after=after, limit=limit)
    listed = [
        {"fileOid": one.sha256, "filename": one.path, "oid": one.pointer, "pushedAt": date(one.pushed_at),
         "size": one.size, "ref": one.ref or None}
        for one in files
    ]  # fmt: skip
    response = JsonResponse(listed, safe=False)
    if more:
        link_next(request, response, cursor=more)
    return response


@door("POST")
def batch(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str) -> HttpResponse:
    """Delete objects for good; `rewriteHistory` also takes their pointers out of all commits."""
    found = repository(request, kind, namespace, name)
    deletions = json_body(request).get("deletions")
    wanted = deletions.get("sha") if isinstance(deletions, dict) else None
    if not isinstance(wanted, list) or len(wanted) > _MAX_DELETIONS or not all(isinstance(one, str) for one in wanted):
        raise Invalid(f"`deletions.sha` must be up to {_MAX_DELETIONS} texts.")
    rewrite = deletions.get("rewriteHistory", True)
    if not isinstance(rewrite, bool):
        raise Invalid("`deletions.rewriteHistory` must be true or false.")
    digests = {one for one in wanted if _SHA256.fullmatch(one)}
    freed = large_files.delete_for_good(found, digests, by=principal_of(request), rewrite_history=rewrite)
    return JsonResponse({"success": True, "freed": freed})


@door("POST")
def duplicate(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str) -> HttpResponse:
    """Let the target hold objects of this repository, so that a commit there can name them."""
    source = repository(request, kind, namespace, name)
    body = json_body(request)
    target, files = body.get("target"), body.get("files")
    if not isinstance(target, dict) or not isinstance(files, list) or len(files) > _MAX_FILES:
        raise Invalid(f"`target` must be an object, `files` up to {_MAX_FILES} objects.")
    given = text_of(target, "type", default="model")
    if given not in RepositoryKind.values:
        raise Invalid(f"The type must be one of {', '.join(RepositoryKind.values)}.")
    into = repository_for(principal_of(request), given, text_of(target, "name"))
    if not rules.may_write(principal_of(request), into):
        raise Forbidden("You may not write to the target.", hint="Send a token with write access to it.")
    wanted = [_sha256(file) for file in files]
    found = committed_objects(source, wanted)
    holdings.hold(into, found.values())
    failed = [{"sha256": one, "error": "The source has no such file."} for one in wanted if one not in found]
    return JsonResponse({"failed": failed})


def _sha256(file: Any) -> str:
    if not isinstance(file, dict):
        raise Invalid("`files` must be objects.")
    return text_of(file, "sha256")
