"""Deciding and announcing. Decisions are written once; the budget they take is taken under the call's lock."""

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Namespace
from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid
from common.services import audit
from grants.algorithms.instant import InstantInputs
from grants.algorithms.instant import decide as decide_instantly
from grants.algorithms.texts import visible, visible_characters
from grants.algorithms.verdicts import Verdict
from grants.enums import DecidedBy, Outcome, ProposalState, ReviewState, recorded
from grants.models import Call, Decision, Proposal
from grants.rules import may_process, why_not_process
from grants.selectors.calls import open_instant_awards, reports_due, rule_of
from grants.selectors.proposals import outcomes_open, waiting_proposals
from grants.services.awards import open_award_for_proposal
from grants.services.limits import check_award
from grants.services.moves import lock, move


def lock_call(call_id: int) -> Call:
    """Calls are locked before proposals, everywhere, so that nobody waits in a circle."""
    return Call.objects.select_for_update().get(pk=call_id)


def decide_by_rule(call: Call, proposal: Proposal, *, by: Principal | None) -> Decision:
    """Apply the call's rule, announce the verdict and open the award. The caller holds both locks."""
    rule = rule_of(call)
    assert rule is not None, "only instant calls decide by rule"
    inputs = _instant_inputs(call, proposal)
    verdict = decide_instantly(inputs)
    decision = _record(
        call,
        proposal,
        verdict,
        by=f"rule:{rule.name}@{rule.version}",
        rule_name=rule.name,
        rule_version=rule.version,
        rule_sha256=rule.text_sha256,
        inputs=inputs.to_json(),
        reasons=[recorded(reason.code, dict(reason.values)) for reason in verdict.reasons],
        decided_by=DecidedBy.RULE,
    )
    _announce(proposal, decision, by=by)
    return decision


@transaction.atomic
def decide_by_person(
    proposal: Proposal, *, outcome: Outcome, gpu_seconds: int = 0, reasons: str, by: Principal
) -> Decision:
    """Staff decide after screening (only to decline), after the discussion, or from the waiting list.

    The applicant learns it by `announce`.

    Raises Forbidden for those with a stake in it, Conflict when the state or the budget does not allow it,
    Invalid when the reasons or the amount make no sense.
    """
    call = lock_call(proposal.call_id)
    proposal = lock(proposal.pk)
    if not may_process(by, proposal):
        raise Forbidden(
            _("Only staff without a stake in this proposal may decide it."), hint=why_not_process(by, proposal)
        )
    if call.is_instant or not outcomes_open(proposal):
        raise Conflict(
            _("A proposal is decided after its screening or its discussion, or from the waiting list."),
            hint=_("Open its page to see what can be done now."),
            code="wrong_state",
        )
    if proposal.state == ProposalState.SCREENING and outcome != Outcome.DECLINED:
        raise Conflict(_("Without a review a proposal can only be declined."), hint=_("Send it to reviewers first."))
    if outcome not in outcomes_open(proposal):
        raise Conflict(_("The proposal is on the waiting list already."), hint=_("Award it, or decline it."))
    if not visible(reasons):
        raise Invalid(
            _("Give the reasons for the decision."),
            field="reasons",
            hint=_("The applicant reads them; those of an award everybody does."),
        )
    _check_amount(call, proposal, outcome, gpu_seconds)
    return _record(
        call,
        proposal,
        Verdict(outcome.value, gpu_seconds, ()),
        by=by,
        inputs={
            "asked_gpu_seconds": proposal.asked_gpu_seconds,
            "remaining_gpu_seconds": call.remaining_gpu_seconds,
            **_scores(proposal),
        },
        reasons=[recorded("person", {"text": reasons.strip()})],
        decided_by=DecidedBy.PERSON,
        person=by.user,
    )


def _scores(proposal: Proposal) -> dict[str, list[int]]:
    """The first judgements, and what became of them after the reviewers read each other."""
    reviews = proposal.reviews.filter(state=ReviewState.SUBMITTED).prefetch_related("revisions")
    pairs = [(review.score or 0, [row.score for row in review.revisions.all()]) for review in reviews]
    return {
        "scores": sorted(first for first, _revised in pairs),
        "last_scores": sorted(revised[-1] if revised else first for first, revised in pairs),
    }


