"""Reading discussions, and the changes that pull requests propose."""

from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext as _

from common.errors import NotFound
from hub.enums import DiscussionState, EventKind
from hub.git import merging, reading
from hub.git.refs import target_of
from hub.git.repositories import open_repository
from hub.models import CommentEdit, Discussion, DiscussionEvent, Repository

# Answers to "status=": a draft is among the open ones.
STATUS_FILTERS: dict[str, frozenset[str]] = {
    "all": frozenset(DiscussionState.values),
    "open": frozenset({DiscussionState.DRAFT, DiscussionState.OPEN}),
    "closed": frozenset({DiscussionState.CLOSED, DiscussionState.MERGED}),
}
TYPE_FILTERS: dict[str, frozenset[bool]] = {
    "all": frozenset({True, False}),
    "discussion": frozenset({False}),
    "pull_request": frozenset({True}),
}


def discussions_of(
    repository: Repository, *, kind: str = "all", status: str = "all", author: str = ""
) -> QuerySet[Discussion]:
    """Newest first. The caller has checked that the repository may be read."""
    rows = Discussion.objects.filter(
        repository=repository, is_pull_request__in=TYPE_FILTERS[kind], state__in=STATUS_FILTERS[status]
    )
    if author:
        rows = rows.filter(author__username__iexact=author)
    return rows.select_related("author").order_by("-number")


def discussion_numbered(repository: Repository, number: int) -> Discussion:
    """Raises NotFound."""
    rows = Discussion.objects.select_related("repository__namespace", "author")
    found = rows.filter(repository=repository, number=number).first() if number < 2**31 else None
    if found is None:
        raise NotFound(_("There is no such discussion."), hint=_("Look for it in the list of discussions."))
    return found


def events_of(discussion: Discussion) -> list[DiscussionEvent]:
    """All that happened, oldest first, comments with what they said before."""
    edits = Prefetch("edits", CommentEdit.objects.select_related("edited_by").order_by("id"))
    rows = DiscussionEvent.objects.filter(discussion=discussion).select_related("author")
    return list(rows.prefetch_related(edits).order_by("id"))


def comment_of(discussion: Discussion, pk: int) -> DiscussionEvent:
    """Raises NotFound."""
    rows = DiscussionEvent.objects.select_related("discussion__repository__namespace", "author")
    found = rows.filter(discussion=discussion, kind=EventKind.COMMENT, pk=pk).first() if pk < 2**63 else None
    if found is None:
        raise NotFound(_("There is no such comment."))
    return found


def diff_of(pull_request: Discussion, *, limit: int = 1_000_000) -> str:
    """What it changes, as unified text: since it left its target, or once merged what the merge brought."""
    repo = open_repository(pull_request.repository.path)
    if pull_request.merge_commit:
        merged = reading.read_commit(repo, pull_request.merge_commit)
        return reading.unified_diff(repo, merged.parents[0], merged.oid, limit=limit)
    head, source = target_of(repo, pull_request.target), target_of(repo, pull_request.ref)
    if head is None or source is None:
        return ""
    return reading.unified_diff(repo, merging.merge_base(repo, head, source), source, limit=limit)


def conflicts_of(pull_request: Discussion) -> list[str]:
    """Paths that keep a living pull request from being merged now."""
    if not DiscussionState(pull_request.state).is_alive:
        return []
    repo = open_repository(pull_request.repository.path)
    head, source = target_of(repo, pull_request.target), target_of(repo, pull_request.ref)
    if head is None or source is None:
        return []
    return merging.conflicts(repo, head, source)
