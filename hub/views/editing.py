"""Files written, moved and deleted in the browser."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.principal import Principal
from common.errors import Conflict, Forbidden, NotFound, Refusal
from hub import rules
from hub.algorithms import cards, editing, rendering
from hub.errors import BranchMoved
from hub.forms import ChangeForm, MoveForm, NewTextForm, TextForm
from hub.models import Repository
from hub.selectors.access import require_contents
from hub.selectors.history import changes_of
from hub.selectors.reports import refuse_blocked
from hub.selectors.revisions import (
    Revision,
    entries_named,
    entry_at,
    is_branch,
    read_bytes,
    revision_of,
    split_revision,
)
from hub.services import edits, proposals
from hub.views.files import crumbs_of, shows_changes
from hub.views.frame import context_of, find


@dataclass(frozen=True)
class Place:
    """Where a change is to happen, and what this person may do there."""

    repository: Repository
    revision: Revision
    path: str
    may_commit: bool
    may_propose: bool


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, prefix: str, namespace: str, name: str, rest: str) -> HttpResponse:
    """A text file in a form."""
    place = place_of(request, prefix, namespace, name, rest)
    require_contents(request.principal, place.repository)
    form = TextForm(request.POST or None, initial={"head": place.revision.commit})
    if request.method != "POST":
        form.initial["text"] = _text_of(request.principal, place.revision, place.path)
    if form.is_valid():
        before = revision_of(place.repository, form.cleaned_data["head"])
        _text_of(request.principal, before, place.path)
        old = (read_bytes(before, place.path, limit=editing.MAX_LENGTH) or b"").decode()
        text = editing.as_written(form.cleaned_data["text"], before=old)
        wish = _wish(request, place, form, f"Edit {place.path}")
        answer = _try(
            request, place, form, lambda: edits.put_text(place.repository, place.path, text, wish, by=request.principal)
        )
        if answer is not None:
            return answer
    return _show(request, place, form, _("Edit %(path)s") % {"path": place.path}, path=place.path)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest, prefix: str, namespace: str, name: str, rest: str) -> HttpResponse:
    """A new text file; `rest` may name the folder to begin with."""
    place = place_of(request, prefix, namespace, name, rest)
    start = request.GET.get("path") or (f"{place.path}/" if place.path else "")
    form = NewTextForm(request.POST or None, initial={"head": place.revision.commit, "path": start})
    path = form["path"].value() or ""
    if form.is_valid():
        path = form.cleaned_data["path"]
        text = editing.as_written(form.cleaned_data["text"])
        wish = _wish(request, place, form, f"Add {path}")
        answer = _try(
            request,
            place,
            form,
            lambda: edits.put_text(place.repository, path, text, wish, by=request.principal, is_new=True),
            path=path,
        )
        if answer is not None:
            return answer
    return _show(request, place, form, _("New file"), path=path)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def move(request: HttpRequest, prefix: str, namespace: str, name: str, rest: str) -> HttpResponse:
    """A file or folder gets another path."""
    place = place_of(request, prefix, namespace, name, rest)
    form = MoveForm(request.POST or None, initial={"head": place.revision.commit, "path": place.path})
    if request.method != "POST":
        entry_at(place.revision, place.path)
    if form.is_valid():
        new = form.cleaned_data["path"]
        wish = _wish(request, place, form, f"Move {place.path} to {new}")
        answer = _try(
            request,
            place,
            form,
            lambda: edits.move(place.repository, place.path, new, wish, by=request.principal),
            path=new,
        )
        if answer is not None:
            return answer
    return _show(request, place, form, _("Move or rename %(path)s") % {"path": place.path})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, prefix: str, namespace: str, name: str, rest: str) -> HttpResponse:
    """A file or folder goes; its history stays."""
    place = place_of(request, prefix, namespace, name, rest)
    form = ChangeForm(request.POST or None, initial={"head": place.revision.commit})
    if request.method != "POST":
        entry_at(place.revision, place.path)
    if form.is_valid():
        wish = _wish(request, place, form, f"Delete {place.path}")
        answer = _try(
            request, place, form, lambda: edits.delete(place.repository, place.path, wish, by=request.principal)
        )
        if answer is not None:
            return answer
    return _show(request, place, form, _("Delete %(path)s") % {"path": place.path}, is_dangerous=True)


@login_required
@require_POST
def preview(request: HttpRequest, prefix: str, namespace: str, name: str) -> HttpResponse:
    """A piece of a page: what a Markdown text will look like, and what is wrong with its metadata."""
    repository = find(request, prefix, namespace, name)
    is_card = request.POST.get("card") == "yes" or request.POST.get("path") == cards.FILE
    context = preview_of(repository, request.POST.get("text", ""), is_card=is_card)
    return render(request, "hub/preview.html", context)


def place_of(request: HttpRequest, prefix: str, namespace: str, name: str, rest: str) -> Place:
    """Raises NotFound when it is no branch, Forbidden when this person may change nothing there."""
    repository = find(request, prefix, namespace, name)
    revision, path = split_revision(repository, rest)
    if not is_branch(revision):
        raise NotFound(_("Files change on a branch, and this is none."), hint=_("Open the file on a branch first."))
    by = request.principal
    may_commit = proposals.may_upload(repository, revision.name, by=by)
    may_propose = not revision.name.startswith("refs/") and rules.may_discuss(by, repository)
    if not may_commit and not may_propose:
        raise Forbidden(_("You may not change files here."), hint=_("Ask its owner for write access."))
    return Place(repository, revision, path, may_commit, may_propose)


def preview_of(repository: Repository, text: str, *, is_card: bool) -> dict[str, Any]:
    """For hub/preview.html."""
    body = cards.split(text)[1]
    address = f"{repository.get_absolute_url()}/{{}}/{repository.default_branch}/"
    html = rendering.render(body, base=address.format("resolve"), files=address.format("blob"))
    errors, warnings = cards.faults(text, repository.kind) if is_card else ([], [])
    safe: SafeString = mark_safe(html)  # noqa: S308 - cleaned by allow-list
    return {"preview": safe, "errors": errors, "warnings": warnings}


def _text_of(by: Principal, revision: Revision, path: str) -> str:
    """The text of a file for a form. Raises EntryNotFound, ContentRemoved, Conflict when a form is no place for it."""
    file = entry_at(revision, path)
    refuse_blocked(by, revision.repository, file.etag)
    data = None if file.is_folder or file.lfs_sha256 else read_bytes(revision, path, limit=editing.MAX_LENGTH)
    text = None if data is None else editing.for_editing(data)
    if text is None:
        raise Conflict(
            _("This file cannot be edited in the browser: it is large, no UTF-8 text, or mixes kinds of line ends."),
            hint=_("Change it on your computer and upload it."),
        )
    return text


def _wish(request: HttpRequest, place: Place, form: forms.Form, message: str) -> edits.Wish:
    chosen = form.cleaned_data
    return edits.Wish(
        branch=place.revision.name,
        head=chosen["head"],
        message=chosen["message"].strip() or message,
        description=chosen["description"],
        as_pull_request=request.POST.get("act") == "propose" or not place.may_commit,
    )


def _try(
    request: HttpRequest, place: Place, form: forms.Form, change: Callable[[], edits.Made], *, path: str = ""
) -> HttpResponse | None:
    """The answer to a change that was made; None when the form must be shown again."""
    if request.POST.get("act") not in {"commit", "propose"}:
        return None
    try:
        made = change()
    except BranchMoved:
        return _show_conflict(request, place, form, path or place.path)
    except Refusal as refusal:
        form.add_error(None, str(refusal))
        return None
    if made.pull_request is not None:
        return redirect(made.pull_request)
    messages.success(request, _("Committed as %(commit)s.") % {"commit": made.result.oid[:10]})
    address, revision = place.repository.get_absolute_url(), place.revision.name
    path = path or place.path
    found = next(iter(entries_named(revision_of(place.repository, revision), [path])), None)
    if found is None:
        folder = path.rpartition("/")[0]
        there = folder and entries_named(revision_of(place.repository, revision), [folder])
        return redirect(f"{address}/tree/{revision}/{folder}" if there else f"{address}/tree/{revision}")
    return redirect(f"{address}/{'tree' if found.is_folder else 'blob'}/{revision}/{path}")


def _show_conflict(request: HttpRequest, place: Place, form: forms.Form, path: str) -> HttpResponse:
    """Somebody was faster. What was written stays in the form, which now builds upon the newest commit."""
    old = form.cleaned_data["head"]
    is_open = shows_changes(request, place.repository)
    shown = changes_of(place.repository, revision_of(place.repository, old).commit, place.revision.commit, path=path)
    data = form.data.copy()
    data["head"] = place.revision.commit
    again = type(form)(data)
    context = {"has_conflict": True, "changes": shown if is_open else None}
    return _show(request, place, again, _("Somebody was faster"), path=path, status=409, **context)


def _show(
    request: HttpRequest,
    place: Place,
    form: forms.Form,
    heading: str,
    *,
    path: str = "",
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    context = context_of(
        request,
        place.repository,
        "files",
        form=form,
        heading=heading,
        place=place,
        revision=place.revision,
        crumbs=crumbs_of(place.path),
        has_preview="text" in form.fields and (editing.is_markdown(path) or not path),
        is_card=path == cards.FILE,
        **more,
    )
    if request.POST.get("act") == "preview":
        context |= preview_of(place.repository, request.POST.get("text", ""), is_card=path == cards.FILE)
    return render(request, "hub/edit.html", context, status=status)
