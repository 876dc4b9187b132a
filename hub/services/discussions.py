"""Discussions and pull requests: opening, talking, steering. Merging is in hub/services/merges.py."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid, Unauthenticated
from common.services import audit, outbox
from hub import rules
from hub.enums import DISCUSSION_MOVES, DiscussionState, EventKind
from hub.errors import RevisionNotFound
from hub.git import reading, refs
from hub.git.commits import CommitResult
from hub.git.errors import GitError
from hub.git.refs import BRANCH, RefUpdate
from hub.git.repositories import open_repository
from hub.models import CommentEdit, Discussion, DiscussionEvent, Repository
from hub.services import attachments, commits, index, secrets
from hub.services.locks import lock_discussions

MIN_TITLE, MAX_TITLE = 3, 200
MAX_TEXT = 65_536


@transaction.atomic
def open_discussion(
    repository: Repository,
    *,
    title: str,
    by: Principal,
    text: str = "",
    pull_request: bool = False,
    target: str = "main",
    start: str | None = None,
    is_draft: bool = True,
) -> Discussion:
    """Open a discussion or a pull request; the ref of the latter is there at once.

    A pull request starts at `start`, a commit of its target branch (default: the head).
    Raises Unauthenticated, Forbidden, Invalid, RevisionNotFound.
    """
    _require_voice(repository, by)
    title, text = _checked_title(title), _checked_text(text, may_be_empty=True)
    base = _base(repository, target, start) if pull_request else ""
    lock_discussions(repository)
    last = repository.discussions.aggregate(last=Max("number"))["last"] or 0
    discussion = Discussion.objects.create(
        repository=repository,
        number=last + 1,
        title=title,
        author=by.user,
        is_pull_request=pull_request,
        state=DiscussionState.DRAFT if pull_request and is_draft else DiscussionState.OPEN,
        target=BRANCH + target.removeprefix(BRANCH) if pull_request else "",
    )
    if pull_request:
        _start_ref(discussion, base)
    first = add_event(discussion, EventKind.COMMENT, by=by, text=text)
    audit.record("discussion.opened", str(discussion), actor=by, title=title, pull_request=pull_request)
    tell("discussion.opened", discussion, by, comment=first.pk)
    return discussion


def propose(
    repository: Repository,
    operations: Sequence[commits.Operation],
    *,
    by: Principal,
    message: str,
    description: str = "",
    target: str = "main",
    start: str | None = None,
) -> tuple[Discussion, CommitResult]:
    """Open a pull request with its first commit, both or neither.

    Raises what `open_discussion` and `commits.commit` raise.
    """
    title = message.strip()[:MAX_TITLE].ljust(MIN_TITLE, ".")
    secrets.refuse_public(repository, secrets.found_in(operations), message=f"{message}\n{description}")
    with transaction.atomic():
        discussion = open_discussion(
            repository,
            title=title,
            text=description,
            by=by,
            pull_request=True,
            target=target,
            start=start,
            is_draft=False,
        )
        try:
            result = commits.commit(
                repository, operations, by=by, message=message, description=description, branch=discussion.ref
            )
        except Exception:
            # The rows are rolled back, git is not; until then nobody else gets this number.
            _drop_ref(discussion)
            raise
    return discussion, result


@transaction.atomic
def comment(discussion: Discussion, text: str, *, by: Principal) -> DiscussionEvent:
    """Say something. Raises Unauthenticated, Forbidden, Invalid."""
    discussion = locked(discussion)
    _require_voice(discussion.repository, by)
    event = add_event(discussion, EventKind.COMMENT, by=by, text=_checked_text(text))
    audit.record("discussion.commented", str(discussion), actor=by, comment=event.pk)
    tell("discussion.commented", discussion, by, comment=event.pk)
    return event


@transaction.atomic
def edit_comment(event: DiscussionEvent, text: str, *, by: Principal) -> DiscussionEvent:
    """Change one's own words; what they were is kept. Raises Forbidden, Conflict, Invalid."""
    event = _locked_comment(event)
    if not rules.may_edit_comment(by, event):
        raise Forbidden(_("You may only change what you wrote yourself."))
    if event.is_hidden:
        raise Conflict(_("This comment is hidden."), hint=_("Write a new one."))
    text = _checked_text(text)
    edit = CommentEdit.objects.create(event=event, text=event.text, edited_by=by.user)
    event.text = text
    event.save(update_fields=["text"])
    attachments.take_up(event)
    audit.record("discussion.comment_edited", str(event.discussion), actor=by, comment=event.pk)
    tell("discussion.comment_edited", event.discussion, by, comment=event.pk, event=edit.pk)
    return event


