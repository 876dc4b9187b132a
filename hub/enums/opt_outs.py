"""Where requests to leave something out of a data set stand, and how they name it."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class OptOutState(TextChoices):
    """Where a request to leave something out of a data set stands."""

    RECEIVED = "received", _("received")
    ACKNOWLEDGED = "acknowledged", _("acknowledged")
    VERIFIED = "verified", _("verified")
    HONOURED = "honoured", _("honoured")
    DECLINED = "declined", _("declined")
    APPEALED = "appealed", _("appealed")
    CLOSED = "closed", _("declined for good")


OPT_OUT_MOVES: dict[OptOutState, frozenset[OptOutState]] = {
    OptOutState.RECEIVED: frozenset({OptOutState.ACKNOWLEDGED, OptOutState.DECLINED}),
    OptOutState.ACKNOWLEDGED: frozenset({OptOutState.VERIFIED, OptOutState.DECLINED}),
    OptOutState.VERIFIED: frozenset({OptOutState.HONOURED, OptOutState.DECLINED}),
    OptOutState.DECLINED: frozenset({OptOutState.APPEALED}),
    OptOutState.APPEALED: frozenset({OptOutState.HONOURED, OptOutState.CLOSED}),
    OptOutState.HONOURED: frozenset(),
    OptOutState.CLOSED: frozenset(),
}


class MatchKind(TextChoices):
    """How a request names what shall be left out. The value is the API's word for it."""

    URL = "url", _("address")
    DOMAIN = "domain", _("domain")
    SHA256 = "sha256", _("SHA-256 of the file")
    TEXT = "text", _("text")
    PATH = "path", _("path in the data set")
