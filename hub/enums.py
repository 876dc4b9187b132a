"""Kinds of repositories and who may see them."""

from collections.abc import Iterable

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class RepositoryKind(TextChoices):
    """What a repository holds. The value is the protocol's word for it."""

    MODEL = "model", _("model")
    DATASET = "dataset", _("data set")
    SPACE = "space", _("space")
    KERNEL = "kernel", _("kernel")

    @property
    def plural(self) -> str:
        """The segment in API addresses: /api/models/…"""
        return f"{self.value}s"

    @property
    def prefix(self) -> str:
        """What stands before namespace/name in page and git addresses; models have nothing."""
        return "" if self is RepositoryKind.MODEL else f"{self.plural}/"


class Visibility(TextChoices):
    PUBLIC = "public", _("public")
    PRIVATE = "private", _("private")


class CreditRole(TextChoices):
    """Who did what: all fourteen roles of CRediT, ANSI/NISO Z39.104-2022.

    To sponsor compute is no role: it is recorded with the job, and never means authorship.
    """

    CONCEPTUALIZATION = "conceptualization", _("conceptualisation")
    DATA_CURATION = "data-curation", _("data curation")
    FORMAL_ANALYSIS = "formal-analysis", _("formal analysis")
    FUNDING_ACQUISITION = "funding-acquisition", _("funding acquisition")
    INVESTIGATION = "investigation", _("investigation")
    METHODOLOGY = "methodology", _("methodology")
    PROJECT_ADMINISTRATION = "project-administration", _("project administration")
    RESOURCES = "resources", _("resources")
    SOFTWARE = "software", _("software")
    SUPERVISION = "supervision", _("supervision")
    VALIDATION = "validation", _("validation")
    VISUALIZATION = "visualization", _("visualisation")
    WRITING_DRAFT = "writing-original-draft", _("writing: original draft")
    WRITING_REVIEW = "writing-review-editing", _("writing: review and editing")


def names_of(roles: Iterable[str]) -> list[str]:
    """Roles as people read them; rows from before a role had its own word show what they hold."""
    return [str(CreditRole(role).label) if role in CreditRole.values else role for role in roles]


class CreditState(TextChoices):
    """A credit counts once the person has agreed to it."""

    ASKED = "asked", _("asked")
    ACCEPTED = "accepted", _("accepted")
    DECLINED = "declined", _("declined")


class EdgeKind(TextChoices):
    """How a version came out of another one."""

    DATASET = "dataset", _("trained on")
    FINETUNE = "finetune", _("fine-tuned from")
    ADAPTER = "adapter", _("adapter of")
    MERGE = "merge", _("merged from")
    DISTILLED = "distilled", _("distilled from")
    QUANTIZED = "quantized", _("quantised from")
    COPY = "copy", _("copied from")


class Evidence(TextChoices):
    """Why a line of descent is believed, or is not. What is only claimed or denied is not paid."""

    CLAIMED = "claimed", _("claimed by the author")
    DENIED = "denied", _("denied by the source")
    CONFIRMED = "confirmed", _("confirmed by the source")
    JOB = "job", _("proven by a job that ran here")
    COPIED = "copied", _("copied by this site")


UNPAID_EVIDENCE = frozenset({Evidence.CLAIMED, Evidence.DENIED})
# What may follow what. What a job proved or this site copied is denied only by the decision of a dispute.
EVIDENCE_MOVES: dict[Evidence, frozenset[Evidence]] = {
    Evidence.CLAIMED: frozenset({Evidence.CONFIRMED, Evidence.DENIED}),
    Evidence.DENIED: frozenset({Evidence.CONFIRMED}),
    Evidence.CONFIRMED: frozenset({Evidence.DENIED}),
    Evidence.JOB: frozenset({Evidence.DENIED}),
    Evidence.COPIED: frozenset(),
}


class Matter(TextChoices):
    """What a dispute is about."""

    MISSING = "missing", _("somebody is missing from the credits")
    WRONG = "wrong", _("somebody is wrongly in the credits")
    ORDER = "order", _("the order of the credits is wrong")
    ROLES = "roles", _("roles or points are wrong")
    EDGE = "edge", _("a line of descent is wrong")


class DisputeState(TextChoices):
    """Where a dispute stands. While it is alive, the share that it is about is held."""

    OPEN = "open", _("open")
    ANSWERED = "answered", _("answered")
    UPHELD = "upheld", _("upheld")
    REJECTED = "rejected", _("rejected")
    SETTLED = "settled", _("settled")

    @property
    def is_alive(self) -> bool:
        return self in {DisputeState.OPEN, DisputeState.ANSWERED}


_DECISIONS = frozenset({DisputeState.UPHELD, DisputeState.REJECTED, DisputeState.SETTLED})
# What may follow what. A decision is final: what it gave out cannot be called back.
DISPUTE_MOVES: dict[DisputeState, frozenset[DisputeState]] = {
    DisputeState.OPEN: _DECISIONS | {DisputeState.ANSWERED},
    DisputeState.ANSWERED: _DECISIONS,
    DisputeState.UPHELD: frozenset(),
    DisputeState.REJECTED: frozenset(),
    DisputeState.SETTLED: frozenset(),
}


