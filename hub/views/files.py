"""Files, single files, commits."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from common.errors import NotFound
from hub.algorithms import editing
from hub.api.links import viewer_link
from hub.enums import ScanStatus
from hub.models import Repository, ScanResult
from hub.selectors.access import has_contents
from hub.selectors.history import changes_of, entry_of, history
from hub.selectors.reports import blocks_of, blocks_small_files
from hub.selectors.revisions import (
    File,
    Revision,
    entries_at,
    entries_named,
    is_branch,
    read_text,
    revision_of,
    split_revision,
)
from hub.selectors.scanning import is_warned_of, result_of, results_of, words_of
from hub.services import sounds
from hub.views.frame import context_of, find
from hub.views.tensors import tensors_context

PREVIEW = 200_000
PAGE = 500
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif")


def crumbs_of(path: str) -> list[tuple[str, str]]:
    """The folders on the way to a path: name and path of each."""
    parts = path.split("/") if path else []
    return [(part, "/".join(parts[: index + 1])) for index, part in enumerate(parts)]


@require_safe
def tree(request: HttpRequest, prefix: str, namespace: str, name: str, rest: str = "main") -> HttpResponse:
    repository = find(request, prefix, namespace, name)
    revision, folder = split_revision(repository, rest)
    after, before = (request.GET.get(name, "").replace("\x00", "") for name in ("after", "before"))
    found = entries_at(revision, folder, after=after, before=before, limit=PAGE + 1, with_commits=True)
    is_more = len(found) > PAGE
    shown = found[-PAGE:] if before else found[:PAGE]
    results = results_of(shown)
    files = sorted(shown, key=lambda file: (not file.is_folder, file.path))
    context = context_of(
        request,
        repository,
        "files",
        revision=revision,
        folder=folder,
        rows=[(file, _verdict(results.get(file.path))) for file in files],
        next=shown[-1].path if shown and (before or is_more) else "",
        previous=shown[0].path if shown and (is_more if before else after) else "",
        crumbs=crumbs_of(folder),
        may_change=request.user.is_authenticated and is_branch(revision),
    )
    return render(request, "hub/tree.html", context)


@require_safe
def blob(request: HttpRequest, prefix: str, namespace: str, name: str, rest: str) -> HttpResponse:
    repository = find(request, prefix, namespace, name)
    revision, path = split_revision(repository, rest)
    file = next(iter(entries_named(revision, [path], with_commits=True)), None)
    if file is None or file.is_folder:
        raise NotFound(_("There is no such file at this revision."), hint=_("Look for it in the list of files."))
    removal = blocks_of(repository, [file.etag]).get(file.etag)
    text = None
    is_open = has_contents(request.principal, repository)
    if is_open and removal is None and not file.lfs_sha256 and file.size <= PREVIEW:
        text = read_text(revision, path, limit=PREVIEW)
        text = None if text is None or "\x00" in text else text
    may_change = request.user.is_authenticated and is_branch(revision)
    context = context_of(
        request,
        repository,
        "files",
        revision=revision,
        file=file,
        lines=None if text is None else text.removesuffix("\n").split("\n"),
        may_change=may_change,
        may_edit=may_change and text is not None and editing.for_editing(text.encode()) is not None,
        is_picture=is_open and removal is None and path.lower().endswith(PICTURES),
        removal=removal,
        verdict=_verdict(result := result_of(file)),
        must_confirm=is_warned_of(result),
        imports=result.imports if result else [],
        crumbs=crumbs_of(path),
        raw=f"{repository.get_absolute_url()}/resolve/{revision.commit}/{path}",
    )
    if is_open and removal is None:
        context |= tensors_context(request, revision, file) | _sound_context(request, revision, file)
    return render(request, "hub/blob.html", context)


def _sound_context(request: HttpRequest, revision: Revision, file: File) -> dict[str, Any]:
    """For hub/sound.html; the caller has checked that this person may read the file."""
    if not sounds.is_sound(file.path):
        return {}
    found = sounds.sound_at(revision, file)
    picture = viewer_link(request, found.picture) if found and found.picture else ""
    return {"is_sound": True, "sound": found, "sound_picture": picture, "sound_limit": sounds.LARGEST}


@require_safe
def commits(request: HttpRequest, prefix: str, namespace: str, name: str, rest: str = "main") -> HttpResponse:
    """The history of a branch, or with `?path=` of one file under all the names it had."""
    repository = find(request, prefix, namespace, name)
    revision = revision_of(repository, rest)
    path = request.GET.get("path", "").strip("/")
    asked = request.GET.get("p", "0")
    number = int(asked) if asked.isdecimal() and len(asked) < 9 else 0
    entries, more = history(revision, page=number, path=path)
    context = context_of(
        request,
        repository,
        "history",
        revision=revision,
        entries=entries,
        more=more,
        number=number,
        path=path,
        crumbs=crumbs_of(path),
    )
    return render(request, "hub/commits.html", context)


@require_safe
def commit(request: HttpRequest, prefix: str, namespace: str, name: str, oid: str) -> HttpResponse:
    repository = find(request, prefix, namespace, name)
    entry = entry_of(revision_of(repository, oid))
    parent = entry.parents[0] if entry.parents else None
    is_open = shows_changes(request, repository)
    changes = changes_of(repository, parent, entry.oid) if is_open else None
    return render(request, "hub/commit.html", context_of(request, repository, "history", entry=entry, changes=changes))


@require_safe
def compare(request: HttpRequest, prefix: str, namespace: str, name: str, rest: str) -> HttpResponse:
    """What leads from one revision to another: `<old>..<new>`."""
    repository = find(request, prefix, namespace, name)
    old, dots, new = rest.partition("..")
    if not dots:
        old, new = rest, repository.default_branch
    before, after = revision_of(repository, old), revision_of(repository, new)
    is_open = shows_changes(request, repository)
    changes = changes_of(repository, before.commit, after.commit) if is_open else None
    context = context_of(request, repository, "history", before=before, after=after, changes=changes)
    return render(request, "hub/compare.html", context)


@require_safe
def compare_form(request: HttpRequest, prefix: str, namespace: str, name: str) -> HttpResponse:
    """Two revisions from a form, to their address."""
    repository = find(request, prefix, namespace, name)
    old, new = (request.GET.get(key, "").strip() or repository.default_branch for key in ("old", "new"))
    return redirect(f"{repository.get_absolute_url()}/compare/{quote(old)}..{quote(new)}")


def shows_changes(request: HttpRequest, repository: Repository) -> bool:
    """Whether this person may read texts of any revision: not behind a gate, nor what a report took away."""
    if not has_contents(request.principal, repository):
        return False
    return request.principal.is_staff or not blocks_small_files(repository)


@dataclass(frozen=True)
class Verdict:
    """What an inspection found, for people."""

    status: str
    label: str
    words: list[str]


def _verdict(result: ScanResult | None) -> Verdict | None:
    if result is None:
        return None
    return Verdict(result.status, str(ScanStatus(result.status).label), words_of(result))
