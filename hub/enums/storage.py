"""Changes of buckets, and what sweeps take away."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class BucketChangeKind(TextChoices):
    """What happened to a file of a bucket. The value is the protocol's word for it."""

    ADD = "add", _("added")
    UPDATE = "update", _("changed")
    DELETE = "delete", _("deleted")


class SweepState(TextChoices):
    """What became of a run of the sweeper."""

    RUNNING = "running", _("running")
    DRY = "dry", _("only counted")
    SWEPT = "swept", _("swept")
    FAILED = "failed", _("failed")
    UNDONE = "undone", _("undone")
    PURGED = "purged", _("gone for good")


# What may follow what. A run that died half-way has moved some things: those can come back too.
SWEEP_MOVES: dict[SweepState, frozenset[SweepState]] = {
    SweepState.RUNNING: frozenset({SweepState.DRY, SweepState.SWEPT, SweepState.FAILED}),
    SweepState.SWEPT: frozenset({SweepState.UNDONE, SweepState.PURGED}),
    SweepState.FAILED: frozenset({SweepState.UNDONE, SweepState.PURGED}),
    SweepState.DRY: frozenset(),
    SweepState.UNDONE: frozenset(),
    SweepState.PURGED: frozenset(),
}


class SweptKind(TextChoices):
    """What a sweep can take away."""

    HOLDING = "holding", _("upload that nothing named")
    OBJECT = "object", _("object that nothing names")
    PLAIN = "plain", _("plain file")
    RECIPE = "recipe", _("recipe of a Xet file")
    XORB = "xorb", _("xorb")
    UPLOAD = "upload", _("unfinished upload")
    FOLDER = "folder", _("folder of no repository")
