"""Who a person is elsewhere: an ORCID iD that was typed, or one that ORCID itself confirmed."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.algorithms import orcid
from accounts.models import User
from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid
from common.services import audit


@transaction.atomic
def set_orcid(text: str, *, by: Principal) -> User:
    """Claim an iD, or none; what was confirmed before is no longer. Raises Forbidden, Invalid."""
    user = _own(by)
    found = orcid.normalised(text)
    if text.strip() and not found:
        raise Invalid(_("This is not an ORCID iD."), hint=_("It has 16 digits, such as 0000-0002-1825-0097."))
    if found == user.orcid:
        return user
    return _keep(user, found, None, by)


@transaction.atomic
def confirm_orcid(text: str, *, by: Principal) -> User:
    """ORCID has told that this person signed in there. Raises Forbidden, Invalid, Conflict."""
    user = _own(by)
    found = orcid.normalised(text)
    if not found:
        raise Invalid(_("ORCID did not name a valid iD."), hint=_("Try again later."))
    if User.objects.filter(orcid=found, orcid_verified_at__isnull=False).exclude(pk=user.pk).exists():
        raise Conflict(
            _("This ORCID iD is linked to another account."), hint=_("Unlink it there first, or use that account.")
        )
    return _keep(user, found, timezone.now(), by)


def _own(by: Principal) -> User:
    if by.user is None or by.token is not None:
        raise Forbidden(_("Your identity is managed in the browser, by yourself."))
    return User.objects.select_for_update().get(pk=by.user.pk)


def _keep(user: User, found: str, verified_at: datetime | None, by: Principal) -> User:
    user.orcid, user.orcid_verified_at = found, verified_at
    user.save(update_fields=["orcid", "orcid_verified_at"])
    audit.record("person.orcid_set", f"user:{user.username}", actor=by, orcid=found, verified=verified_at is not None)
    return user
