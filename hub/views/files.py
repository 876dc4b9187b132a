"""Files, single files, commits."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from common.errors import NotFound
from hub.models import ScanResult
from hub.safety_enums import ScanStatus
from hub.selectors.access import has_contents
from hub.selectors.history import commit_with_diff, history
from hub.selectors.reports import blocks_of, blocks_small_files
from hub.selectors.revisions import entries_at, entries_named, read_text, revision_of, split_revision
from hub.selectors.scanning import is_warned_of, result_of, results_of, words_of
from hub.views.frame import context_of, find

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
    after = request.GET.get("after", "")
    found = entries_at(revision, folder, after=after, limit=PAGE + 1, with_commits=True)
    results = results_of(found[:PAGE])
    more = found[PAGE - 1].path if len(found) > PAGE else ""
    files = sorted(found[:PAGE], key=lambda file: (not file.is_folder, file.path))
    context = context_of(
        request,
        repository,
        "files",
        revision=revision,
        folder=folder,
        rows=[(file, _verdict(results.get(file.path))) for file in files],
        more=more,
        crumbs=crumbs_of(folder),
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
    context = context_of(
        request,
        repository,
        "files",
        revision=revision,
        file=file,
        text=text,
        is_picture=is_open and removal is None and path.lower().endswith(PICTURES),
        removal=removal,
        verdict=_verdict(result := result_of(file)),
        must_confirm=is_warned_of(result),
        imports=result.imports if result else [],
        crumbs=crumbs_of(path),
        raw=f"{repository.get_absolute_url()}/resolve/{revision.commit}/{path}",
    )
    return render(request, "hub/blob.html", context)


@require_safe
def commits(request: HttpRequest, prefix: str, namespace: str, name: str, rest: str = "main") -> HttpResponse:
    repository = find(request, prefix, namespace, name)
    revision = revision_of(repository, rest)
    asked = request.GET.get("p", "0")
    number = int(asked) if asked.isdecimal() and len(asked) < 9 else 0
    entries, more = history(revision, page=number)
    context = context_of(request, repository, "history", revision=revision, entries=entries, more=more, number=number)
    return render(request, "hub/commits.html", context)


@require_safe
def commit(request: HttpRequest, prefix: str, namespace: str, name: str, oid: str) -> HttpResponse:
    repository = find(request, prefix, namespace, name)
    revision = revision_of(repository, oid)
    entry, diff = commit_with_diff(revision)
    is_open = has_contents(request.principal, repository)
    is_open = is_open and (request.principal.is_staff or not blocks_small_files(repository))
    lines = [(kind_of(line), line) for line in diff.splitlines()] if is_open else []
    return render(request, "hub/commit.html", context_of(request, repository, "history", entry=entry, lines=lines))


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


def kind_of(line: str) -> str:
    """How a line of a unified diff is shown."""
    if line.startswith(("+++", "---", "diff ", "index ", "@@")):
        return "head"
    return {"+": "added", "-": "removed"}.get(line[:1], "")
