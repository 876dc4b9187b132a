"""What was licensed stays while somebody has paid for it."""

from django.db.models import Max
from django.utils.translation import gettext as _

from common.errors import Conflict
from hub.models import Repository
from licensing.selectors.grants import grants_that_hold


def keep_what_is_licensed(*, repository: Repository) -> None:
    """Raises Conflict (`licensed`) while licences run. What a court forbids, staff disable by a report instead."""
    found = grants_that_hold(repository).aggregate(last=Max("ends_at"))
    if found["last"] is not None:
        raise Conflict(
            _("Licences to %(name)s run until %(day)s: who holds one must be able to fetch it.")
            % {"name": repository.full_name, "day": found["last"].date().isoformat()},
            hint=_("Withdraw its offers, so that no more are sold, and wait for their end."),
            code="licensed",
        )