class DisputeVerb(TextChoices):
    """What was done in a dispute."""

    OPENED = "opened", _("opened")
    ANSWERED = "answered", _("answered")
    AGREED = "agreed", _("agreed")
    UPHELD = "upheld", _("upheld")
    REJECTED = "rejected", _("rejected")
    SETTLED = "settled", _("settled")
    WITHDRAWN = "withdrawn", _("withdrawn")


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


class BucketChangeKind(TextChoices):
    """What happened to a file of a bucket. The value is the protocol's word for it."""

    ADD = "add", _("added")
    UPDATE = "update", _("changed")
    DELETE = "delete", _("deleted")


class GateMode(TextChoices):
    """How one gets at the contents of a repository that one may see."""

    OPEN = "open", _("for everybody who sees it")
    AUTO = "auto", _("for everybody who asks")
    MANUAL = "manual", _("for those whom its owners accept")

    @property
    def on_the_wire(self) -> str | bool:
        """The protocol says False for what is not gated."""
        return False if self is GateMode.OPEN else self.value


class OverduePolicy(TextChoices):
    """What happens to a request that nobody answered by its deadline. It is shown as overdue in any case."""

    NOTHING = "nothing", _("nothing")
    ACCEPT = "accept", _("it is accepted")
    REJECT = "reject", _("it is rejected")


class AccessState(TextChoices):
    """Where a request for access stands."""

    PENDING = "pending", _("waiting")
    ACCEPTED = "accepted", _("accepted")
    REJECTED = "rejected", _("rejected")
    APPEALED = "appealed", _("appealed")
    WITHDRAWN = "withdrawn", _("withdrawn")

    @property
    def is_waiting(self) -> bool:
        """Whether somebody has to decide."""
        return self in {AccessState.PENDING, AccessState.APPEALED}


# What may follow what. Accepted ones go back or are rejected when access is taken away.
ACCESS_MOVES: dict[AccessState, frozenset[AccessState]] = {
    AccessState.PENDING: frozenset({AccessState.ACCEPTED, AccessState.REJECTED, AccessState.WITHDRAWN}),
    AccessState.ACCEPTED: frozenset({AccessState.PENDING, AccessState.REJECTED, AccessState.WITHDRAWN}),
    AccessState.REJECTED: frozenset({AccessState.PENDING, AccessState.ACCEPTED, AccessState.APPEALED}),
    AccessState.APPEALED: frozenset({AccessState.ACCEPTED, AccessState.REJECTED}),
    AccessState.WITHDRAWN: frozenset({AccessState.PENDING, AccessState.ACCEPTED}),
}


class AccessVerb(TextChoices):
    """What was done to a request. Several verbs may lead to one state."""

    ASKED = "asked", _("asked")
    ASKED_AGAIN = "asked-again", _("asked again")
    ACCEPTED = "accepted", _("accepted")
    REJECTED = "rejected", _("rejected")
    GRANTED = "granted", _("granted without a request")
    REVOKED = "revoked", _("access taken away")
    PUT_BACK = "put-back", _("put back among the waiting")
    WITHDRAWN = "withdrawn", _("withdrawn")
    APPEALED = "appealed", _("appealed")


class Theme(TextChoices):
    """The colour of a collection."""

    ORANGE = "orange", _("orange")
    BLUE = "blue", _("blue")
    GREEN = "green", _("green")
    PURPLE = "purple", _("purple")
    PINK = "pink", _("pink")
    INDIGO = "indigo", _("indigo")


class Domain(TextChoices):
    """What a webhook wants to hear of. The value is the protocol's word for it."""

    REPO = "repo", _("repositories and their files")
    DISCUSSION = "discussion", _("discussions and pull requests")


class WatchedKind(TextChoices):
    """What a webhook can watch. The value is the protocol's word for it."""

    USER = "user", _("person")
    ORGANISATION = "org", _("organisation")
    MODEL = "model", _("model")
    DATASET = "dataset", _("data set")
    SPACE = "space", _("space")
    KERNEL = "kernel", _("kernel")


class DeliveryState(TextChoices):
    """Where the delivery of an event stands."""

    WAITING = "waiting", _("waiting")
    DELIVERED = "delivered", _("delivered")
    FAILED = "failed", _("given up")
    WITHHELD = "withheld", _("withheld")


# What may follow what: a person may send again what was delivered or given up.
DELIVERY_MOVES: dict[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.WAITING: frozenset({DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.WITHHELD}),
    DeliveryState.DELIVERED: frozenset({DeliveryState.WAITING}),
    DeliveryState.FAILED: frozenset({DeliveryState.WAITING}),
    DeliveryState.WITHHELD: frozenset(),
}


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


class ViewState(TextChoices):
    """Whether the tables of a data set have been looked at."""

    WAITING = "waiting", _("being prepared")
    READY = "ready", _("ready")
    FAILED = "failed", _("failed")


# A view that is there may be asked for anew, when a file that was made for it is gone.
VIEW_MOVES: dict[ViewState, frozenset[ViewState]] = {
    ViewState.WAITING: frozenset({ViewState.READY, ViewState.FAILED}),
    ViewState.READY: frozenset({ViewState.WAITING}),
    ViewState.FAILED: frozenset({ViewState.WAITING}),
}


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


class DownloadKind(TextChoices):
    """Who took it (docs/decisions/067)."""

    CLIENT = "client", _("others")
    OWN = "own", _("its own people")
    CI = "ci", _("builds and jobs")
