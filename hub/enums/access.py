"""Gates, and where requests to pass them stand."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


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
