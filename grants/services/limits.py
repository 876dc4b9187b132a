"""The limits that a call publishes. They hold when a proposal is handed in, and again when it is decided."""

from django.utils import timezone
from django.utils.translation import gettext as _

from common.errors import Conflict, Invalid
from common.quantities import format_gpu_seconds
from grants.algorithms.texts import visible_characters
from grants.enums import Track
from grants.models import Call, Proposal
from grants.selectors.calls import open_standard_awards, promised_standard_awards

Broken = list[tuple[str, str]]


def broken_limits(call: Call, *, asked_gpu_seconds: int, abstract: str, publishes_openly: bool) -> Broken:
    """(field, sentence) for each limit of the call that a text does not keep."""
    broken = _below_smallest(call, asked_gpu_seconds)
    if asked_gpu_seconds > call.largest_gpu_seconds:
        broken.append(("asked_gpu_seconds", _("This is more than the call gives. Ask for less.")))
    if visible_characters(abstract) < call.least_abstract_characters:
        least = {"least": call.least_abstract_characters}
        broken.append(("abstract", _("Write at least %(least)d characters.") % least))
    if not publishes_openly:
        broken.append(("publishes_openly", _("This call funds open work only.")))
    return broken


def check_handing_in(call: Call, proposal: Proposal) -> None:
    """Raises Invalid for the first broken limit, Conflict when too many awards are open.

    In an instant call the rule itself looks at all limits but the smallest award, and declines with every reason
    named; so only that one is looked at here.
    """
    broken = _below_smallest(call, proposal.asked_gpu_seconds) if call.is_instant else _broken_by(call, proposal)
    for field, sentence in broken:
        raise Invalid(sentence, field=field)
    if call.is_instant:
        return
    if call.needs_email and not proposal.applicant.email:
        raise Invalid(_("Your account has no e-mail address. Add one, so that you can be reached about the award."))
    held = open_standard_awards(proposal.applicant, proposal.holder, timezone.now())
    _check_open_awards(call, held.count())


def check_award(call: Call, proposal: Proposal, gpu_seconds: int) -> None:
    """Raises Invalid or Conflict when this award would break a limit of the call. The caller holds the call's lock."""
    if not call.smallest_gpu_seconds <= gpu_seconds <= call.largest_gpu_seconds:
        raise Invalid(
            _("The call gives from %(least)s to %(most)s.")
            % {
                "least": format_gpu_seconds(call.smallest_gpu_seconds),
                "most": format_gpu_seconds(call.largest_gpu_seconds),
            },
            hint=_("In GPU-seconds: from %(least)d to %(most)d.")
            % {"least": call.smallest_gpu_seconds, "most": call.largest_gpu_seconds},
            field="gpu_seconds",
        )
    for field, sentence in _broken_by(call, proposal):
        if field != "asked_gpu_seconds":
            raise Conflict(
                _("The proposal does not keep a limit of the call: %(limit)s") % {"limit": sentence},
                hint=_("Return it for changes during the screening, or decline it."),
                code="outside_the_call",
            )
    _check_open_awards(call, promised_standard_awards(proposal, timezone.now()))


def _below_smallest(call: Call, asked_gpu_seconds: int) -> Broken:
    if asked_gpu_seconds >= call.smallest_gpu_seconds:
        return []
    least = f"{call.smallest_gpu_seconds} ({format_gpu_seconds(call.smallest_gpu_seconds)})"
    return [("asked_gpu_seconds", _("The call gives at least %(least)s. Ask for more.") % {"least": least})]


def _broken_by(call: Call, proposal: Proposal) -> Broken:
    return broken_limits(
        call,
        asked_gpu_seconds=proposal.asked_gpu_seconds,
        abstract=proposal.abstract,
        publishes_openly=proposal.publishes_openly,
    )


def _check_open_awards(call: Call, held: int) -> None:
    if call.track == Track.STANDARD and held >= call.most_open_awards:
        raise Conflict(
            _(
                "The applicant, or the name applied for, holds %(open)d awards of calls with reviewers; "
                "%(most)d may be open at a time."
            )
            % {"open": held, "most": call.most_open_awards},
            hint=_("Wait until one ends."),
            code="too_many_open_awards",
        )
