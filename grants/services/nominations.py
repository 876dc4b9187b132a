"""Nominating for a round, and the answer of those who would get the award."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Namespace
from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid
from common.services import audit
from compute.selectors import price_of
from grants.enums import LIVE_NOMINATIONS, NominationState, ProposalState, SubjectKind
from grants.models import Nomination, Proposal, Round
from grants.rules import may_answer, may_manage_proposal, may_nominate, may_withdraw_nomination
from grants.services.rounds import lock_round, require_open
from hub.selectors import repository_for


@transaction.atomic
def nominate(
    round_: Round, *, kind: SubjectKind, name: str, why: str, asked_gpu_seconds: int, by: Principal
) -> Nomination:
    """Propose a public repository (`ns/name`) or a proposal (its number) for an award.

    It counts once its holder confirms; who nominates something of their own has. Nominating the same subject again
    returns the first nomination. Raises Forbidden, Conflict, Invalid, NotFound.
    """
    round_ = lock_round(round_)
    if by.user is None or not may_nominate(by):
        raise Forbidden(_("Log in to nominate."), hint=_("A token needs the scope “write”."))
    require_open(round_)
    why = why.strip()
    if not why or len(why) > 280 or "\n" in why or "\x00" in why:
        raise Invalid(_("Say why in one line of at most 280 characters."), field="why")
    _check_amount(round_, asked_gpu_seconds)
    subject, holder = _subject(kind, name, by)
    rows = round_.nominations.filter(subject=subject)
    existing = rows.filter(state__in=LIVE_NOMINATIONS).first()
    if existing is not None:
        return existing
    nomination = Nomination(
        round=round_,
        kind=kind,
        subject=subject,
        holder=holder,
        nominator=by.user,
        why=why,
        asked_gpu_seconds=asked_gpu_seconds,
    )
    own = may_answer(by, nomination)
    if rows.filter(state=NominationState.DECLINED).exists() and not own:
        raise Conflict(_("Its holder declined to be nominated in this round."), hint=_("Talk to them first."))
    if own:
        _require_single(nomination)
        nomination.state, nomination.answered_at = NominationState.CONFIRMED, timezone.now()
    nomination.save()
    audit.record("round.nominated", f"round:{round_.slug}", actor=by, subject=subject, state=nomination.state)
    return nomination


@transaction.atomic
def confirm(nomination: Nomination, *, by: Principal) -> Nomination:
    """Its holder wants to be judged, and will report if there is an award. One per holder and round."""
    nomination = _lock(nomination)
    if not may_answer(by, nomination):
        raise Forbidden(_("Only those who may act for its holder may answer."))
    require_open(nomination.round)
    if nomination.state == NominationState.CONFIRMED:
        return nomination
    _require_live(nomination)
    _require_single(nomination)
    return _answer(nomination, NominationState.CONFIRMED, by=by)


@transaction.atomic
def decline(nomination: Nomination, *, by: Principal) -> Nomination:
    """Its holder does not want it, or no longer."""
    nomination = _lock(nomination)
    if not may_answer(by, nomination):
        raise Forbidden(_("Only those who may act for its holder may answer."))
    return _end(nomination, NominationState.DECLINED, by=by)


@transaction.atomic
def withdraw(nomination: Nomination, *, by: Principal) -> Nomination:
    """Who nominated it takes it back."""
    nomination = _lock(nomination)
    if not may_withdraw_nomination(by, nomination):
        raise Forbidden(_("Only the person who nominated it may withdraw it."))
    return _end(nomination, NominationState.WITHDRAWN, by=by)


def most_to_ask(round_: Round) -> int:
    """GPU-seconds that the cap of the round buys."""
    price = price_of(round_.flavor)
    return round_.cap // price if price > 0 else 0


def _end(nomination: Nomination, state: NominationState, *, by: Principal) -> Nomination:
    require_open(nomination.round)
    if nomination.state == state:
        return nomination
    _require_live(nomination)
    return _answer(nomination, state, by=by)


def _answer(nomination: Nomination, state: NominationState, *, by: Principal) -> Nomination:
    nomination.state, nomination.answered_at = state, timezone.now()
    nomination.save(update_fields=["state", "answered_at"])
    audit.record(f"nomination.{state}", f"nomination:{nomination.pk}", actor=by, subject=nomination.subject)
    return nomination


def _lock(nomination: Nomination) -> Nomination:
    """The nomination as it is under the lock of its round."""
    round_ = lock_round(nomination.round)
    found = Nomination.objects.select_related("holder").get(pk=nomination.pk)
    found.round = round_
    return found


def _require_live(nomination: Nomination) -> None:
    if nomination.state not in LIVE_NOMINATIONS:
        raise Conflict(
            _("This nomination has ended."), hint=_("Nominate it again while the round is open."), code="wrong_state"
        )


def _require_single(nomination: Nomination) -> None:
    others = Nomination.objects.filter(
        round=nomination.round, holder=nomination.holder, state=NominationState.CONFIRMED
    ).exclude(pk=nomination.pk)
    other = others.first()
    if other is not None:
        raise Conflict(
            _("%(holder)s is in this round already, with %(name)s.")
            % {"holder": nomination.holder.name, "name": other.name},
            hint=_("A round counts one nomination per holder. Withdraw or decline the other first."),
            code="one_per_holder",
        )


def _check_amount(round_: Round, asked_gpu_seconds: int) -> None:
    """Asking for more than the cap gives would cost nothing, so that everybody would."""
    most = most_to_ask(round_)
    if not 0 < asked_gpu_seconds <= most:
        raise Invalid(
            _("Ask for 1 to %(most)d GPU-seconds: that is what the cap of this round buys.") % {"most": most},
            field="gpu_seconds",
        )


def _subject(kind: SubjectKind, name: str, by: Principal) -> tuple[str, Namespace]:
    """Only what everybody can see, or what is one's own: an answer must not tell what is not announced."""
    if kind == SubjectKind.PROPOSAL:
        number = int(name) if name.isdecimal() and len(name) <= 18 else 0
        proposal = Proposal.objects.select_related("holder", "award").filter(pk=number).first()
        if proposal is None or not _may_be_named(proposal, by):
            raise Invalid(
                _("There is no proposal with this number that you may nominate."),
                hint=_("Proposals with an award, and announced ones of your own, can be nominated."),
                field="name",
            )
        return f"proposal:{proposal.pk}", proposal.holder
    repository = repository_for(by, kind.value, name)
    if repository.visibility != "public":
        raise Invalid(_("Only public repositories can be nominated."), hint=_("Publish it first."), field="name")
    return f"{kind}:{repository.full_name}", repository.namespace


def _may_be_named(proposal: Proposal, by: Principal) -> bool:
    has_award = hasattr(proposal, "award")
    own = proposal.state == ProposalState.ANNOUNCED and may_manage_proposal(by, proposal)
    return has_award or own
