"""What can go wrong in a repository, one class for each answer a caller gives."""


class GitError(Exception):
    """Something in a repository went wrong; the text is fit for a person."""


class InvalidPath(GitError):
    """A path that no repository here may hold."""


class InvalidRef(GitError):
    """A branch or tag name that git does not allow."""


class RefExists(GitError):
    """The branch or tag is already there."""


class RefMissing(GitError):
    """No such branch, tag or commit."""


class EntryMissing(GitError):
    """No such file or folder at this revision."""


class RefMoved(GitError):
    """Somebody else was faster: the ref is not where the caller thought.

    ``current`` is the commit the ref points to now, or None when it is gone.
    """

    def __init__(self, ref: str, current: str | None) -> None:
        super().__init__(f"{ref} moved to {current or 'nothing'} in the meantime")
        self.ref = ref
        self.current = current


class MergeConflict(GitError):
    """Two lines of work changed the same files; ``paths`` names them."""

    def __init__(self, paths: list[str]) -> None:
        super().__init__("conflicting files: " + ", ".join(paths[:20]))
        self.paths = paths


class PushRefused(GitError):
    """Raised by the check of a push; the text is shown to the person who pushes."""
