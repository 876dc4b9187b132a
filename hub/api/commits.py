"""Uploading: which files are large, and the commit itself (hub-api.md, upload)."""

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from common.errors import Forbidden, Invalid
from hub.algorithms.patterns import ignore_rules, is_ignored, is_lfs, lfs_rules
from hub.algorithms.uploading import looks_large
from hub.api.bodies import body_of, lines_of
from hub.api.links import finish_uploads
from hub.api.protocol import absolute, door, flag, json_body, principal_of, repository, revision, text_of, warn
from hub.enums import RepositoryKind
from hub.errors import Unprocessable
from hub.models import Repository
from hub.selectors import File, entries_named, read_text
from hub.services import commits, discussions, proposals, quotas, secrets
from hub.services.commits import AddBytes, AddPointer, DeleteFile, DeleteFolder, Operation

_MAX_FILES = 2000
_MAX_LINE = 64 * 1024 * 1024
_MAX_BODY = 512 * 1024 * 1024
_MAX_OPERATIONS = 25_000


@door("POST")
def preupload(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str, rest: str) -> HttpResponse:
    """For each file: by which way it is uploaded, whether it is ignored, what is there already."""
    found = repository(request, kind, namespace, name)
    require_upload(request, found, rest)
    at = revision(found, rest)
    body = json_body(request)
    files = body.get("files")
    if not isinstance(files, list) or len(files) > _MAX_FILES or not all(isinstance(file, dict) for file in files):
        raise Invalid(f"`files` must be a list of up to {_MAX_FILES} files.")
    large = lfs_rules(read_text(at, ".gitattributes") or "")
    ignored = ignore_rules(text_of(body, "gitIgnore", default="") or read_text(at, ".gitignore") or "")
    paths = [text_of(file, "path") for file in files]
    there = {file.path: file for file in entries_named(at, paths)}
    answer = []
    sizes = []
    for file, path in zip(files, paths, strict=True):
        mode = "lfs" if is_lfs(path, large) or _looks_large(file) else "regular"
        one = {"path": path, "uploadMode": mode, "shouldIgnore": is_ignored(path, ignored)}
        if mode == "lfs" and not one["shouldIgnore"] and isinstance(file.get("size"), int):
            sizes.append(file["size"])
        answer.append(one | _there(there.get(path), mode))
    quotas.advise(found, sizes)
    return JsonResponse({"files": answer, "commitOid": at.commit})


@door("POST")
def commit(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str, rest: str) -> HttpResponse:
    """One commit from newline-delimited JSON; the body is read line by line."""
    found = repository(request, kind, namespace, name)
    require_upload(request, found, rest)
    header: dict[str, Any] = {}
    operations: list[Operation] = []
    for key, value in _items(request):
        if key == "header":
            header = value
        else:
            operations.append(_operation(key, value))
        if len(operations) > _MAX_OPERATIONS:
            raise Invalid(f"A commit has up to {_MAX_OPERATIONS} operations.", hint="Split it into several commits.")
    message = text_of(header, "summary", default="") or "Update files"
    description = text_of(header, "description", default="")
    parent = text_of(header, "parentCommit", default="") or None
    by = principal_of(request)
    named = [(one.sha256, one.size) for one in operations if isinstance(one, AddPointer) and one.size >= 0]
    finish_uploads(found, named, by)
    answer: dict[str, Any] = {"success": True, "hookOutput": ""}
    if flag(request, "create_pr"):
        opened, result = discussions.propose(
            found, operations, by=by, message=message, description=description, target=rest, start=parent
        )
        answer["pullRequestUrl"] = absolute(request, opened.get_absolute_url())
    else:
        result = commits.commit(
            found, operations, by=by, message=message, description=description, branch=rest, parent=parent
        )
    url = absolute(request, f"{found.get_absolute_url()}/commit/{result.oid}")
    leaked = secrets.found_in(operations) if found.is_private else []
    if leaked:
        answer["hookOutput"] = secrets.words_for(leaked)
    response = JsonResponse(answer | {"commitOid": result.oid, "commitUrl": url})
    if leaked:
        warn(response, "secrets", answer["hookOutput"])
    return response


def require_upload(request: HttpRequest, found: Repository, revision: str) -> None:
    """Raises Forbidden unless content for a commit there, or for a pull request, may be sent."""
    if not proposals.may_upload(found, revision, by=principal_of(request), create_pr=flag(request, "create_pr")):
        raise Forbidden(
            "Forbidden: pass a token with write access to this repository.",
            hint="Make one at /settings/tokens, ask the owner of the repository, or open a pull request.",
        )


def _looks_large(file: dict[str, Any]) -> bool:
    size = file.get("size")
    try:
        sample = base64.b64decode(file.get("sample") or "")
    except (binascii.Error, ValueError, TypeError) as error:
        raise Invalid("`sample` must be base64.") from error
    return looks_large(size if isinstance(size, int) else 0, sample)


def _there(file: File | None, mode: str) -> dict[str, str]:
    """The id of what lies at the path, if it came the same way: equal content need not be sent."""
    if file is None or file.is_folder or bool(file.lfs_sha256) != (mode == "lfs"):
        return {}
    return {"oid": file.etag}


def _items(request: HttpRequest) -> Iterator[tuple[str, dict[str, Any]]]:
    for line in lines_of(body_of(request), longest=_MAX_LINE, limit=_MAX_BODY):
        if not line.strip():
            continue
        try:
            one = json.loads(line)
            key, value = one["key"], one["value"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise Invalid('Each line must be {"key": …, "value": …}.') from error
        if not isinstance(value, dict):
            raise Invalid("`value` must be an object.")
        yield key, value


def _operation(key: str, value: dict[str, Any]) -> Operation:
    path = text_of(value, "path")
    match key:
        case "file":
            return AddBytes(path, _content(value))
        case "lfsFile":
            size = value.get("size")
            oid = text_of(value, "oid")
            if value.get("algo", "sha256") != "sha256" or len(oid) != 64:
                raise Unprocessable("Large files are named by their sha256.")
            return AddPointer(path, oid.lower(), size if isinstance(size, int) else -1)
        case "deletedFile":
            return DeleteFile(path)
        case "deletedFolder":
            return DeleteFolder(path)
        case _:
            raise Invalid(f"Unknown operation {key!r}.")


def _content(value: dict[str, Any]) -> bytes:
    text = text_of(value, "content", default="")
    if value.get("encoding", "utf-8") != "base64":
        return text.encode()
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid("`content` is not valid base64.") from error
