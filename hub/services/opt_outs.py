"""Requests to leave something out of a data set: received, answered in time, honoured along the lineage."""

import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid
from common.services import audit, outbox
from hub.enums import OPT_OUT_MOVES, MatchKind, NoticeKind, OptOutState, RepositoryKind
from hub.models import OptOut, OptOutEvent, OptOutMatch, Repository
from hub.selectors.opt_outs import OPEN, descendants_of, is_handler
from hub.services import notices
from hub.services.reports import require_room, source_of

ANSWER_DAYS = 30
MAX_MATCHES = 500
MAX_TEXT = 20_000
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")


@transaction.atomic
def request_opt_out(
    repository: Repository,
    *,
    matches: Sequence[tuple[str, str]],
    statement: str,
    by: Principal,
    contact: str = "",
    address: str = "",
) -> OptOut:
    """Ask that what `matches` (kind, value) name be left out. Raises Invalid, TooManyRequests."""
    if repository.kind != RepositoryKind.DATASET:
        raise Invalid(_("Only data sets have requests of this kind."), hint=_("Report a model at /report."))
    if not statement.strip() or len(statement) > MAX_TEXT:
        raise Invalid(_("Say why it is yours to ask."))
    clean = list(dict.fromkeys(_checked(kind, value) for kind, value in matches))
    if not clean or len(clean) > MAX_MATCHES:
        raise Invalid(_("Name between 1 and %(count)s things to leave out.") % {"count": MAX_MATCHES})
    source = source_of(address)
    require_room(OptOut.objects.filter(source=source) if source else OptOut.objects.none())
    made = OptOut.objects.create(
        key=secrets.token_urlsafe(24),
        repository=repository,
        asset=str(repository),
        statement=statement.strip(),
        contact=contact,
        requester=by.user,
        source=source,
        deadline=_deadline(),
    )
    OptOutMatch.objects.bulk_create([OptOutMatch(request=made, kind=kind, value=value) for kind, value in clean])
    OptOutEvent.objects.create(request=made, state=OptOutState.RECEIVED)
    audit.record("opt_out.received", str(made), actor=by, about=made.asset, matches=len(clean))
    _tell_owner(made, NoticeKind.OPT_OUT_RECEIVED)
    return made


@transaction.atomic
def answer(request: OptOut, state: OptOutState | str, *, by: Principal, reason: str = "") -> OptOut:
    """A step by those who may write to the data set; after an appeal by staff. Declining needs a reason.

    Raises Forbidden, Invalid, Conflict.
    """
    request = _locked(request)
    if state not in OptOutState.values or state == OptOutState.APPEALED:
        raise Invalid(_("There is no such step."))
    is_appealed = request.state == OptOutState.APPEALED
    if not (by.is_staff if is_appealed else is_handler(by, request)):
        raise Forbidden(
            _("Appeals are decided by staff.") if is_appealed else _("Only those who may write to the data set answer.")
        )
    if state in {OptOutState.DECLINED, OptOutState.CLOSED} and not reason.strip():
        raise Invalid(_("Say why it is declined."))
    _move(request, OptOutState(state), by=by, text=reason.strip()[:MAX_TEXT])
    if request.state == OptOutState.HONOURED:
        _tell_descendants(request)
    return request


@transaction.atomic
def appeal(request: OptOut, *, key: str, statement: str, by: Principal) -> OptOut:
    """Whoever made the request (they have its key, or made it logged in) asks staff to look. Raises Forbidden."""
    request = _locked(request)
    is_theirs = secrets.compare_digest(request.key, key) or (
        by.user is not None and request.requester_id == by.user.pk and by.may_manage
    )
    if not is_theirs:
        raise Forbidden(_("Only who made the request can appeal."))
    if not statement.strip() or len(statement) > MAX_TEXT:
        raise Invalid(_("Say why the answer is wrong."))
    _move(request, OptOutState.APPEALED, by=by, text=statement.strip())
    return request


