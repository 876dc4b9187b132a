"""Writing a proposal, signing it, handing it in, withdrawing it."""

from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Namespace, User
from accounts.principal import Principal
from common import signing
from common.errors import Conflict, Forbidden, Invalid
from common.services import audit
from grants.algorithms.texts import visible
from grants.enums import EDITABLE, ON_THE_TEAM, ProposalState, TeamState
from grants.models import Call, Proposal, ProposalVersion, TeamMember
from grants.rules import may_apply_for, may_manage_proposal, may_sign
from grants.services.decisions import decide_by_rule, lock_call
from grants.services.limits import check_handing_in
from grants.services.moves import lock, move


@dataclass(frozen=True)
class Text:
    """What an applicant writes. `team` are user names of those who are invited and must sign."""

    title: str
    abstract: str = ""
    asked_gpu_seconds: int = 0
    publishes_openly: bool = False
    answers: dict[str, str] = field(default_factory=dict)
    team: tuple[str, ...] = ()


@transaction.atomic
def create_draft(call: Call, text: Text, *, holder: Namespace, by: Principal, key: str | None = None) -> Proposal:
    """A new draft. With a `key`, a second call returns the first's proposal.

    Raises Forbidden when the person may not apply under this name, Invalid for a text that cannot be kept.
    """
    if by.user is None or not may_apply_for(by, holder):
        raise Forbidden(
            _("You may not apply under this name."),
            hint=_("Apply under your own name, or ask an administrator of the organisation for the role “writer”."),
        )
    if key and (existing := by.user.proposals.filter(key=key).first()):
        return existing
    proposal = Proposal(call=call, applicant=by.user, holder=holder, key=key or None)
    _write(proposal, text)
    try:
        with transaction.atomic():
            proposal.save()
    except IntegrityError:
        return by.user.proposals.get(key=key)
    _set_team(proposal, text.team)
    audit.record("proposal.drafted", f"proposal:{proposal.pk}", actor=by, call=call.slug, holder=holder.name)
    return proposal


@transaction.atomic
def update_draft(proposal: Proposal, text: Text, *, by: Principal) -> Proposal:
    """Replace the text of a draft, or of one returned for changes. Signatures on the old text are void."""
    proposal = lock(proposal.pk)
    _require_manager(by, proposal)
    if proposal.state not in EDITABLE:
        raise Conflict(
            _("The proposal has been handed in and cannot be changed."),
            hint=_("Withdraw it and apply again, if the call is still open."),
            code="wrong_state",
        )
    _check_change(proposal, text)
    _write(proposal, text)
    proposal.save()
    _set_team(proposal, text.team)
    audit.record("proposal.changed", f"proposal:{proposal.pk}", actor=by)
    return proposal


@transaction.atomic
def submit(proposal: Proposal, *, by: Principal) -> Proposal:
    """Hand it in, or ask the team to sign first. In an instant call the decision falls right here.

    Raises Forbidden, Conflict (already handed in, call closed), Invalid (something required is missing).
    """
    call = lock_call(proposal.call_id)
    proposal = lock(proposal.pk)
    _require_manager(by, proposal)
    if proposal.state not in EDITABLE:
        raise Conflict(
            _("The proposal has been handed in already."),
            hint=_("Its page shows the state and the decision."),
            code="already_submitted",
        )
    _check_in_time(proposal)
    _check_complete(call, proposal)
    if _unsigned(proposal).exists():
        move(proposal, ProposalState.SIGNING, by=by)
    else:
        _hand_in(call, proposal, by=by)
    return proposal


@transaction.atomic
def sign(proposal: Proposal, *, by: Principal) -> Proposal:
    """A team member agrees to the text; with the last signature it is handed in."""
    call = lock_call(proposal.call_id)
    proposal = lock(proposal.pk)
    if not may_sign(by, proposal):
        raise Forbidden(_("Only members of the team sign a proposal."))
    if proposal.state != ProposalState.SIGNING:
        raise Conflict(_("There is nothing to sign now."), code="wrong_state")
    if not proposal.may_be_signed:
        raise Conflict(
            _("The time for signatures is over."),
            hint=_("Copy the proposal into a new draft of an open call."),
            code="signing_over",
        )
    now = timezone.now()
    proposal.team.filter(user=by.user, accepted_at=None).update(accepted_at=now)
    proposal.team.filter(user=by.user, signed_at=None).update(signed_at=now, state=TeamState.MEMBER)
    audit.record("proposal.signed", f"proposal:{proposal.pk}", actor=by)
    if not _unsigned(proposal).exists():
        _check_complete(call, proposal)
        _hand_in(call, proposal, by=by)
    return proposal


