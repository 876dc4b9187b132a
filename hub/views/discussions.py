"""Discussions and pull requests as pages."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from common.errors import Invalid, Refusal
from common.pagination import page_of
from hub import rules
from hub.algorithms.rendering import render_card
from hub.enums import DISCUSSION_MOVES, DiscussionState, EventKind
from hub.forms import CommentForm, NewDiscussionForm
from hub.models import Discussion, DiscussionEvent, Repository
from hub.selectors import discussions as selectors
from hub.selectors.history import MAX_DIFF, read_changes
from hub.services import attachments, merges
from hub.services import discussions as services
from hub.views.files import shows_changes
from hub.views.frame import context_of, find


@require_safe
def discussion_list(request: HttpRequest, prefix: str, namespace: str, name: str) -> HttpResponse:
    repository = find(request, prefix, namespace, name)
    status = request.GET.get("status", "open")
    status = status if status in selectors.STATUS_FILTERS else "open"
    context = context_of(
        request,
        repository,
        "discussions",
        status=status,
        statuses=[("open", _("Open")), ("closed", _("Closed")), ("all", _("All"))],
        page=page_of(request, selectors.discussions_of(repository, status=status)),
        may_discuss=rules.may_discuss(request.principal, repository),
    )
    return render(request, "hub/discussions.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def discussion_create(request: HttpRequest, prefix: str, namespace: str, name: str) -> HttpResponse:
    repository = find(request, prefix, namespace, name)
    form = NewDiscussionForm(request.POST or None, request.FILES or None)
    if form.is_valid():
        try:
            title, text = form.cleaned_data["title"], _with_picture(request, form)
            opened = services.open_discussion(repository, title=title, text=text, by=request.principal)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect(opened)
    return render(request, "hub/discussion_new.html", context_of(request, repository, "discussions", form=form))


@require_safe
def discussion_page(request: HttpRequest, prefix: str, namespace: str, name: str, number: int) -> HttpResponse:
    repository = find(request, prefix, namespace, name)
    return _page(request, selectors.discussion_numbered(repository, number), CommentForm())


def _page(request: HttpRequest, discussion: Discussion, form: CommentForm) -> HttpResponse:
    repository, by = discussion.repository, request.principal
    moves = DISCUSSION_MOVES[DiscussionState(discussion.state)]
    may_steer = rules.may_steer(by, discussion)
    context = context_of(
        request,
        repository,
        "discussions",
        discussion=discussion,
        events=[_shown(event, discussion, request) for event in selectors.events_of(discussion)],
        form=form,
        may_discuss=rules.may_discuss(by, repository),
        may_open=may_steer and DiscussionState.OPEN in moves,
        may_close=may_steer and DiscussionState.CLOSED in moves,
    )
    if discussion.is_pull_request:
        may_merge = context["may_write"] and DiscussionState.MERGED in moves
        context |= _changes(discussion, may_merge=may_merge, is_open=shows_changes(request, repository))
    return render(request, "hub/discussion.html", context)


@login_required
@require_POST
def discussion_act(request: HttpRequest, prefix: str, namespace: str, name: str, number: int) -> HttpResponse:
    """One form, several buttons: comment, open, close, merge; with a comment where something is written."""
    discussion = selectors.discussion_numbered(find(request, prefix, namespace, name), number)
    form = CommentForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, discussion, form)
    by = request.principal
    try:
        text = _with_picture(request, form)
        match request.POST.get("act"):
            case "open" | "closed" as state:
                services.change_status(discussion, state, by=by, text=text)
            case "merge":
                merges.merge(discussion, by=by, text=text)
                messages.success(request, _("Merged."))
            case _:
                services.comment(discussion, text, by=by)
    except Refusal as refusal:
        if refusal.status not in {400, 409, 412, 413, 429, 507}:
            raise
        form.add_error(None, str(refusal))
        # As it stands by now, with what was written.
        return _page(request, selectors.discussion_numbered(discussion.repository, number), form)
    return redirect(discussion)


@login_required
@require_POST
def comment_hide(
    request: HttpRequest, prefix: str, namespace: str, name: str, number: int, comment: int
) -> HttpResponse:
    discussion = selectors.discussion_numbered(find(request, prefix, namespace, name), number)
    services.hide_comment(selectors.comment_of(discussion, comment), by=request.principal)
    return redirect(discussion)


def _with_picture(request: HttpRequest, form: NewDiscussionForm | CommentForm) -> str:
    """What was written, and below it the picture that came along. Raises what its upload raises."""
    text, file = form.cleaned_data["text"], form.cleaned_data["picture"]
    if file is None:
        return text
    if file.size > attachments.MAX_BYTES:
        raise Invalid(_("A picture has at most %(size)s MB.") % {"size": attachments.MAX_BYTES // 1_000_000})
    made = attachments.upload(file.read(), by=request.principal)
    name = "".join(letter for letter in file.name.rpartition(".")[0] if letter.isalnum() or letter in " -_")
    return f"{text}\n\n![{name}]({request.build_absolute_uri(made.get_absolute_url())})".strip()


def _shown(event: DiscussionEvent, discussion: Discussion, request: HttpRequest) -> dict[str, Any]:
    """An event with what the page says about it; the words of a hidden comment stay out."""
    shown: dict[str, Any] = {"event": event, "label": ""}
    if event.kind == EventKind.STATUS:
        shown["label"] = DiscussionState(event.facts["status"]).label
    if event.kind == EventKind.COMMENT and not event.is_hidden:
        event.discussion = discussion
        shown["html"] = _html(event.text, discussion.repository)
        shown["is_edited"] = bool(event.edits.all())
        shown["may_hide"] = rules.may_hide_comment(request.principal, event)
    return shown


def _html(text: str, repository: Repository) -> str:
    address, branch = repository.get_absolute_url(), repository.default_branch
    html = render_card(text, base=f"{address}/resolve/{branch}/", files=f"{address}/blob/{branch}/")
    return mark_safe(html)  # noqa: S308 - cleaned by allow-list


def _changes(discussion: Discussion, *, may_merge: bool, is_open: bool) -> dict[str, Any]:
    conflicts = selectors.conflicts_of(discussion)
    changes = None
    if is_open:
        changes = read_changes(discussion.repository, selectors.diff_of(discussion, limit=MAX_DIFF))
    return {
        "conflicts": conflicts,
        "may_merge": may_merge and not conflicts,
        "changes": changes,
    }
