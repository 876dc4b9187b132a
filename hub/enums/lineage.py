"""How versions came out of others, and why that is believed."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


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
