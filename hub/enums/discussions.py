"""Where discussions and pull requests stand, and what happens in them."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class DiscussionState(TextChoices):
    """Where a discussion or pull request stands. The value is the protocol's word for it."""

    DRAFT = "draft", _("draft")
    OPEN = "open", _("open")
    CLOSED = "closed", _("closed")
    MERGED = "merged", _("merged")

    @property
    def is_alive(self) -> bool:
        """Whether a pull request in this state takes commits."""
        return self in {DiscussionState.DRAFT, DiscussionState.OPEN}


# What may follow what. Only pull requests are ever drafts or merged.
DISCUSSION_MOVES: dict[DiscussionState, frozenset[DiscussionState]] = {
    DiscussionState.DRAFT: frozenset({DiscussionState.OPEN, DiscussionState.CLOSED}),
    DiscussionState.OPEN: frozenset({DiscussionState.CLOSED, DiscussionState.MERGED}),
    DiscussionState.CLOSED: frozenset({DiscussionState.OPEN}),
    DiscussionState.MERGED: frozenset(),
}


class EventKind(TextChoices):
    """What happened in a discussion."""

    COMMENT = "comment", _("comment")
    STATUS = "status-change", _("change of state")
    TITLE = "title-change", _("change of title")
    COMMIT = "commit", _("commit")