@transaction.atomic
def accept_invitation(proposal: Proposal, *, by: Principal) -> Proposal:
    """Join the team: from now on one reads the proposal and has a stake in it. Twice joins once."""
    proposal, member = _own_membership(proposal, by)
    if member.state == TeamState.INVITED:
        member.state, member.accepted_at = TeamState.MEMBER, member.accepted_at or timezone.now()
        member.save()
        audit.record("proposal.joined", f"proposal:{proposal.pk}", actor=by)
    return proposal


@transaction.atomic
def leave_team(proposal: Proposal, *, by: Principal) -> Proposal:
    """Decline the invitation, or leave again, before it is handed in. What the others signed becomes a draft
    again: they signed together with this person."""
    proposal, member = _own_membership(proposal, by)
    member.state = TeamState.DECLINED if member.state == TeamState.INVITED else TeamState.LEFT
    member.signed_at = None
    member.save()
    audit.record("proposal.left", f"proposal:{proposal.pk}", actor=by, state=member.state)
    if proposal.state == ProposalState.SIGNING:
        move(proposal, ProposalState.DRAFT, by=by)
        proposal.team.update(signed_at=None)
    return proposal


def _own_membership(proposal: Proposal, by: Principal) -> tuple[Proposal, TeamMember]:
    proposal = lock(proposal.pk)
    member = proposal.team.filter(user=by.user, state__in=ON_THE_TEAM).first() if by.may_manage else None
    if member is None:
        raise Forbidden(_("Nobody has asked you to join the team of this proposal."))
    if proposal.state not in EDITABLE | {ProposalState.SIGNING}:
        raise Conflict(_("The proposal has been handed in and cannot be changed."), code="wrong_state")
    return proposal, member


@transaction.atomic
def copy(proposal: Proposal, call: Call, *, by: Principal) -> Proposal:
    """A new draft with the same text, for this call. Who was on the team is invited again."""
    _require_manager(by, proposal)
    if not call.is_open():
        raise Conflict(_("This call is closed."), hint=_("Open calls are listed at /grants."), code="call_closed")
    on_the_team = proposal.team.filter(state__in=ON_THE_TEAM, user__is_active=True).exclude(user=by.user)
    text = Text(
        title=proposal.title,
        abstract=proposal.abstract,
        asked_gpu_seconds=proposal.asked_gpu_seconds,
        publishes_openly=proposal.publishes_openly,
        answers=proposal.answers,
        team=tuple(on_the_team.values_list("user__username", flat=True)),
    )
    made = create_draft(call, text, holder=proposal.holder, by=by)
    audit.record("proposal.copied", f"proposal:{made.pk}", actor=by, copied_from=proposal.pk)
    return made


@transaction.atomic
def reopen(proposal: Proposal, *, by: Principal) -> Proposal:
    """Back to draft while signatures are missing; those given are void."""
    proposal = lock(proposal.pk)
    _require_manager(by, proposal)
    move(proposal, ProposalState.DRAFT, by=by)
    proposal.team.update(signed_at=None)
    return proposal


@transaction.atomic
def withdraw(proposal: Proposal, *, by: Principal) -> Proposal:
    """The applicant takes it back, at any time before the decision, or from the waiting list."""
    proposal = lock(proposal.pk)
    _require_manager(by, proposal)
    move(proposal, ProposalState.WITHDRAWN, by=by)
    return proposal


def content_of(proposal: Proposal) -> dict[str, Any]:
    """What is frozen when it is handed in."""
    return {
        "call": proposal.call.slug,
        "applicant": proposal.applicant.username,
        "holder": proposal.holder.name,
        "title": proposal.title,
        "abstract": proposal.abstract,
        "answers": proposal.answers,
        "asked_gpu_seconds": proposal.asked_gpu_seconds,
        "publishes_openly": proposal.publishes_openly,
        "team": list(
            proposal.team.filter(state=TeamState.MEMBER)
            .order_by("user__username")
            .values_list("user__username", flat=True)
        ),
    }


def _hand_in(call: Call, proposal: Proposal, *, by: Principal) -> None:
    assert by.user is not None
    content = content_of(proposal)
    ProposalVersion.objects.create(
        proposal=proposal,
        number=proposal.versions.count() + 1,
        content=content,
        digest=signing.digest(content),
        submitted_by=by.user,
    )
    move(proposal, ProposalState.SUBMITTED, by=by)
    if call.is_instant:
        decide_by_rule(call, proposal, by=by)


