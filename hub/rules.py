"""May this principal do this to this repository, bucket or collection?"""

from accounts.enums import Permission
from accounts.models import Namespace
from accounts.principal import Principal
from accounts.rules import may_administer_namespace, may_read_namespace, may_write_namespace
from hub.enums import CreditState, Matter
from hub.models import (
    AccessRequest,
    Bucket,
    Collection,
    Discussion,
    DiscussionEvent,
    Dispute,
    Gate,
    LineageEdge,
    Repository,
    Version,
)


def may_read(principal: Principal, home: Repository | Bucket | Collection) -> bool:
    if isinstance(home, Repository) and home.is_disabled and not principal.is_staff:
        return False
    return not home.is_private or may_read_namespace(principal, home.namespace, repository=home.reference)


def may_write(principal: Principal, home: Repository | Bucket) -> bool:
    """Commit, push, make branches and tags; change the files of a bucket. Never while a report disables it."""
    if isinstance(home, Repository) and home.is_disabled:
        return False
    return may_write_namespace(principal, home.namespace, repository=home.reference)


def may_curate(principal: Principal, namespace: Namespace) -> bool:
    """Make, change and delete the collections under a name."""
    return may_write_namespace(principal, namespace, Permission.COLLECTION_WRITE)


def may_create(principal: Principal, namespace: Namespace) -> bool:
    return may_write_namespace(principal, namespace)


def may_administer(principal: Principal, home: Repository | Bucket) -> bool:
    """Delete, move, change who may see it."""
    return may_administer_namespace(principal, home.namespace, Permission.REPO_MANAGE, repository=home.reference)


def may_discuss(principal: Principal, repository: Repository) -> bool:
    """Open discussions and pull requests, comment: everybody who is logged in and may read it.

    Where discussions are closed only writers pass, whose uploads ask here too. A token needs the
    permission for it, or to write there; a job has it nowhere but in its own name.
    """
    if may_write(principal, repository):
        return True
    if not repository.has_discussions:
        return False
    allowed = principal.allows(Permission.DISCUSSION_WRITE, repository.namespace, repository.reference)
    return allowed and may_read(principal, repository)


def may_attach(principal: Principal) -> bool:
    """Upload a picture for a comment: everybody whose credential may comment anywhere."""
    token = principal.token
    if token is None:
        return principal.user is not None
    if principal.is_fine_grained:
        return any(grant.permission == Permission.DISCUSSION_WRITE for grant in token.held)
    return principal.allows(Permission.DISCUSSION_WRITE, token.namespace)


def may_like(principal: Principal, repository: Repository) -> bool:
    """Everybody who is logged in and may read it; jobs and tokens that are bound to one name like nothing."""
    return acts_for_the_person(principal) and may_read(principal, repository)


def may_keep_webhooks(principal: Principal) -> bool:
    """Webhooks tell all that their owner may read, so a token needs that permission too, everywhere."""
    return principal.allows(Permission.WEBHOOK_WRITE) and principal.allows(Permission.REPO_READ)


def acts_for_the_person(principal: Principal) -> bool:
    """Likes and follows are a person's own: a session, or an unbound token with write scope."""
    token = principal.token
    return principal.may_manage and (token is None or token.namespace_id is None)


def may_moderate(principal: Principal, repository: Repository) -> bool:
    """Close, reopen and rename what others opened, hide their comments."""
    return may_write(principal, repository) or principal.is_staff


def may_steer(principal: Principal, discussion: Discussion) -> bool:
    """Open, close, rename: its author and the moderators."""
    if may_moderate(principal, discussion.repository):
        return True
    return _is_by(principal, discussion.author_id) and may_discuss(principal, discussion.repository)


def may_propose(principal: Principal, pull_request: Discussion) -> bool:
    """Add commits to a pull request: its author and those who may write to the repository."""
    if may_write(principal, pull_request.repository):
        return True
    return _is_by(principal, pull_request.author_id) and may_discuss(principal, pull_request.repository)


def may_edit_comment(principal: Principal, comment: DiscussionEvent) -> bool:
    """Change the words: nobody but who wrote them."""
    return _is_by(principal, comment.author_id) and may_discuss(principal, comment.discussion.repository)


def may_hide_comment(principal: Principal, comment: DiscussionEvent) -> bool:
    return may_moderate(principal, comment.discussion.repository) or may_edit_comment(principal, comment)


def may_ask(principal: Principal, repository: Repository) -> bool:
    """Ask to be let in: everybody who acts for themselves and sees the repository."""
    return principal.may_manage and may_read(principal, repository)


def may_decide(principal: Principal, repository: Repository, gate: Gate) -> bool:
    """Accept, reject, grant, take away: administrators of the owner, and writers where they were given that."""
    if may_administer(principal, repository):
        return True
    return gate.writers_decide and principal.may_manage and may_write(principal, repository)


def may_decide_appeal(principal: Principal, request: AccessRequest) -> bool:
    """Somebody else than who rejected: an administrator of the organisation, or staff."""
    if principal.user is None or principal.user.pk in {request.decided_by_id, request.user_id}:
        return False
    if principal.is_staff and principal.may_manage:
        return True
    return request.repository.namespace.is_organisation and may_administer(principal, request.repository)


def may_dispute(principal: Principal, version: Version, matter: Matter, edge: LineageEdge | None) -> bool:
    """Anybody for themselves who is missing; else who is named in it, its people, those of the source, staff."""
    repository, user = version.repository, principal.user
    if user is None or repository is None or not principal.may_manage or not may_read(principal, repository):
        return False
    if matter == Matter.MISSING or principal.is_staff or may_write(principal, repository):
        return True
    if matter == Matter.EDGE:
        return edge is not None and edge.parent is not None and may_write(principal, edge.parent)
    return version.credits.filter(user=user).exclude(state=CreditState.DECLINED).exists()


def may_answer_dispute(principal: Principal, dispute: Dispute) -> bool:
    """For the repository: who may write to it."""
    repository = dispute.version.repository
    return repository is not None and principal.may_manage and may_write(principal, repository)


def _is_by(principal: Principal, author_id: int | None) -> bool:
    return principal.user is not None and principal.user.pk == author_id
