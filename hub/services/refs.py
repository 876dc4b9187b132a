"""Branches and tags."""

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid
from common.services import audit
from hub import rules
from hub.errors import RevisionNotFound
from hub.git import commits as git
from hub.git import refs
from hub.git.errors import InvalidRef, RefExists, RefMissing
from hub.git.repositories import Repository as GitRepository
from hub.git.repositories import open_repository
from hub.models import Repository
from hub.selectors.revisions import revision_of
from hub.services import histories, index, proposals
from hub.services.commits import author_of
from hub.services.locks import lock_branch, lock_history


@transaction.atomic
def create_branch(repository: Repository, name: str, *, by: Principal, start: str = "", exist_ok: bool = False) -> None:
    """A branch at a revision (default: the default branch). Raises Conflict, Invalid, RevisionNotFound."""
    repo = _writable(repository, by)
    lock_branch(repository, refs.BRANCH + name)
    origin = revision_of(repository, start or repository.default_branch)
    try:
        refs.create_branch(repo, name, origin.commit)
    except RefExists as error:
        if exist_ok:
            return
        raise Conflict(str(error)) from error
    except InvalidRef as error:
        raise Invalid(f"Invalid reference for a branch: {name}", hint=str(error)) from error
    if origin.branch is not None:
        index.copy_branch(repository, origin.branch, refs.BRANCH + name)
    else:
        index.follow(repository, refs.BRANCH + name, by=by)
    audit.record("branch.created", str(repository), actor=by, branch=name, commit=origin.commit)


@transaction.atomic
def delete_branch(repository: Repository, name: str, *, by: Principal) -> None:
    """Remove a branch. Raises Forbidden for the default branch, RevisionNotFound."""
    repo = _writable(repository, by)
    if name == repository.default_branch:
        raise Forbidden(f"Cannot delete refs/heads/{name}", hint=_("It is the default branch."))
    lock_history(repository)
    lock_branch(repository, refs.BRANCH + name)
    try:
        commit = refs.delete_branch(repo, name)
    except RefMissing as error:
        raise RevisionNotFound(name) from error
    index.follow(repository, refs.BRANCH + name)
    histories.release_unreachable(repository)
    audit.record("branch.deleted", str(repository), actor=by, branch=name, commit=commit)


@transaction.atomic
def create_tag(repository: Repository, name: str, *, by: Principal, revision: str = "", message: str = "") -> None:
    """Name a commit. Raises Conflict, Invalid, RevisionNotFound."""
    repo = _writable(repository, by)
    commit = revision_of(repository, revision or repository.default_branch).commit
    author = author_of(by)
    try:
        refs.create_tag(repo, name, commit, message=message, tagger=git.signature_of(author))
    except RefExists as error:
        raise Conflict(str(error)) from error
    except InvalidRef as error:
        raise Invalid(f"Invalid reference for a tag: {name}", hint=str(error)) from error
    audit.record("tag.created", str(repository), actor=by, tag=name, commit=commit)


@transaction.atomic
def delete_tag(repository: Repository, name: str, *, by: Principal) -> None:
    repo = _writable(repository, by)
    lock_history(repository)
    try:
        commit = refs.delete_tag(repo, name)
    except RefMissing as error:
        raise RevisionNotFound(name) from error
    histories.release_unreachable(repository)
    audit.record("tag.deleted", str(repository), actor=by, tag=name, commit=commit)


@transaction.atomic
def squash(repository: Repository, branch: str, *, by: Principal, message: str = "") -> str:
    """Replace the history of a branch or pull request by one commit with the same files; returns it."""
    ref = refs.full_name(branch)
    lock_history(repository)
    proposals.open_for(repository, ref, by=by)
    repo = open_repository(repository.path)
    lock_branch(repository, ref)
    before = refs.target_of(repo, ref)
    if before is None:
        raise RevisionNotFound(branch)
    text = message.strip() or f"Super-squash branch '{branch}'"
    done = git.squash(repo, ref, message=text, author=author_of(by), expected=before)
    index.follow(repository, ref, by=by)
    histories.release_unreachable(repository)
    audit.record("branch.squashed", str(repository), actor=by, branch=branch, before=before, commit=done.oid)
    return done.oid


def _writable(repository: Repository, by: Principal) -> GitRepository:
    if not rules.may_write(by, repository):
        raise Forbidden(_("You may not write to this repository."), hint=_("Ask its owner for write access."))
    return open_repository(repository.path)