@transaction.atomic
def hide_comment(event: DiscussionEvent, *, by: Principal) -> DiscussionEvent:
    """Show a comment to nobody any more; there is no way back. Repeating it changes nothing."""
    event = _locked_comment(event)
    if not rules.may_hide_comment(by, event):
        raise Forbidden(_("Only its author and those who may write here hide a comment."))
    if not event.is_hidden:
        event.is_hidden = True
        event.save(update_fields=["is_hidden"])
        attachments.drop(event)
        audit.record("discussion.comment_hidden", str(event.discussion), actor=by, comment=event.pk)
        tell("discussion.comment_hidden", event.discussion, by, comment=event.pk)
    return event


@transaction.atomic
def rename(discussion: Discussion, title: str, *, by: Principal) -> DiscussionEvent:
    """Give it another title. Raises Forbidden, Invalid."""
    discussion = locked(discussion)
    _require_steering(discussion, by)
    before, discussion.title = discussion.title, _checked_title(title)
    discussion.save(update_fields=["title"])
    event = add_event(discussion, EventKind.TITLE, by=by, facts={"from": before, "to": discussion.title})
    audit.record("discussion.renamed", str(discussion), actor=by, before=before, after=discussion.title)
    tell("discussion.renamed", discussion, by, event=event.pk)
    return event


@transaction.atomic
def change_status(
    discussion: Discussion, state: DiscussionState | str, *, by: Principal, text: str = ""
) -> DiscussionEvent:
    """Open or close it, with a word if given; to merge is another service. Raises Forbidden, Conflict, Invalid."""
    discussion = locked(discussion)
    _require_steering(discussion, by)
    if state not in {DiscussionState.OPEN, DiscussionState.CLOSED}:
        raise Invalid(_("The state must be open or closed."))
    if text.strip():
        said = add_event(discussion, EventKind.COMMENT, by=by, text=_checked_text(text))
        tell("discussion.commented", discussion, by, comment=said.pk)
    event = move(discussion, DiscussionState(state), by=by)
    tell("discussion.status_changed", discussion, by, event=event.pk)
    return event


def move(discussion: Discussion, state: DiscussionState, *, by: Principal, merge_commit: str = "") -> DiscussionEvent:
    """The only function that changes a state. Raises Conflict for a move that the table does not have."""
    before = DiscussionState(discussion.state)
    if state not in DISCUSSION_MOVES[before]:
        raise Conflict(_("It is %(state)s.") % {"state": before.label}, hint=_("Reload the page to see what changed."))
    discussion.state = state
    discussion.merge_commit = merge_commit
    discussion.save(update_fields=["state", "merge_commit"])
    audit.record(f"discussion.{state.value}", str(discussion), actor=by, before=before.value)
    return add_event(discussion, EventKind.STATUS, by=by, facts={"status": state.value})


def locked(discussion: Discussion) -> Discussion:
    """The row as it is now, held until the end of the transaction."""
    rows = Discussion.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("repository__namespace", "author").get(pk=discussion.pk)