@transaction.atomic
def announce(proposal: Proposal, *, by: Principal) -> Decision:
    """Tell the applicant, and open the award when there is one."""
    lock_call(proposal.call_id)
    proposal = lock(proposal.pk)
    if not may_process(by, proposal):
        raise Forbidden(
            _("Only staff without a stake in this proposal may announce the decision."),
            hint=why_not_process(by, proposal),
        )
    decision = proposal.decisions.order_by("-number").first()
    if decision is None:
        raise Conflict(_("Nothing has been decided yet."), code="wrong_state")
    _announce(proposal, decision, by=by)
    return decision


def decide_waiting(call: Call, *, by: Principal | None) -> list[Decision]:
    """Apply the rule again to those who wait, in order, until one must go on waiting. Holds the call's lock."""
    decisions = []
    for proposal_id in waiting_proposals(call.pk).values_list("pk", flat=True):
        proposal = lock(proposal_id)
        if rule_of(call) is None or decide_instantly(_instant_inputs(call, proposal)).outcome == Outcome.WAITING_LIST:
            break
        decisions.append(decide_by_rule(call, proposal, by=by))
    return decisions


def _announce(proposal: Proposal, decision: Decision, *, by: object) -> None:
    move(proposal, ProposalState.ANNOUNCED, by=by)
    if Outcome(decision.outcome).gives:
        decision.proposal = proposal
        open_award_for_proposal(decision, by=by if isinstance(by, Principal) else None)


def _record(call: Call, proposal: Proposal, verdict: Verdict, *, by: object, **fields: Any) -> Decision:
    """Write the decision and take its amount from the budget; the caller holds both locks."""
    version = proposal.versions.order_by("-number").first()
    assert version is not None, "only what was handed in is decided"
    decision = Decision.objects.create(
        proposal=proposal,
        version=version,
        number=proposal.decisions.count() + 1,
        outcome=verdict.outcome,
        gpu_seconds=verdict.gpu_seconds,
        at=timezone.now(),
        **fields,
    )
    call.remaining_gpu_seconds -= verdict.gpu_seconds
    call.save(update_fields=["remaining_gpu_seconds"])
    move(
        proposal,
        ProposalState.DECIDED,
        by=by,
        outcome=Outcome(verdict.outcome),
        decision=decision.number,
        gpu_seconds=verdict.gpu_seconds,
    )
    audit.record("call.budget_taken", f"call:{call.slug}", actor=by, gpu_seconds=verdict.gpu_seconds)
    return decision


def _instant_inputs(call: Call, proposal: Proposal) -> InstantInputs:
    """Read everything the rule looks at. The names are locked, so that two calls cannot both count a
    person's open awards before either has added one."""
    _lock_names(proposal)
    now = timezone.now()
    return InstantInputs(
        asked_gpu_seconds=proposal.asked_gpu_seconds,
        largest_gpu_seconds=call.largest_gpu_seconds,
        smallest_gpu_seconds=call.smallest_gpu_seconds,
        remaining_gpu_seconds=call.remaining_gpu_seconds,
        abstract_characters=visible_characters(proposal.abstract),
        least_abstract_characters=call.least_abstract_characters,
        publishes_openly=proposal.publishes_openly,
        has_email=bool(proposal.applicant.email),
        needs_email=call.needs_email,
        open_awards=open_instant_awards(proposal.applicant, proposal.holder, now),
        most_open_awards=call.most_open_awards,
        reports_due=reports_due(proposal.applicant, proposal.holder, now),
    )


def _lock_names(proposal: Proposal) -> None:
    names = Namespace.objects.filter(pk__in=[proposal.holder_id, proposal.applicant.namespace.pk])
    list(names.order_by("pk").select_for_update(no_key=True))


def _check_amount(call: Call, proposal: Proposal, outcome: Outcome, gpu_seconds: int) -> None:
    if not outcome.gives:
        if gpu_seconds:
            raise Invalid(_("Only an award has an amount."), field="gpu_seconds")
        return
    if not 0 < gpu_seconds <= proposal.asked_gpu_seconds:
        raise Invalid(_("An award is more than nothing and no more than what was asked for."), field="gpu_seconds")
    if (gpu_seconds == proposal.asked_gpu_seconds) != (outcome == Outcome.AWARDED):
        raise Invalid(_("“Awarded” gives all that was asked for, “partly awarded” gives less."), field="gpu_seconds")
    _lock_names(proposal)
    check_award(call, proposal, gpu_seconds)
    if gpu_seconds > call.remaining_gpu_seconds:
        raise Conflict(
            _("The budget of the call has %(remaining)d GPU-seconds left.") % {"remaining": call.remaining_gpu_seconds},
            hint=_("Give less, raise the budget, or use the waiting list."),
            code="over_budget",
        )
