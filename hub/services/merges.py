"""Merging pull requests."""

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Conflict, Forbidden
from common.services import audit, outbox
from hub import rules
from hub.enums import DiscussionState, EventKind
from hub.errors import BranchMoved
from hub.git import merging, reading
from hub.git.errors import MergeConflict, RefMoved
from hub.git.refs import target_of
from hub.git.repositories import Repository as GitRepository
from hub.git.repositories import open_repository
from hub.models import Discussion
from hub.services import discussions, index
from hub.services.commits import author_of
from hub.services.locks import lock_branch, share_history

_LOOK_BACK = 200


@transaction.atomic
def merge(discussion: Discussion, *, by: Principal, text: str = "") -> Discussion:
    """Merge an open pull request into its target by a merge commit, and index that like any commit.

    Raises Forbidden; Conflict when it is no open pull request, its branches are gone, it
    brings nothing, or files conflict (they are named); BranchMoved when git was faster.
    """
    share_history(discussion.repository)
    discussion = discussions.locked(discussion)
    repository = discussion.repository
    if not rules.may_write(by, repository):
        raise Forbidden(_("Only those who may write to the repository merge."), hint=_("Ask its owner to merge."))
    if not discussion.is_pull_request:
        raise Conflict(_("This is a discussion: there is nothing to merge."))
    if discussion.state != DiscussionState.OPEN:
        raise Conflict(
            _("Only an open pull request can be merged; this one is %(state)s.")
            % {"state": DiscussionState(discussion.state).label},
            hint=_("Open it first."),
        )
    lock_branch(repository, discussion.ref)
    lock_branch(repository, discussion.target)
    commit = _merged(discussion, by)
    index.follow(repository, discussion.target, by=by)
    if text.strip():
        discussions.add_event(discussion, EventKind.COMMENT, by=by, text=text.strip()[: discussions.MAX_TEXT])
    discussions.move(discussion, DiscussionState.MERGED, by=by, merge_commit=commit)
    audit.record("repository.merged", str(repository), actor=by, number=discussion.number, commit=commit)
    payload = {"discussion": discussion.pk, "repository": repository.pk, "commit": commit}
    outbox.emit("discussion.merged", f"discussion.merged:{discussion.pk}", payload)
    return discussion


def _merged(discussion: Discussion, by: Principal) -> str:
    """The merge commit, made now or found: one that a crash, or somebody by hand, left without its row."""
    repository = discussion.repository
    repo = open_repository(repository.path)
    head, source = target_of(repo, discussion.target), target_of(repo, discussion.ref)
    if head is None or source is None:
        raise Conflict(_("The branch %(name)s is gone.") % {"name": discussion.target_name})
    index.follow(repository, discussion.target)
    if source == head or reading.is_ancestor(repo, source, head):
        return _merge_of(repo, source, head)
    message = f"{discussion.title} (#{discussion.number})"
    try:
        return merging.merge(repo, discussion.target, source, message=message, author=author_of(by), expected=head).oid
    except MergeConflict as error:
        raise Conflict(
            _("These files conflict: %(paths)s.") % {"paths": ", ".join(error.paths[:20])},
            hint=_("Bring the pull request up to date with its target, then merge again."),
            code="merge_conflict",
        ) from error
    except RefMoved:
        raise BranchMoved from None


def _merge_of(repo: GitRepository, source: str, head: str) -> str:
    for commit in reading.log(repo, head, limit=_LOOK_BACK):
        if source in commit.parents[1:]:
            return commit.oid
    raise Conflict(_("The target has all of this already."), hint=_("Add a commit to the pull request, or close it."))
