"""Disputes about credits and lines of descent. While one is alive, the share that it is about is held.

Nothing is erased: what was accepted stays on record, a decision adds corrections beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid
from common.services import audit, outbox
from common.signing import digest
from hub import rules
from hub.enums import DISPUTE_MOVES, CreditRole, CreditState, DisputeState, DisputeVerb, Evidence, Matter
from hub.models import Credit, CreditCorrection, Dispute, DisputeEvent, LineageEdge, Version
from hub.selectors.credits import accepted_credits, contributors_of, corrections_of, parties_of
from hub.selectors.lineage import original_of
from hub.services import crediting, lineage
from revenue.services import freezes

MAX_TEXT = 5000


@dataclass(frozen=True)
class Line:
    """One person in a proposal."""

    user: User
    roles: tuple[str, ...] = ()
    points: int = 1


@transaction.atomic
def open_dispute(
    version: Version,
    matter: Matter,
    *,
    reason: str,
    by: Principal,
    credit: Credit | None = None,
    edge: LineageEdge | None = None,
) -> Dispute:
    """Say what is wrong. The caller has checked that the person sees the repository.

    Raises Forbidden, Invalid, Conflict when the same person has disputed the same before.
    """
    version = Version.objects.select_for_update(of=("self",)).select_related("repository__namespace").get(pk=version.pk)
    text = _checked(reason)
    if not rules.may_dispute(by, version, matter, edge):
        raise Forbidden(
            _("Only those who are concerned can dispute this."),
            hint=_("Anybody may say that they themselves are missing from the credits."),
        )
    assert by.user is not None
    if not _fits(version, matter, credit, edge):
        raise Invalid(_("Say which credit or line of descent of this version is meant."))
    if matter == Matter.MISSING and by.user.pk in {person for person, _points in contributors_of(version)}:
        raise Conflict(_("You are in the credits already."))
    try:
        with transaction.atomic():
            dispute = Dispute.objects.create(
                version=version, matter=matter, credit=credit, edge=edge, opened_by=by.user
            )
    except IntegrityError as error:
        raise Conflict(_("You have disputed this before."), hint=_("A decision is final.")) from error
    _note(dispute, DisputeVerb.OPENED, by, text)
    _freeze(dispute)
    audit.record("credit.disputed", str(dispute), actor=by, version=version.key, matter=matter)
    outbox.emit("credit.disputed", f"credit.disputed:{dispute.pk}", {"dispute": dispute.pk, "version": version.key})
    return dispute


@transaction.atomic
def answer(dispute: Dispute, *, text: str, by: Principal, proposal: Sequence[Line] = ()) -> Dispute:
    """Answer, and perhaps propose how the credits should read; a new proposal asks everybody anew."""
    dispute = _locked(dispute)
    if not rules.may_answer_dispute(by, dispute) and not _is_party(by, dispute):
        raise Forbidden(_("Only the people of the repository and those who are credited can answer."))
    _require_alive(dispute)
    if proposal:
        dispute.proposal = _checked_proposal(dispute, proposal)
    if dispute.state == DisputeState.OPEN:
        _move(dispute, DisputeState.ANSWERED)
    dispute.save(update_fields=["proposal", "state"])
    _note(dispute, DisputeVerb.ANSWERED, by, _checked(text))
    audit.record("dispute.answered", str(dispute), actor=by, proposal=dispute.proposal)
    return dispute


@transaction.atomic
def agree(dispute: Dispute, *, by: Principal) -> Dispute:
    """Agree with the proposal. When everybody who is concerned has, the dispute is settled by it."""
    dispute = _locked(dispute)
    if not by.may_manage or not _is_party(by, dispute):
        raise Forbidden(_("Only those who are credited, and who opened the dispute, can agree."))
    _require_alive(dispute)
    if not dispute.proposal:
        raise Conflict(_("Nothing is proposed yet."), hint=_("Answer with a proposal first."))
    _note(dispute, DisputeVerb.AGREED, by, "")
    audit.record("dispute.agreed", str(dispute), actor=by, proposal=digest(dispute.proposal))
    if parties_of(dispute) <= agreed_with(dispute):
        _finish(dispute, DisputeState.SETTLED, DisputeVerb.SETTLED, by, "", corrected=True)
    return dispute


@transaction.atomic
def withdraw(dispute: Dispute, *, by: Principal) -> Dispute:
    """Who opened it lets it be; everything stays as it was."""
    dispute = _locked(dispute)
    if not by.may_manage or by.user is None or by.user.pk != dispute.opened_by_id:
        raise Forbidden(_("Only who opened a dispute can withdraw it."))
    _require_alive(dispute)
    _finish(dispute, DisputeState.SETTLED, DisputeVerb.WITHDRAWN, by, "", corrected=False)
    return dispute


@transaction.atomic
def decide(dispute: Dispute, *, uphold: bool, reason: str, by: Principal) -> Dispute:
    """Staff who are not concerned decide. What is upheld is corrected by the standing proposal, or plainly."""
    dispute = _locked(dispute)
    if not by.is_staff or not by.may_manage or _is_party(by, dispute):
        raise Forbidden(_("Staff who are not concerned decide about disputes."))
    _require_alive(dispute)
    text = _checked(reason)
    if uphold and dispute.matter != Matter.EDGE:
        dispute.proposal = dispute.proposal or _plain_correction(dispute)
    state = DisputeState.UPHELD if uphold else DisputeState.REJECTED
    _finish(dispute, state, DisputeVerb(state.value), by, text, corrected=uphold)
    return dispute


def agreed_with(dispute: Dispute) -> set[int]:
    """Who has agreed to the proposal as it stands."""
    events = dispute.events.filter(verb=DisputeVerb.AGREED, proposal_sha256=digest(dispute.proposal))
    return set(events.values_list("by", flat=True))


def _finish(
    dispute: Dispute, to: DisputeState, verb: DisputeVerb, by: Principal, text: str, *, corrected: bool
) -> None:
    split: list[tuple[int, int]] = []
    if corrected and dispute.matter == Matter.EDGE:
        assert dispute.edge is not None
        if dispute.edge.evidence != Evidence.DENIED:  # its source may have denied it meanwhile
            lineage.move(dispute.edge, Evidence.DENIED)
        split = contributors_of(dispute.version)
    elif corrected:
        split = [(line["user"], line["points"]) for line in dispute.proposal]
    _move(dispute, to)
    dispute.decided_at = timezone.now()
    dispute.save(update_fields=["state", "proposal", "decided_at"])
    _note(dispute, verb, by, text)
    if corrected and dispute.matter != Matter.EDGE:
        CreditCorrection.objects.bulk_create(
            CreditCorrection(
                dispute=dispute, user_id=line["user"], position=position, roles=line["roles"], points=line["points"]
            )
            for position, line in enumerate(dispute.proposal)
        )
        crediting.seal(dispute.version)
    if _frozen_asset(dispute):
        freezes.release(str(dispute), split=split, by=by)
    audit.record(f"dispute.{verb}", str(dispute), actor=by, version=dispute.version.key)
    facts = {"dispute": dispute.pk, "version": dispute.version.key, "state": to}
    outbox.emit("credit.settled", f"credit.settled:{dispute.pk}", facts)


def _freeze(dispute: Dispute) -> None:
    if asset := _frozen_asset(dispute):
        holder = dispute.credit.user_id if dispute.matter == Matter.WRONG and dispute.credit else None
        sold = original_of(dispute.version).key if dispute.matter == Matter.EDGE else ""
        freezes.freeze(str(dispute), asset=asset, holder_id=holder, sold=sold)


def _frozen_asset(dispute: Dispute) -> str:
    """Whose share is held: the version's, or of a line of descent what the source gets out of this version."""
    if dispute.matter != Matter.EDGE:
        return dispute.version.key
    assert dispute.edge is not None
    source = dispute.edge.parent_version
    return original_of(source).key if source is not None else ""


