"""Files and folders at a revision (hub-api.md, tree)."""

import base64
import binascii
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from common.errors import Invalid
from common.pagination import link_next
from hub.api.protocol import door, flag, is_storable, json_body, principal_of, repository, revision, revision_and_path
from hub.api.representations import tree_entry
from hub.enums import RepositoryKind
from hub.selectors import File, entries_at, entries_named, with_xet
from hub.selectors.scanning import results_of

_PAGE, _PAGE_EXPANDED = 1000, 50
_MAX_PATHS = 10_000


@door("GET")
def tree(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str, rest: str) -> HttpResponse:
    found = repository(request, kind, namespace, name)
    at, path = revision_and_path(found, rest)
    expand = flag(request, "expand")
    most = _PAGE_EXPANDED if expand else _PAGE
    given = request.GET.get("limit", "")
    limit = max(1, min(int(given), most)) if given.isdecimal() and len(given) < 9 else most
    entries = entries_at(
        at, path, recursive=flag(request, "recursive"), after=_after(request), limit=limit + 1, with_commits=expand
    )
    page = _with_xet(request, entries[:limit])
    response = JsonResponse(_shown(page, expand), safe=False)
    response["X-Repo-Commit"] = at.commit
    if len(entries) > limit:
        last = page[-1].path.encode("utf-8", "surrogateescape")
        link_next(request, response, cursor=base64.urlsafe_b64encode(last).decode())
    return response


@door("POST")
def paths_info(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str, rest: str) -> HttpResponse:
    """What is known of some paths; those that do not exist are left out."""
    found = repository(request, kind, namespace, name)
    at = revision(found, rest)
    if request.content_type == "application/json":
        body = json_body(request)
        paths, expand = body.get("paths"), body.get("expand") is True
        paths = [paths] if isinstance(paths, str) else paths
    else:
        paths, expand = request.POST.getlist("paths"), request.POST.get("expand", "").lower() == "true"
    if not isinstance(paths, list) or len(paths) > _MAX_PATHS or not all(isinstance(path, str) for path in paths):
        raise Invalid(f"`paths` must be up to {_MAX_PATHS} texts.")
    clean = [path.strip("/") for path in paths if is_storable(path)]
    files = _with_xet(request, entries_named(at, clean, with_commits=expand))
    return JsonResponse(_shown(files, expand), safe=False)


def _shown(files: list[File], expand: bool) -> list[dict[str, Any]]:
    results = results_of(files) if expand else {}
    return [tree_entry(file, expand=expand, result=results.get(file.path)) for file in files]


def _with_xet(request: HttpRequest, files: list[File]) -> list[File]:
    # Clients that read of Xet here fetch by it, where the bytes of a bulk token could not be counted.
    return files if principal_of(request).is_bulk else with_xet(files)


def _after(request: HttpRequest) -> str:
    try:
        return base64.urlsafe_b64decode(request.GET.get("cursor", "")).decode("utf-8", "surrogateescape")
    except (ValueError, binascii.Error) as error:
        raise Invalid("This cursor is not valid.", hint="Begin again without one.") from error