def note_overdue() -> int:
    """Requests whose deadline passed without an answer are marked, and their owners told; returns how many."""
    rows = OptOut.objects.filter(state__in=OPEN, deadline__lt=timezone.now(), overdue_since=None)
    return sum(_note(key) for key in list(rows.values_list("pk", flat=True)))


@transaction.atomic
def _note(key: int) -> int:
    request = OptOut.objects.select_for_update(of=("self",)).select_related("repository__namespace").get(pk=key)
    if request.overdue_since is not None or request.state not in OPEN or not request.is_overdue:
        return 0
    request.overdue_since = timezone.now()
    request.save(update_fields=["overdue_since"])
    OptOutEvent.objects.create(request=request, state=request.state, text="deadline passed")
    audit.record("opt_out.overdue", str(request), about=request.asset, state=request.state)
    _tell_owner(request, NoticeKind.OPT_OUT_OVERDUE)
    return 1


def _locked(request: OptOut) -> OptOut:
    rows = OptOut.objects.select_for_update(of=("self",)).select_related("repository__namespace")
    return rows.get(pk=request.pk)


def _move(request: OptOut, state: OptOutState, *, by: Principal, text: str) -> None:
    """The only function that changes a state. Raises Conflict for a move that the table does not have."""
    before = OptOutState(request.state)
    if state not in OPT_OUT_MOVES[before]:
        raise Conflict(_("It is %(state)s.") % {"state": before.label}, hint=_("Reload the page to see what changed."))
    request.state = state
    if state == OptOutState.APPEALED:
        request.deadline, request.overdue_since = _deadline(), None
    elif state not in OPEN:
        request.deadline, request.decided_at, request.reason = None, timezone.now(), text
    request.save(update_fields=["state", "deadline", "overdue_since", "decided_at", "reason"])
    OptOutEvent.objects.create(request=request, state=state, actor=str(by), text=text)
    audit.record(f"opt_out.{state.value}", str(request), actor=by, before=before.value, about=request.asset)
    outbox.emit("opt_out.moved", f"opt_out:{request.pk}:{state.value}", {"request": request.pk, "state": state.value})


def _tell_owner(request: OptOut, kind: NoticeKind) -> None:
    home = request.repository
    if home is not None:
        notices.tell(
            home.namespace,
            kind,
            key=f"opt-out:{request.pk}",
            facts={"number": request.pk, "name": home.full_name},
            repository=home,
            address=request.get_absolute_url(),
        )


def _tell_descendants(request: OptOut) -> None:
    """Everything that was made of the data set carries a notice from now on, and its owners are told."""
    source = request.repository
    if source is None:
        return
    homes = {edge.version.repository for edge in descendants_of(source)}
    for home in homes:
        if home is not None and home.pk != source.pk:
            notices.tell(
                home.namespace,
                NoticeKind.OPT_OUT_DESCENDANT,
                key=f"opt-out:{request.pk}:{home.pk}",
                facts={"number": request.pk, "name": home.full_name, "source": source.full_name},
                repository=home,
                address=request.get_absolute_url(),
            )


def _checked(kind: str, value: str) -> tuple[str, str]:
    """One thing to leave out, in the spelling that programs compare. Raises Invalid."""
    value = value.strip()
    if kind in {MatchKind.SHA256, MatchKind.DOMAIN}:
        value = value.lower()
    form = {MatchKind.SHA256: _SHA256, MatchKind.DOMAIN: _DOMAIN}.get(kind)  # type: ignore[call-overload]
    is_valid = kind in MatchKind.values and 0 < len(value) <= 1000 and value.isprintable()
    if not is_valid or (form is not None and form.fullmatch(value) is None):
        raise Invalid(_("This cannot be matched: %(text)s") % {"text": f"{kind} {value[:100]}"})
    if kind == MatchKind.URL and not value.startswith(("http://", "https://")):
        raise Invalid(_("An address begins with http:// or https://: %(text)s") % {"text": value[:100]})
    return kind, value


def _deadline() -> datetime:
    return timezone.now() + timedelta(days=ANSWER_DAYS)