def _move(dispute: Dispute, to: DisputeState) -> None:
    if to not in DISPUTE_MOVES[DisputeState(dispute.state)]:
        raise Conflict(_("This dispute is %(state)s.") % {"state": dispute.get_state_display()})
    dispute.state = to


def _require_alive(dispute: Dispute) -> None:
    if not dispute.is_alive:
        raise Conflict(_("This dispute is %(state)s.") % {"state": dispute.get_state_display()})


def _note(dispute: Dispute, verb: DisputeVerb, by: Principal, text: str) -> None:
    assert by.user is not None
    sha256 = digest(dispute.proposal) if dispute.proposal else ""
    DisputeEvent.objects.create(dispute=dispute, verb=verb, by=by.user, text=text, proposal_sha256=sha256)


def _checked(text: str) -> str:
    text = text.replace("\x00", "").strip()
    if not text or len(text) > MAX_TEXT:
        raise Invalid(_("Say why, in at most 5,000 characters."))
    return text


def _fits(version: Version, matter: Matter, credit: Credit | None, edge: LineageEdge | None) -> bool:
    if matter == Matter.EDGE:
        if edge is None or edge.version_id != version.pk or credit is not None:
            return False
        return edge.is_paid and edge.evidence != Evidence.COPIED  # what this site copied itself is no opinion
    if matter == Matter.WRONG:
        if credit is None or credit.version_id != version.pk or edge is not None:
            return False
        return credit.state == CreditState.ACCEPTED
    return credit is None and edge is None


