"""Who may bring commits to a ref: branches are for writers, a pull request also for its author."""

from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Conflict, Forbidden
from hub import rules
from hub.enums import DiscussionState, EventKind
from hub.errors import RevisionNotFound
from hub.git import reading
from hub.git.refs import PULL_REQUEST
from hub.git.repositories import open_repository
from hub.models import Discussion, DiscussionEvent, Repository
from hub.selectors.revisions import commit_row

_MANY_COMMITS = 50


def open_for(repository: Repository, ref: str, *, by: Principal) -> Discussion | None:
    """Check that this person may move a full ref now; the pull request it belongs to, locked.

    None for a branch. Raises Forbidden, RevisionNotFound for a pull request that is not
    there, Conflict for one that is closed or merged.
    """
    if not ref.startswith(PULL_REQUEST):
        if not rules.may_write(by, repository):
            raise Forbidden(_("You may not write to this repository."), hint=_("Ask its owner for write access."))
        return None
    found = pull_request_of(repository, ref)
    if found is None:
        raise RevisionNotFound(ref)
    if not rules.may_propose(by, found):
        raise Forbidden(
            _("Only its author and those who may write here add to this pull request."),
            hint=_("Open a pull request of your own."),
        )
    if not DiscussionState(found.state).is_alive:
        raise Conflict(_("This pull request is closed."), hint=_("Reopen it, or open a new one."))
    return found


def may_upload(repository: Repository, revision: str, *, by: Principal, create_pr: bool = False) -> bool:
    """Whether content for a commit to this revision, or for a new pull request, may be sent."""
    if rules.may_write(by, repository):
        return True
    if create_pr:
        return rules.may_discuss(by, repository)
    found = Discussion.objects.filter(repository=repository, number=_number(revision), is_pull_request=True).first()
    return found is not None and rules.may_propose(by, found)


def note_commits(pull_request: Discussion, before: str | None, after: str, *, by: Principal) -> None:
    """Write what was added to a pull request into its events, oldest first."""
    repo = open_repository(pull_request.repository.path)
    fresh = []
    for commit in reading.log(repo, after, limit=_MANY_COMMITS):
        if commit.oid == before:
            break
        fresh.append(commit)
        if before is None:
            break
    DiscussionEvent.objects.bulk_create(
        DiscussionEvent(
            discussion=pull_request,
            kind=EventKind.COMMIT,
            author=by.user,
            facts={"subject": commit_row(pull_request.repository, commit).title, "oid": commit.oid},
        )
        for commit in reversed(fresh)
    )


def pull_request_of(repository: Repository, ref: str) -> Discussion | None:
    """The pull request whose commits lie at a ref, locked; None for any other ref."""
    rows = Discussion.objects.select_related("repository__namespace").select_for_update(of=("self",), no_key=True)
    return rows.filter(repository=repository, number=_number(ref), is_pull_request=True).first()


def _number(ref: str) -> int:
    """The number in `refs/pr/<number>`; 0, which no discussion has, for any other ref."""
    text = ref.removeprefix(PULL_REQUEST)
    return int(text) if ref.startswith(PULL_REQUEST) and text.isascii() and text.isdecimal() and len(text) < 9 else 0
