"""Where imports stand, and why they stop."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class ImportSchedule(TextChoices):
    """How often an import looks at its source again."""

    NONE = "none", _("once")
    DAILY = "daily", _("every day")
    WEEKLY = "weekly", _("every week")

    @property
    def days(self) -> int:
        return {"daily": 1, "weekly": 7}.get(self.value, 0)


class ImportState(TextChoices):
    """Where an import stands."""

    QUEUED = "queued", _("queued")
    CHECKING = "checking", _("checking")
    COPYING = "copying", _("copying")
    PAUSED = "paused", _("paused")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")

    @property
    def is_active(self) -> bool:
        """Whether a worker is at it, or soon will be."""
        return self in {ImportState.QUEUED, ImportState.CHECKING, ImportState.COPYING}


# What may follow what. A run that broke off is queued again, and one that is over when it is due or asked for.
IMPORT_MOVES: dict[ImportState, frozenset[ImportState]] = {
    ImportState.QUEUED: frozenset(
        {ImportState.CHECKING, ImportState.PAUSED, ImportState.CANCELLED, ImportState.FAILED}
    ),
    ImportState.CHECKING: frozenset(set(ImportState) - {ImportState.CHECKING}),
    ImportState.COPYING: frozenset(set(ImportState) - {ImportState.CHECKING, ImportState.COPYING}),
    ImportState.PAUSED: frozenset({ImportState.QUEUED, ImportState.CANCELLED}),
    ImportState.DONE: frozenset({ImportState.QUEUED}),
    ImportState.FAILED: frozenset({ImportState.QUEUED}),
    ImportState.CANCELLED: frozenset({ImportState.QUEUED}),
}


class ImportReason(TextChoices):
    """Why an import is paused or failed."""

    LICENCE_UNCLEAR = "licence-unclear", _("The licence of the source does not clearly allow copies.")
    LICENCE_FORBIDS = "licence-forbids", _("The licence of the source forbids copies.")
    SOURCE_CLOSED = "source-closed", _("The source is missing, private or gated, and the token does not open it.")
    TOKEN_NEEDED = "token-needed", _("The source is gated: it is copied with a token of your own only.")
    OPEN_COPY = "open-copy", _("The source is closed to the public and the copy is not.")
    SOURCE_SILENT = "source-silent", _("The source gave no useful answer.")
    SOURCE_WRONG = "source-wrong", _("The source sent other bytes than it had announced.")
    ADDRESS = "address", _("The address is not one that this site reads from.")
    STORAGE = "storage", _("There is not enough room.")
    DIVERGED = "diverged", _("Somebody committed here since the last run, so the mirror stopped.")
    RIGHTS = "rights", _("The person who started the import may not write here any more.")
    LOST = "lost", _("Workers were lost again and again.")
    REFUSED = "refused", _("The files cannot be kept here.")


class RefChange(TextChoices):
    """What a run of an import did to a branch or tag here."""

    NEW = "new", _("new")
    FORWARD = "forward", _("moved on")
    FORCED = "forced", _("rewritten at the source")
    GONE = "gone", _("deleted at the source")
    KEPT = "kept", _("deleted at the source, kept here")
    DIVERGED = "diverged", _("changed on both sides")


class ImportNote(TextChoices):
    """What the people of a copy should know about a run, beside what changed."""

    NO_GIT = "no-git", _("The source does not speak git, so the files of one revision came as one commit.")
    LEFT_OUT = "left-out", _("Left out, for they belong to the source alone:")
    BAD_NAME = "bad-name", _("Left out, for their names are not allowed here:")
    MISSING = "missing", _("Large files of old commits or other branches that the source has no more:")
    CARD = "card", _("The card has faults:")
    SECRETS = "secrets", _("Look at this before you make the copy public.")
