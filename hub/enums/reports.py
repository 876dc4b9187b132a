"""What is reported, and where reports stand."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class ReportKind(TextChoices):
    """What is wrong with what somebody published."""

    COPYRIGHT = "copyright", _("copyright")
    PERSONAL_DATA = "personal_data", _("personal data")
    ILLEGAL = "illegal", _("illegal content")
    MALWARE = "malware", _("malware")
    LICENCE = "licence", _("breach of a licence")
    OTHER = "other", _("something else")


class ReportState(TextChoices):
    """Where a report stands."""

    RECEIVED = "received", _("received")
    UNDER_REVIEW = "under_review", _("under review")
    UPHELD = "upheld", _("upheld")
    REJECTED = "rejected", _("rejected")
    COUNTER_NOTICED = "counter_noticed", _("objected to")
    RESTORED = "restored", _("restored")
    FINAL = "final", _("final")


REPORT_MOVES: dict[ReportState, frozenset[ReportState]] = {
    ReportState.RECEIVED: frozenset({ReportState.UNDER_REVIEW, ReportState.REJECTED}),
    ReportState.UNDER_REVIEW: frozenset({ReportState.UPHELD, ReportState.REJECTED}),
    ReportState.UPHELD: frozenset({ReportState.COUNTER_NOTICED, ReportState.FINAL}),
    ReportState.COUNTER_NOTICED: frozenset({ReportState.RESTORED, ReportState.FINAL}),
    ReportState.REJECTED: frozenset(),
    ReportState.RESTORED: frozenset(),
    ReportState.FINAL: frozenset(),
}
