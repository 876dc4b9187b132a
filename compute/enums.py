"""States of allocations, jobs and attempts, with the moves that are allowed between them."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class AllocationState(TextChoices):
    OPEN = "open", _("open")
    CLOSED = "closed", _("closed")
    EXPIRED = "expired", _("expired")


class EntryKind(TextChoices):
    """What a row of the GPU-second account does."""

    GRANT = "grant", _("granted")
    RESERVE = "reserve", _("reserved")
    SETTLE = "settle", _("used")
    RELEASE = "release", _("released")
    EXPIRE = "expire", _("expired")


# Every row moves its amount out of one account of the allocation into another.
ACCOUNTS: dict[EntryKind, tuple[str, str]] = {
    EntryKind.GRANT: ("source", "available"),
    EntryKind.RESERVE: ("available", "reserved"),
    EntryKind.SETTLE: ("reserved", "used"),
    EntryKind.RELEASE: ("reserved", "available"),
    EntryKind.EXPIRE: ("available", "expired"),
}


class JobState(TextChoices):
    QUEUED = "queued", _("waiting")
    STARTING = "starting", _("starting")
    RUNNING = "running", _("running")
    SUCCEEDED = "succeeded", _("succeeded")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")
    TIMED_OUT = "timed_out", _("out of time")

    @property
    def is_terminal(self) -> bool:
        return not JOB_MOVES[self]


# From `running` back to `queued`: the attempt was lost, or may be retried, and another one follows.
JOB_MOVES: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.STARTING, JobState.CANCELLED}),
    JobState.STARTING: frozenset({JobState.RUNNING, JobState.CANCELLED}),
    JobState.RUNNING: frozenset(
        {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.TIMED_OUT, JobState.QUEUED}
    ),
    JobState.SUCCEEDED: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.CANCELLED: frozenset(),
    JobState.TIMED_OUT: frozenset(),
}
TERMINAL_STATES = frozenset(state for state, moves in JOB_MOVES.items() if not moves)
LIVE_STATES = frozenset({JobState.STARTING, JobState.RUNNING})


class AttemptState(TextChoices):
    STARTING = "starting", _("starting")
    RUNNING = "running", _("running")
    SUCCEEDED = "succeeded", _("succeeded")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")
    TIMED_OUT = "timed_out", _("out of time")
    LOST = "lost", _("lost by the cluster")
    INTERRUPTED = "interrupted", _("interrupted by the operator")


LIVE_ATTEMPTS = frozenset({AttemptState.STARTING, AttemptState.RUNNING})
# The holder pays for attempts that ended of themselves, never for what the cluster lost.
UNCHARGED_ATTEMPTS = frozenset({AttemptState.LOST, AttemptState.INTERRUPTED})

NOTICE_LEVELS = (50, 80, 100)
