"""Refusals with the codes that Hub clients turn into their own exceptions.

The texts that clients compare are fixed by the protocol and never translated.
"""

from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from common.errors import Conflict, Forbidden, NotFound, Refusal

if TYPE_CHECKING:
    from hub.models import Repository


class RepositoryNotFound(NotFound):
    """Missing, or not for these eyes: the two must look the same.

    Anonymous visitors get 401, because with a token the answer may differ.
    """

    code = "RepoNotFound"

    def __init__(self, *, anonymous: bool = False) -> None:
        hint = _("Check the name. If it is private, log in or send an access token of somebody who may see it.")
        super().__init__("Repository not found", hint=hint)
        if anonymous:
            self.status = 401


class GatedRepository(Forbidden):
    """The repository may be seen, its contents are for those who were let in."""

    code = "GatedRepo"

    def __init__(self, repository: "Repository", *, anonymous: bool = False) -> None:
        message = f"Access to {repository.kind} {repository.full_name} is restricted"
        if anonymous:
            message += ". You must have access to it and be authenticated to access it. Please log in."
        else:
            message += " and you are not in the authorized list."
        hint = f"Visit {settings.BASE_URL}{repository.get_absolute_url()} to ask for access."
        super().__init__(message, hint=hint)
        if anonymous:
            self.status = 401


class RevisionNotFound(NotFound):
    code = "RevisionNotFound"

    def __init__(self, revision: str) -> None:
        super().__init__(f"Invalid rev id: {revision}", hint=_("Name a branch, a tag or a commit of this repository."))


class EntryNotFound(NotFound):
    """No such file or folder; `commit` is the revision that was looked at."""

    code = "EntryNotFound"

    def __init__(self, message: str | Promise = "Entry not found", *, commit: str = "") -> None:
        super().__init__(message, hint=_("List the files to see what is there."), commit=commit)


class RepositoryMoved(Refusal):
    """The name is an old one of `repository`; doors answer with a redirect."""

    status = 307
    code = "moved"

    def __init__(self, old_name: str, repository: "Repository") -> None:
        super().__init__(_("This repository has a new name."), hint=repository.full_name)
        self.old_name = old_name
        self.repository = repository


class RepositoryDisabled(Refusal):
    """An upheld report disabled it. Clients compare the text."""

    status = 403
    code = "disabled"

    def __init__(self) -> None:
        super().__init__(
            "Access to this resource is disabled.", hint=_("The page of this repository says why, and by which rule.")
        )


class ContentRemoved(EntryNotFound):
    """A file that is not given out because of a report; to clients it is not there."""

    status = 451

    def __init__(self, report: int, *, commit: str = "") -> None:
        super().__init__(
            _("This file is not given out any more: report %(number)s.") % {"number": report}, commit=commit
        )
        self.hint = _("The public register says why: /register")


class BranchMoved(Conflict):
    """Somebody committed meanwhile (the parent that the client named is not the head)."""

    status = 412
    code = "branch_moved"

    def __init__(self) -> None:
        super().__init__("The branch was updated since you opened this page. Please refresh and try again.")


class Unprocessable(Refusal):
    """The request was understood, but what it asks for cannot be stored."""

    status = 422
    code = "unprocessable"


class Unsupported(Refusal):
    """The protocol knows this, this site does not."""

    status = 501
    code = "unsupported"


class StorageFull(Refusal):
    """A limit of a name or a repository would be passed; `used`, `limit` and `asked` travel in the context."""

    status = 413
    code = "storage_full"


class FileTooLarge(Refusal):
    """One file is larger than files may be under this name."""

    status = 413
    code = "file_too_large"
