"""One repository (hub-api.md, info)."""

from django.http import HttpRequest, HttpResponse, JsonResponse

from hub.api.imports import imported_from
from hub.api.protocol import door, flag, principal_of, repository, revision
from hub.api.representations import checked_expand, info, sibling
from hub.enums import RepositoryKind
from hub.errors import RepositoryNotFound
from hub.selectors import files_at, require_contents
from hub.selectors.imports import import_of
from hub.selectors.listing import children_counts
from hub.selectors.scanning import repository_status
from hub.services import weights


@door("GET", "DELETE")
def detail(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str, rest: str = "") -> HttpResponse:
    if request.method == "DELETE":  # clients that unlike a name without an owner come here
        raise RepositoryNotFound
    found = repository(request, kind, namespace, name, even_disabled=True)
    expand = checked_expand(kind, request.GET.getlist("expand"))
    at = revision(found, rest)
    files = None
    if not expand or "siblings" in expand:
        files = [sibling(file, blobs=flag(request, "blobs")) for file in files_at(at)]
    children = 0
    if "childrenModelCount" in expand:
        children = children_counts(principal_of(request), [found]).get(found.pk, 0)
    answer = info(found, sha=at.commit, siblings=files, children=children, expand=expand)
    if flag(request, "securityStatus") or "securityRepoStatus" in expand:
        answer["securityRepoStatus"] = repository_status(at)
    copied = None if expand else import_of(found)
    if copied is not None:
        answer["importedFrom"] = imported_from(copied)
    return JsonResponse(answer)


@door("GET")
def safetensors_metadata(request: HttpRequest, namespace: str, name: str, path: str) -> HttpResponse:
    """The headers of all shards that an index names, in one answer: a part of their contents."""
    found = repository(request, RepositoryKind.MODEL, namespace, name)
    require_contents(principal_of(request), found)
    return JsonResponse(weights.sharded_headers(revision(found, ""), path))