def _checked_proposal(dispute: Dispute, proposal: Sequence[Line]) -> list[dict[str, object]]:
    """Nobody is named who has not agreed to be: by accepting a credit of this version, or by the dispute itself."""
    if dispute.matter == Matter.EDGE:
        raise Invalid(_("A dispute about a line of descent changes no credits."))
    willing = set(accepted_credits(dispute.version).values_list("user_id", flat=True))
    willing |= {row.user_id for row in corrections_of(dispute.version)} | {dispute.opened_by_id}
    people = [line.user.pk for line in proposal]
    if len(set(people)) != len(people) or not set(people) <= willing:
        raise Invalid(_("Name each person once, and only people who have agreed to be named."))
    if any(not 1 <= line.points <= 1_000_000 for line in proposal):
        raise Invalid(_("Points are from 1 to a million."))
    return [
        {
            "user": line.user.pk,
            "roles": [role for role in line.roles if role in CreditRole.values],
            "points": line.points,
        }
        for line in proposal
    ]


def _plain_correction(dispute: Dispute) -> list[dict[str, object]]:
    """Without a proposal: who is missing joins at the end, who is wrongly in it leaves."""
    rows = corrections_of(dispute.version) or list(accepted_credits(dispute.version))
    lines = [{"user": row.user_id, "roles": row.roles, "points": row.points} for row in rows]
    if dispute.matter == Matter.MISSING:
        return [*lines, {"user": dispute.opened_by_id, "roles": [], "points": 1}]
    if dispute.matter == Matter.WRONG and dispute.credit is not None:
        lines = [line for line in lines if line["user"] != dispute.credit.user_id]
        if lines:
            return lines
    raise Conflict(
        _("Nothing is proposed yet."), hint=_("Answer with a proposal of how the credits should read first.")
    )


def _is_party(by: Principal, dispute: Dispute) -> bool:
    return by.user is not None and by.user.pk in parties_of(dispute)


def _locked(dispute: Dispute) -> Dispute:
    """The version first, as whoever opens or answers does, so that nobody waits in a circle."""
    Version.objects.select_for_update(of=("self",)).get(pk=dispute.version_id)
    rows = Dispute.objects.select_for_update(of=("self",)).select_related(
        "version__repository__namespace", "credit", "edge__parent_version"
    )
    return rows.get(pk=dispute.pk)
