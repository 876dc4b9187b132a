"""Files by name: what downloads, `from_pretrained`, curl and browsers read (hub-api.md, resolve)."""

from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from hub.algorithms.ranges import same_entity
from hub.api import content
from hub.api.counting import count
from hub.api.links import straight_link
from hub.api.metering import is_metered
from hub.api.protocol import absolute, door, principal_of, repository_with_contents
from hub.enums import RepositoryKind
from hub.errors import EntryNotFound
from hub.git.reading import read_blob
from hub.git.repositories import open_repository
from hub.models import LargeObject, Repository, ScanResult
from hub.selectors import File, Revision, entry_at, missing_content, readable_object, split_revision
from hub.selectors.handing_out import verdict_on
from hub.selectors.scanning import is_warned_of, words_of
from hub.services import downloads


@door("GET")
def resolve(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str, rest: str) -> HttpResponse:
    """The content of a file: for large files the object, not its pointer."""
    found = repository_with_contents(request, kind, namespace, name)
    revision, file, result = _file(request, found, rest)
    if is_warned_of(result) and _must_confirm(request, file):
        return redirect(f"{found.get_absolute_url()}/blob/{revision.commit}/{quote(file.path)}")
    headers = {"X-Repo-Commit": revision.commit, **_warning(file, result)}
    if not file.lfs_sha256:
        _count(request, found, file)
        return content.answer(request, _blob(revision, file), headers)
    held = readable_object(principal_of(request), found, file.lfs_sha256)
    if held is None:
        raise EntryNotFound(missing_content(found, file.lfs_sha256), commit=revision.commit)
    _count(request, found, file)
    headers |= _object_headers(request, found, revision, held)
    straight = straight_link(held, file.name) if _may_redirect(request, held) else None
    if straight is not None:
        return HttpResponse(status=302, headers=headers | {"Location": straight, "Cache-Control": "private, no-cache"})
    return content.answer(request, content.of_object(held, name=file.name), headers)


@door("GET")
def raw(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str, rest: str) -> HttpResponse:
    """A file as it lies in git: for large files the pointer."""
    found = repository_with_contents(request, kind, namespace, name)
    revision, file, _result = _file(request, found, rest)
    return content.answer(request, _blob(revision, file), {"X-Repo-Commit": revision.commit})


def _may_redirect(request: HttpRequest, held: LargeObject) -> bool:
    """Metadata and "you have it already" are ours to tell, and bytes that have a budget ours to count."""
    if request.method != "GET" or is_metered(request):
        return False
    return not same_entity(request.headers.get("If-None-Match"), f'"{held.sha256}"')


def _must_confirm(request: HttpRequest, file: File) -> bool:
    """Browsers come by the page that says what is wrong, and bring its word back; other sites cannot send them."""
    if request.method != "GET" or "text/html" not in request.headers.get("Accept", ""):
        return False
    came_from_here = request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
    return request.GET.get("understood") != file.etag or not came_from_here


def _warning(file: File, result: ScanResult | None) -> dict[str, str]:
    if result is None or not is_warned_of(result):
        return {}
    words = f"{file.path} was inspected and is called {result.status}: {' '.join(words_of(result)[:3])}"
    plain = " ".join(words.split())[:500].encode("ascii", "replace").decode()
    return {"X-HF-Warning": f"unsafe file {file.etag[:12]}; {plain}"}


def _file(request: HttpRequest, found: Repository, rest: str) -> tuple[Revision, File, ScanResult | None]:
    revision, path = split_revision(found, rest, indexed=False)
    file = entry_at(revision, path)
    if file.is_folder:
        raise EntryNotFound("This is a folder, not a file.", commit=revision.commit)
    return revision, file, verdict_on(principal_of(request), found, file, commit=revision.commit)


def _count(request: HttpRequest, found: Repository, file: File) -> None:
    if downloads.is_counted(file.path) and content.starts_a_download(request):
        count(request, found)


def _blob(revision: Revision, file: File) -> content.Content:
    data = read_blob(open_repository(revision.repository.path), file.oid)
    return content.of_bytes(data, etag=file.oid, name=file.name)


def _object_headers(request: HttpRequest, found: Repository, revision: Revision, held: LargeObject) -> dict[str, str]:
    headers = {"X-Linked-Etag": f'"{held.sha256}"', "X-Linked-Size": str(held.size)}
    if held.xet_hash and not is_metered(request):
        api = f"/api/{RepositoryKind(found.kind).plural}/{found.full_name}"
        renew = absolute(request, f"{api}/xet-read-token/{revision.commit}")
        headers |= {"X-Xet-Hash": held.xet_hash, "Link": f'<{renew}>; rel="xet-auth"'}
    return headers
