"""Commits: the one way files change, except for pushes (hub/services/pushes.py)."""

from collections.abc import Sequence
from dataclasses import replace

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Invalid
from common.services import audit
from hub import rules
from hub.algorithms import cards
from hub.errors import BranchMoved, EntryNotFound, RevisionNotFound, Unprocessable
from hub.git import commits as git
from hub.git.commits import AddBytes, AddPointer, Author, CopyFrom, DeleteFile, DeleteFolder
from hub.git.errors import EntryMissing, GitError, InvalidPath, InvalidRef, RefMoved
from hub.git.lfs_pointer import MAX_POINTER_SIZE, parse_pointer
from hub.git.refs import BRANCH, check_name, full_name, target_of
from hub.git.repositories import open_repository
from hub.models import Repository
from hub.selectors.objects import held_objects
from hub.services import holdings, index, proposals, quotas, secrets
from hub.services.locks import lock_branch, share_history

__all__ = ["AddBytes", "AddPointer", "CopyFrom", "DeleteFile", "DeleteFolder", "author_of", "commit"]

Operation = git.Operation


def commit(
    repository: Repository,
    operations: Sequence[Operation],
    *,
    by: Principal,
    message: str,
    description: str = "",
    branch: str = "main",
    parent: str | None = None,
) -> git.CommitResult:
    """Add one commit to a branch or pull request, index it, read the card, tell the other rooms.

    `parent`, when given, must be the head. The ref moves before the rows are committed:
    what a client was told is in git; rows that a crash lost are written by `follow`.

    Raises Forbidden, BranchMoved (412), RevisionNotFound for an unknown branch,
    EntryNotFound for a file to delete or copy that is not there, Unprocessable for paths
    that are refused, for cards with wrong metadata, for large files that were not uploaded, and
    for credentials that would become public (hub/services/secrets.py), StorageFull, FileTooLarge.
    """
    secrets.refuse_public(repository, secrets.found_in(operations), message=f"{message}\n{description}")
    return _commit(
        repository, operations, by=by, message=message, description=description, branch=branch, parent=parent
    )


@transaction.atomic
def _commit(
    repository: Repository,
    operations: Sequence[Operation],
    *,
    by: Principal,
    message: str,
    description: str,
    branch: str,
    parent: str | None,
) -> git.CommitResult:
    ref = full_name(branch)
    share_history(repository)
    pull_request = proposals.open_for(repository, ref, by=by)
    if not message.strip():
        raise Invalid(_("A commit needs a message."))
    _require_card(repository, operations)
    quotas.take_git(repository, sum(len(one.data) for one in operations if isinstance(one, AddBytes)))
    lock_branch(repository, ref)
    repo = open_repository(repository.path)
    head = target_of(repo, ref)
    if head is None and not _may_be_born(repository, ref):
        raise RevisionNotFound(branch)
    if parent is not None and not (head or "").startswith(parent):
        raise BranchMoved
    known = index.follow_locked(repository, ref, repository.branches.filter(ref=ref).first())
    ready = _with_objects(repository, operations, by)
    text = f"{message.strip()}\n\n{description.strip()}".strip()
    try:
        result = git.write_commit(repo, ref, ready, message=text, author=author_of(by), parent=head)
    except RefMoved:
        raise BranchMoved from None
    except EntryMissing as error:
        raise EntryNotFound(str(error), commit=head or "") from error
    except InvalidPath as error:
        raise Unprocessable(str(error), hint=_("Rename the file and try again.")) from error
    except GitError as error:
        raise Unprocessable(str(error)) from error
    index.follow_locked(repository, ref, known, by=by)
    if pull_request is not None:
        proposals.note_commits(pull_request, head, result.oid, by=by)
    audit.record("repository.committed", str(repository), actor=by, commit=result.oid, ref=ref)
    return result


def author_of(by: Principal) -> Author:
    """How a person is named in git history; mail addresses stay private."""
    assert by.user is not None
    return Author(by.user.username, f"{by.user.username}@users.noreply.localhost")


def _may_be_born(repository: Repository, ref: str) -> bool:
    """Only the default branch starts with its first commit; others start from a commit."""
    if ref != BRANCH + repository.default_branch:
        return False
    try:
        check_name(repository.default_branch)
    except InvalidRef:
        return False
    return True


def _with_objects(repository: Repository, operations: Sequence[Operation], by: Principal) -> list[Operation]:
    """Pointers with their lengths. One may only name an object that its author could have: see RepositoryObject."""
    pointers = [operation for operation in operations if isinstance(operation, AddPointer)]
    if not rules.may_write(by, repository):
        pointers += _disguised(operations)
    if not pointers:
        return list(operations)
    held = held_objects(by, repository, (pointer.sha256 for pointer in pointers))
    for pointer in pointers:
        found = held.get(pointer.sha256)
        if found is None or (pointer.size >= 0 and pointer.size != found.size):
            raise Unprocessable(
                _("The content of %(path)s was not uploaded.") % {"path": pointer.path},
                hint=_("Upload the large file first, then commit."),
            )
    # By its commit the repository comes to hold what its author offered.
    holdings.hold(repository, held.values())
    return [
        replace(operation, size=held[operation.sha256].size) if isinstance(operation, AddPointer) else operation
        for operation in operations
    ]


def _require_card(repository: Repository, operations: Sequence[Operation]) -> None:
    """Metadata that is wrong would be lost silently: lists, licences and credits follow it."""
    for operation in operations:
        if isinstance(operation, AddBytes) and operation.path == cards.FILE:
            errors, _warnings = cards.faults(operation.data.decode("utf-8", "replace"), repository.kind)
            if errors:
                raise Unprocessable(
                    _("The metadata of the card is wrong: %(errors)s") % {"errors": "; ".join(errors)},
                    hint=_("Correct the lines between --- and --- at the top of README.md."),
                    code="card_invalid",
                )


def _disguised(operations: Sequence[Operation]) -> list[AddPointer]:
    """Small files that are pointers in fact. Writers may put such; of others they need the same proof."""
    found = []
    for operation in operations:
        if isinstance(operation, AddBytes) and len(operation.data) <= MAX_POINTER_SIZE:
            pointer = parse_pointer(operation.data)
            if pointer is not None:
                found.append(AddPointer(operation.path, pointer.sha256, -1))
    return found
