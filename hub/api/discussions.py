"""Discussions and pull requests (hub-api.md, discussions and pull requests)."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from accounts.models import User
from common.errors import Invalid, NotFound
from hub.algorithms.rendering import render_card
from hub.api.protocol import absolute, date, door, flag, json_body, principal_of, repository, text_of
from hub.enums import EventKind, RepositoryKind
from hub.models import Discussion, DiscussionEvent, Repository
from hub.selectors import discussions as selectors
from hub.selectors import has_contents
from hub.services import discussions as services
from hub.services import merges

_PAGE = 50


@door("GET", "POST")
def discussions(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str) -> HttpResponse:
    found = repository(request, kind, namespace, name)
    return _open(request, found) if request.method == "POST" else _listing(request, found)


@door("GET")
def details(request: HttpRequest, kind: RepositoryKind, namespace: str, name: str, number: int) -> HttpResponse:
    found = repository(request, kind, namespace, name)
    discussion = selectors.discussion_numbered(found, number)
    # Clients always ask for the diff; whoever may not have it still reads what is said.
    diff = flag(request, "diff") and has_contents(principal_of(request), found)
    return JsonResponse(_details(discussion, diff=diff))


@door("POST")
def act(
    request: HttpRequest, kind: RepositoryKind, namespace: str, name: str, number: int, action: str
) -> HttpResponse:
    """Comment, rename, open or close, merge."""
    found = repository(request, kind, namespace, name)
    discussion = selectors.discussion_numbered(found, number)
    by, body = principal_of(request), json_body(request)
    match action:
        case "comment":
            event = services.comment(discussion, text_of(body, "comment"), by=by)
            return JsonResponse({"newMessage": _event(event, found)})
        case "title":
            event = services.rename(discussion, text_of(body, "title"), by=by)
            return JsonResponse({"newTitle": _event(event, found)})
        case "status":
            text = text_of(body, "comment", default="")
            event = services.change_status(discussion, text_of(body, "status"), by=by, text=text)
            return JsonResponse({"newStatus": _event(event, found)})
        case "merge":
            merged = merges.merge(discussion, by=by, text=text_of(body, "comment", default=""))
            return JsonResponse({"mergeCommitId": merged.merge_commit, "status": merged.state})
        case _:
            raise NotFound("There is no such address.")


@door("POST")
def comment(
    request: HttpRequest, kind: RepositoryKind, namespace: str, name: str, number: int, comment: str, action: str
) -> HttpResponse:
    """Edit or hide a comment."""
    found = repository(request, kind, namespace, name)
    event = selectors.comment_of(selectors.discussion_numbered(found, number), _key(comment))
    by = principal_of(request)
    match action:
        case "edit":
            event = services.edit_comment(event, text_of(json_body(request), "content"), by=by)
        case "hide":
            event = services.hide_comment(event, by=by)
        case _:
            raise NotFound("There is no such address.")
    return JsonResponse({"updatedComment": _event(event, found)})


def _listing(request: HttpRequest, found: Repository) -> HttpResponse:
    kind = _choice(request, "type", list(selectors.TYPE_FILTERS))
    status = _choice(request, "status", list(selectors.STATUS_FILTERS))
    given = request.GET.get("p", "0")
    start = int(given) * _PAGE if given.isdecimal() and len(given) < 9 else 0
    rows = selectors.discussions_of(found, kind=kind, status=status, author=request.GET.get("author", ""))
    listed = [_one(discussion, found) for discussion in rows[start : start + _PAGE]]
    return JsonResponse({"discussions": listed, "count": rows.count(), "start": start})


def _open(request: HttpRequest, found: Repository) -> HttpResponse:
    body = json_body(request)
    discussion = services.open_discussion(
        found,
        title=text_of(body, "title"),
        text=text_of(body, "description", default=""),
        pull_request=body.get("pullRequest") is True,
        target=found.default_branch,
        by=principal_of(request),
    )
    url = absolute(request, discussion.get_absolute_url())
    return JsonResponse(_one(discussion, found) | {"url": url, "pullRequest": discussion.is_pull_request})


def _details(discussion: Discussion, *, diff: bool) -> dict[str, Any]:
    found = discussion.repository
    events = [_event(event, found) for event in selectors.events_of(discussion)]
    answer = _one(discussion, found) | {"events": events}
    if discussion.is_pull_request:
        changes = {"base": discussion.target}
        if discussion.merge_commit:
            changes["mergeCommitId"] = discussion.merge_commit
        answer |= {"changes": changes, "filesWithConflicts": selectors.conflicts_of(discussion)}
        if diff:
            answer["diff"] = selectors.diff_of(discussion)
    return answer


def _one(discussion: Discussion, found: Repository) -> dict[str, Any]:
    return {
        "num": discussion.number,
        "title": discussion.title,
        "status": discussion.state,
        "createdAt": date(discussion.created_at),
        "isPullRequest": discussion.is_pull_request,
        "repo": {"name": found.full_name, "type": found.kind},
    } | _author(discussion.author)


def _event(event: DiscussionEvent, found: Repository) -> dict[str, Any]:
    return {
        "id": f"{event.pk:024x}",
        "type": event.kind,
        "createdAt": date(event.created_at),
        "data": _comment(event, found) if event.kind == EventKind.COMMENT else event.facts,
    } | _author(event.author)


def _comment(event: DiscussionEvent, found: Repository) -> dict[str, Any]:
    """The words and what they were before; of a hidden comment neither."""
    edits = list(event.edits.all())
    updated = edits[-1].edited_at if edits else event.created_at
    latest = {
        "raw": "" if event.is_hidden else event.text,
        "html": "" if event.is_hidden else _html(event.text, found),
        "updatedAt": date(updated),
    } | _author(edits[-1].edited_by if edits else event.author)
    history = [] if event.is_hidden else [_past(edit.text, date(edit.edited_at), edit.edited_by) for edit in edits]
    return {"edited": bool(edits), "hidden": event.is_hidden, "latest": latest, "history": history}


def _past(text: str, until: str, by: User | None) -> dict[str, Any]:
    return {"raw": text, "updatedAt": until} | _author(by)


def _html(text: str, found: Repository) -> str:
    address = found.get_absolute_url()
    branch = found.default_branch
    return render_card(text, base=f"{address}/resolve/{branch}/", files=f"{address}/blob/{branch}/")


def _author(user: User | None) -> dict[str, Any]:
    """Nothing for a person who is gone; clients then say "deleted"."""
    if user is None:
        return {}
    return {"author": {"name": user.username, "fullname": user.get_full_name(), "type": "user"}}


def _choice(request: HttpRequest, name: str, choices: list[str]) -> str:
    asked = request.GET.get(name) or "all"
    if asked not in choices:
        raise Invalid(f"{name} must be one of {', '.join(choices)}.")
    return asked


def _key(comment: str) -> int:
    """The id of a comment, hexadecimal as clients see it."""
    if not comment or len(comment) > 24 or set(comment.lower()) - set("0123456789abcdef"):
        raise NotFound("There is no such comment.")
    return int(comment, 16)