def add_event(
    discussion: Discussion, kind: EventKind, *, by: Principal, text: str = "", facts: dict[str, Any] | None = None
) -> DiscussionEvent:
    event = DiscussionEvent.objects.create(
        discussion=discussion, kind=kind, author=by.user, text=text, facts=facts or {}
    )
    attachments.take_up(event)
    return event


def _base(repository: Repository, target: str, start: str | None) -> str:
    """The commit a pull request starts at. Raises RevisionNotFound for all but a branch and its commits."""
    repo = open_repository(repository.path)
    head = refs.target_of(repo, BRANCH + target.removeprefix(BRANCH))
    if head is None:
        raise RevisionNotFound(target)
    if not start:
        return head
    commit = reading.resolve(repo, start)
    if commit is None or (commit != head and not reading.is_ancestor(repo, commit, head)):
        raise RevisionNotFound(start)
    return commit


def _start_ref(discussion: Discussion, base: str) -> None:
    """Nobody else has this number: what may lie at the ref was left by a process that died."""
    repository = discussion.repository
    repo = open_repository(repository.path)
    refs.update(repo, [RefUpdate(discussion.ref, refs.target_of(repo, discussion.ref), base)])
    source = repository.branches.filter(ref=discussion.target, head=base).first()
    if source is not None and not repository.branches.filter(ref=discussion.ref).exists():
        index.copy_branch(repository, source, discussion.ref)
    else:
        index.follow(repository, discussion.ref)


def _drop_ref(discussion: Discussion) -> None:
    repo = open_repository(discussion.repository.path)
    try:
        refs.update(repo, [RefUpdate(discussion.ref, refs.target_of(repo, discussion.ref), None)])
    except GitError:
        return  # the next one to get this number starts the ref anew


def _locked_comment(event: DiscussionEvent) -> DiscussionEvent:
    rows = DiscussionEvent.objects.select_for_update(of=("self",)).filter(kind=EventKind.COMMENT)
    return rows.select_related("discussion__repository__namespace", "author").get(pk=event.pk)


def _require_voice(repository: Repository, by: Principal) -> None:
    if by.is_anonymous:
        raise Unauthenticated(_("Log in to take part."), hint=_("Programs send an access token with write scope."))
    if not repository.has_discussions:
        raise Forbidden(
            _("Discussions are closed for this repository."),
            hint=_("Its administrators open them in the settings."),
        )
    if not rules.may_discuss(by, repository):
        raise Forbidden(
            _("You may not take part in the discussions of this repository."),
            hint=_("Use an access token with write scope that is not bound to another name."),
        )


def _require_steering(discussion: Discussion, by: Principal) -> None:
    if not rules.may_steer(by, discussion):
        raise Forbidden(
            _("Only its author and those who may write to the repository change this."),
            hint=_("Say in a comment what you think should happen."),
        )


def _checked_title(title: str) -> str:
    title = " ".join(title.split())
    if not MIN_TITLE <= len(title) <= MAX_TITLE:
        raise Invalid(_("A title has %(least)s to %(most)s characters.") % {"least": MIN_TITLE, "most": MAX_TITLE})
    return title


def _checked_text(text: str, *, may_be_empty: bool = False) -> str:
    text = text.strip()
    if not text and not may_be_empty:
        raise Invalid(_("Write something first."))
    if len(text) > MAX_TEXT:
        raise Invalid(_("A comment has up to %(most)s characters.") % {"most": MAX_TEXT})
    return text


def tell(topic: str, discussion: Discussion, by: Principal, **facts: int) -> None:
    """`comment` and `event` are the rows that make it one of its kind; an opening is the only one anyway."""
    key = f"{topic}:{discussion.pk}:{facts.get('event') or facts.get('comment') or ''}"
    payload = {
        "key": key,
        "discussion": discussion.pk,
        "repository": discussion.repository_id,
        "number": discussion.number,
        "pull_request": discussion.is_pull_request,
        "state": str(discussion.state),
        "actor": by.user.pk if by.user is not None else None,
    }
    outbox.emit(topic, key, payload | facts)
