"""Moving the end of a call or a round: earlier or later, with a reason, for everybody to read."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid
from common.services import audit
from grants.enums import ChangeKind
from grants.models import Call, Round
from grants.rules import may_run_calls, stake_in_round
from grants.selectors.proposals import own_proposals
from grants.services.changes import trace
from grants.services.decisions import lock_call
from grants.services.rounds import lock_round


@transaction.atomic
def move_closing_of_call(call: Call, closes_at: datetime | None, *, reason: str, by: Principal | None) -> Call:
    """`closes_at` None lets it stay open; a time that has passed means now.

    Raises Forbidden, also for staff with a proposal of their own in it, and Invalid.
    """
    call = lock_call(call.pk)
    if not may_run_calls(by):
        raise Forbidden(_("Only staff may move the closing of a call."))
    if by is not None and own_proposals(by).filter(call=call).exists():
        raise Forbidden(_("You have a proposal in this call."), hint=_("Ask staff without one."))
    _move(call, closes_at, reason=reason, by=by)
    return call


@transaction.atomic
def move_closing_of_round(round_: Round, closes_at: datetime, *, reason: str, by: Principal | None) -> Round:
    """A time that has passed means now. Raises Forbidden for those with a stake in it, Conflict once it is decided."""
    round_ = lock_round(round_)
    if not may_run_calls(by):
        raise Forbidden(_("Only staff may move the closing of a round."))
    stake = stake_in_round(by, round_)
    if stake:
        raise Forbidden(_("You have a stake in this round. %(why)s") % {"why": stake})
    if round_.is_decided:
        raise Conflict(_("This round is decided."), hint=_("Open another one."), code="wrong_state")
    _move(round_, closes_at, reason=reason, by=by)
    return round_


def _move(of: Call | Round, closes_at: datetime | None, *, reason: str, by: Principal | None) -> None:
    reason = reason.strip()
    if not reason or len(reason) > 300 or "\x00" in reason:
        raise Invalid(_("Say why, in 1 to 300 characters."), hint=_("Everybody can read it."), field="reason")
    now = timezone.now()
    if closes_at is not None:
        closes_at = max(closes_at, now)
        if closes_at <= of.opens_at:
            raise Invalid(_("It must close after it opens."), field="closes_at")
    before, of.closes_at = of.closes_at, closes_at
    of.save(update_fields=["closes_at"])
    trace(of, ChangeKind.CLOSING_MOVED, by=by, reason=reason, before=_words(before), after=_words(closes_at))
    kind = "call" if isinstance(of, Call) else "round"
    audit.record(f"{kind}.closing_moved", f"{kind}:{of.slug}", actor=by, reason=reason)


def _words(moment: datetime | None) -> str:
    """As the trace keeps it, in every language."""
    return moment.strftime("%Y-%m-%d %H:%M UTC") if moment else "–"
