"""Devices that wait to be logged in: started, approved or denied, exchanged for tokens once."""

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.enums import DEVICE_MOVES, DeviceState
from accounts.models import Application, DeviceLogin
from accounts.principal import Principal
from accounts.selectors import token_digest
from accounts.services import authorisations
from common.errors import Conflict, Forbidden, NotFound, TooManyRequests
from common.models import AuditEntry
from common.services import audit

LIFETIME = timedelta(minutes=15)
INTERVAL = timedelta(seconds=5)
# Twenty letters, eight places: with so few guesses nobody finds a stranger's code.
GUESSES, GUESS_WINDOW = 10, timedelta(minutes=15)
STARTS, START_WINDOW = 60, timedelta(minutes=15)
_GUESSED_WRONG = "device.code_unknown"


@transaction.atomic
def start(
    application: Application, scopes: Sequence[str], *, device_code: str, user_code: str, address: str, agent: str
) -> DeviceLogin:
    """Raises TooManyRequests when one address starts too many."""
    now = timezone.now()
    DeviceLogin.objects.filter(expires_at__lt=now - timedelta(days=1)).delete()
    if DeviceLogin.objects.filter(address=address, created_at__gt=now - START_WINDOW).count() >= STARTS:
        raise TooManyRequests(_("Too many logins were started from your address."), retry_after=60)
    return DeviceLogin.objects.create(
        application=application,
        digest=token_digest(device_code),
        user_code=user_code,
        scopes=list(scopes),
        address=address,
        agent=agent[:200],
        expires_at=now + LIFETIME,
    )


def find(user_code: str, *, by: Principal) -> DeviceLogin:
    """The device that shows this code. Raises Forbidden, NotFound, TooManyRequests; wrong guesses are counted."""
    if by.user is None or by.token is not None:
        raise Forbidden(_("Devices are approved in the browser, by the person who logs in."))
    letters = "".join(letter for letter in user_code.upper() if letter.isalpha())
    since = timezone.now() - GUESS_WINDOW
    wrong = AuditEntry.objects.filter(actor=str(by), action=_GUESSED_WRONG, at__gt=since).count()
    if wrong >= GUESSES:
        raise TooManyRequests(
            _("Too many wrong codes."), hint=_("Wait a quarter of an hour, then start again."), retry_after=900
        )
    rows = DeviceLogin.objects.select_related("application__owner").filter(expires_at__gt=timezone.now())
    found = rows.filter(user_code=f"{letters[:4]}-{letters[4:8]}", state=DeviceState.WAITING).first()
    if found is None or len(letters) != 8:
        audit.record(_GUESSED_WRONG, f"user:{by}", actor=by)
        raise NotFound(
            _("No device waits with this code."), hint=_("Codes last 15 minutes. Check it, or start again there.")
        )
    return found


@transaction.atomic
def decide(device: DeviceLogin, *, approve: bool, by: Principal) -> DeviceLogin:
    """Log the device in as this person, or turn it away. Raises Forbidden, Conflict."""
    device = _locked(device)
    if by.user is None or by.token is not None:
        raise Forbidden(_("Devices are approved in the browser, by the person who logs in."))
    if device.expires_at <= timezone.now():
        raise Conflict(_("This code has expired."), hint=_("Start again on the device."))
    if approve:
        device.authorisation = authorisations.approve(device.application, device.scopes, by=by)
    else:
        audit.record("device.denied", f"application:{device.application.client_id}", actor=by)
    return _move(device, DeviceState.APPROVED if approve else DeviceState.DENIED)


def take(device_code: str) -> DeviceLogin | None:
    """The device, held until the end of the transaction."""
    found = DeviceLogin.objects.filter(digest=token_digest(device_code)).first()
    return _locked(found) if found is not None else None


def polls_too_fast(device: DeviceLogin) -> bool:
    """Notes that the device has asked, and tells whether it should have waited."""
    now = timezone.now()
    # A little less than what was told: clients count from when our last answer reached them.
    is_fast = device.polled_at is not None and now - device.polled_at < INTERVAL * 0.8
    DeviceLogin.objects.filter(pk=device.pk).update(polled_at=now)
    return is_fast


def use(device: DeviceLogin) -> None:
    """Its tokens were issued; the device code buys no others. Raises Conflict."""
    _move(device, DeviceState.USED)


def _move(device: DeviceLogin, state: DeviceState) -> DeviceLogin:
    """The only function that changes a state."""
    if state not in DEVICE_MOVES[DeviceState(device.state)]:
        raise Conflict(_("This code was used already."), hint=_("Start again on the device."))
    device.state = state
    device.save(update_fields=["state", "authorisation"])
    return device


def _locked(device: DeviceLogin) -> DeviceLogin:
    rows = DeviceLogin.objects.select_for_update(of=("self",))
    return rows.select_related("application", "authorisation__user", "authorisation__application").get(pk=device.pk)
