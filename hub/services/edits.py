"""Changes made in the browser: one commit, on a branch or as a pull request, from the commit that was looked at."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Conflict, Invalid
from hub.algorithms.patterns import is_lfs, lfs_rules
from hub.git.commits import AddBytes, CommitResult, CopyFrom, DeleteFile, Operation
from hub.models import Discussion, Repository
from hub.selectors.revisions import entries_named, read_text, revision_of
from hub.services import commits, discussions


@dataclass(frozen=True)
class Wish:
    """How a change is to be made: on which branch, from which commit, in which words."""

    branch: str
    head: str
    message: str
    description: str = ""
    as_pull_request: bool = False


@dataclass(frozen=True)
class Made:
    """The commit, and the pull request if one was opened for it."""

    result: CommitResult
    pull_request: Discussion | None


def put_text(repository: Repository, path: str, text: str, wish: Wish, *, by: Principal, is_new: bool = False) -> Made:
    """Write a text file. A new one replaces nothing.

    Raises what `commits.commit` raises, Conflict when there is such a file, Invalid for a name of large files.
    """
    at = revision_of(repository, wish.head)
    if is_new:
        _require_free(repository, path, wish)
    if is_lfs(path, lfs_rules(read_text(at, ".gitattributes") or "")):
        raise Invalid(
            _("By its name (.gitattributes) this is a large file, which is not written in a form."),
            hint=_("Upload it instead, or give it another name."),
        )
    return _make(repository, [AddBytes(path, text.encode())], wish, by)


def move(repository: Repository, path: str, new_path: str, wish: Wish, *, by: Principal) -> Made:
    """Give a file or folder another path; large files keep their objects. Raises Conflict when something is there."""
    _require_free(repository, new_path, wish)
    return _make(repository, [DeleteFile(path), CopyFrom(new_path, path, wish.head)], wish, by)


def delete(repository: Repository, path: str, wish: Wish, *, by: Principal) -> Made:
    """Take a file or folder away; its history stays."""
    return _make(repository, [DeleteFile(path)], wish, by)


def _require_free(repository: Repository, path: str, wish: Wish) -> None:
    # The commit is made from this very head, so what is free here is free there.
    if entries_named(revision_of(repository, wish.head), [path]):
        raise Conflict(
            _("There is something at %(path)s already.") % {"path": path},
            hint=_("Choose another path, or edit what is there."),
            code="exists",
        )


def _make(repository: Repository, operations: Sequence[Operation], wish: Wish, by: Principal) -> Made:
    words = {"message": wish.message, "description": wish.description}
    if wish.as_pull_request:
        opened, result = discussions.propose(
            repository, operations, by=by, target=wish.branch, start=wish.head, **words
        )
        return Made(result, opened)
    result = commits.commit(repository, operations, by=by, branch=wish.branch, parent=wish.head, **words)
    return Made(result, None)