def _write(proposal: Proposal, text: Text) -> None:
    if not visible(text.title):
        raise Invalid(_("A proposal needs a title."), field="title")
    if len(text.title) > 150 or len(text.abstract) > 5000:
        raise Invalid(_("The title has at most 150 characters, the abstract at most 5,000."), field="abstract")
    if not 0 <= text.asked_gpu_seconds < 2**62:
        raise Invalid(_("The amount of GPU-seconds must be a whole number from 0."), field="asked_gpu_seconds")
    if "\x00" in text.title + text.abstract + "".join(text.answers.values()):
        raise Invalid(_("The text contains a character that cannot be kept."), field="abstract")
    proposal.title = text.title.strip()
    proposal.abstract = text.abstract.strip()
    proposal.asked_gpu_seconds = text.asked_gpu_seconds
    proposal.publishes_openly = text.publishes_openly
    proposal.answers = _known_answers(proposal.call, text.answers)


def _known_answers(call: Call, answers: dict[str, str]) -> dict[str, str]:
    kept = {}
    for question in call.questions:
        answer = answers.get(question["key"], "").strip()
        if len(answer) > question["most_characters"]:
            raise Invalid(
                _("The answer to “%(question)s” has more than %(most)d characters.")
                % {"question": question["label"], "most": question["most_characters"]},
                field=question["key"],
            )
        kept[question["key"]] = answer
    return kept


def _set_team(proposal: Proposal, names: tuple[str, ...]) -> None:
    wanted = {name.strip().lower() for name in names if name.strip()} - {proposal.applicant.username.lower()}
    people = User.objects.annotate(lower=Lower("username")).filter(is_active=True, lower__in=wanted).order_by("lower")
    found = {user.username.lower(): user for user in people}
    for name in sorted(wanted - found.keys()):
        raise Invalid(_("There is nobody called %(name)s.") % {"name": name}, field="team")
    gone = proposal.team.exclude(user__in=found.values())
    gone.filter(accepted_at=None).exclude(state=TeamState.DECLINED).delete()
    gone.filter(state__in=ON_THE_TEAM).update(state=TeamState.LEFT)
    proposal.team.exclude(state__in=ON_THE_TEAM).filter(user__in=found.values()).update(state=TeamState.INVITED)
    proposal.team.update(signed_at=None)
    known = set(proposal.team.values_list("user_id", flat=True))
    new = [TeamMember(proposal=proposal, user=user) for user in found.values() if user.pk not in known]
    TeamMember.objects.bulk_create(new)


def _unsigned(proposal: Proposal) -> QuerySet[TeamMember]:
    return proposal.team.filter(state__in=ON_THE_TEAM, signed_at=None)


def _check_change(proposal: Proposal, text: Text) -> None:
    """What was handed in once is corrected within its time, and does not grow."""
    last = proposal.versions.order_by("-number").first()
    if last is None:
        return
    _check_in_time(proposal)
    if text.asked_gpu_seconds > last.content["asked_gpu_seconds"]:
        raise Invalid(
            _("A proposal that was handed in may not ask for more afterwards: %(asked)d GPU-seconds at most.")
            % {"asked": last.content["asked_gpu_seconds"]},
            field="asked_gpu_seconds",
        )


def _check_in_time(proposal: Proposal) -> None:
    """What is returned for changes may come back after the call has closed, within the time given for it."""
    if proposal.may_be_handed_in:
        return
    if proposal.submitted_at is None:
        raise Conflict(_("This call is closed."), hint=_("Open calls are listed at /grants."), code="call_closed")
    raise Conflict(
        _("The time for changes is over."),
        hint=_("Copy the proposal into a new draft of an open call."),
        code="changes_over",
    )


def _check_complete(call: Call, proposal: Proposal) -> None:
    if not visible(proposal.abstract):
        raise Invalid(_("The proposal needs an abstract."), field="abstract")
    if proposal.asked_gpu_seconds == 0:
        raise Invalid(_("Say how many GPU-seconds you ask for."), field="asked_gpu_seconds")
    for question in call.questions:
        if question["required"] and not visible(proposal.answers.get(question["key"], "")):
            raise Invalid(_("Answer “%(question)s”.") % {"question": question["label"]}, field=question["key"])
    check_handing_in(call, proposal)


def _require_manager(by: Principal, proposal: Proposal) -> None:
    if not may_manage_proposal(by, proposal):
        raise Forbidden(
            _("Only those who may act for the applicant's name may do this."),
            hint=_("Log in, or use a token with the scope “write”."),
        )
