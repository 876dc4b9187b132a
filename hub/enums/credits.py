"""Who made a version, and disputes about it."""

from collections.abc import Iterable

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


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
