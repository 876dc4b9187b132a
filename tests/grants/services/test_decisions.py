from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid
from compute.models import Allocation
from compute.selectors import balances
from grants.enums import Outcome, ProposalState
from grants.models import Award, Call, Decision, Proposal
from grants.selectors.proposals import place_on_waiting_list, recompute
from grants.services import audits, awards, calls, decisions, proposals
from tests.factories import grants as make
from tests.factories.accounts import MembershipFactory, OrganisationFactory, UserFactory

pytestmark = pytest.mark.django_db
NO_VIOLATIONS = ([], [], [])


def audit():
    return audits.audit_budgets(), audits.audit_awards(), audits.audit_decisions()


def test_an_instant_award_opens_its_allocation_at_once():
    proposal = make.submitted(asked_gpu_seconds=600)
    assert (proposal.state, proposal.outcome) == (ProposalState.ANNOUNCED, Outcome.AWARDED)
    award = Award.objects.get(proposal=proposal)
    allocation = Allocation.objects.get(reference=f"award:{award.pk}")
    assert award.allocation == allocation
    assert (allocation.holder, allocation.granted, allocation.flavor_class) == (proposal.holder, 600, "cpu-demo")
    assert balances(allocation).available == 600
    assert Call.objects.get().remaining_gpu_seconds == 9_400
    assert audit() == NO_VIOLATIONS


def test_the_decision_keeps_rule_inputs_and_reasons():
    decision = make.submitted().decisions.get()
    assert (decision.rule_name, decision.rule_version) == ("instant", 1)
    assert decision.inputs["asked_gpu_seconds"] == 600
    assert decision.reasons[0]["code"] == "all_conditions_met"
    assert decision.reasons[0]["text"].startswith("All conditions")
    assert recompute(decision)


def test_a_decision_cannot_be_rewritten():
    make.submitted()
    with pytest.raises(IntegrityError), transaction.atomic():
        Decision.objects.update(gpu_seconds=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Decision.objects.all().delete()


def test_a_changed_input_gives_itself_away():
    decision = make.submitted().decisions.get()
    decision.inputs["asked_gpu_seconds"] = 601
    assert not recompute(decision)
    decision.refresh_from_db()
    decision.rule_sha256 = "0" * 64
    assert not recompute(decision)


def test_the_rest_of_a_budget_is_given_in_part_and_then_there_is_a_list():
    call = make.call(budget_gpu_seconds=700)
    made = [make.submitted(call, asked_gpu_seconds=500) for _number in range(4)]
    assert [row.outcome for row in made] == ["awarded", "partly_awarded", "waiting_list", "waiting_list"]
    assert [row.decisions.get().gpu_seconds for row in made] == [500, 200, 0, 0]
    assert [place_on_waiting_list(row) for row in made] == [0, 0, 1, 2]
    assert audit() == NO_VIOLATIONS


def test_more_budget_serves_the_list_in_order():
    call = make.call(budget_gpu_seconds=500)
    made = [make.submitted(call, asked_gpu_seconds=500) for _number in range(4)]
    decided = calls.add_budget(call, 800, by=None)
    assert [row.proposal for row in decided] == made[1:3]
    assert [row.gpu_seconds for row in decided] == [500, 300]
    made[3].refresh_from_db()
    assert place_on_waiting_list(made[3]) == 1
    assert Award.objects.count() == 3
    assert audit() == NO_VIOLATIONS


def test_declined_by_rule_says_why_and_takes_nothing():
    proposal = make.submitted(publishes_openly=False)
    assert proposal.outcome == Outcome.DECLINED
    assert [reason["code"] for reason in proposal.decisions.get().reasons] == ["not_published_openly"]
    assert not Award.objects.exists()
    assert Call.objects.get().remaining_gpu_seconds == 10_000


def test_open_awards_are_counted_over_names_and_calls():
    user, organisation = UserFactory(), OrganisationFactory()
    MembershipFactory(organisation=organisation, user=user, role="admin")
    make.submitted(make.call(), applicant=user)
    make.submitted(make.call(), applicant=user, holder=organisation.namespace)
    third = make.submitted(make.call(), applicant=user)
    assert [reason["code"] for reason in third.decisions.get().reasons] == ["too_many_open_awards"]


def test_an_ended_award_wants_its_report():
    user = UserFactory()
    first = make.submitted(make.call(), applicant=user)
    Award.objects.update(starts_at=timezone.now() - timedelta(days=9), ends_at=timezone.now() - timedelta(days=1))
    refused = make.submitted(make.call(), applicant=user)
    assert [reason["code"] for reason in refused.decisions.get().reasons] == ["reports_due"]
    awards.submit_report(first.award, "Published.", by=Principal(user=user))
    assert make.submitted(make.call(), applicant=user).outcome == Outcome.AWARDED


def test_a_report_is_handed_in_once_by_its_holder():
    award = make.submitted().award
    with pytest.raises(Forbidden):
        awards.submit_report(award, "x", by=Principal(user=UserFactory()))
    with pytest.raises(Invalid):
        awards.submit_report(award, " ", by=Principal(user=award.proposal.applicant))
    awards.submit_report(award, "Done.", by=Principal(user=award.proposal.applicant))
    with pytest.raises(Conflict):
        awards.submit_report(award, "Again.", by=Principal(user=award.proposal.applicant))


def test_opening_an_award_twice_opens_one():
    decision = make.submitted().decisions.get()
    awards.open_award_for_proposal(decision, by=None)
    assert (Award.objects.count(), Allocation.objects.count()) == (1, 1)


def discussed(**changes):
    proposal = make.in_review(**changes)
    make.review(proposal, score=4)
    return make.move_to(proposal, ProposalState.DISCUSSION)


def test_staff_decide_then_announce():
    proposal, by = discussed(), make.staff()
    decisions.decide_by_person(proposal, outcome=Outcome.AWARDED, gpu_seconds=600, reasons="Good.", by=by)
    assert not Award.objects.exists()
    assert Call.objects.get().remaining_gpu_seconds == 9_400
    decisions.announce(proposal, by=by)
    assert Award.objects.get().gpu_seconds == 600
    with pytest.raises(Conflict):
        decisions.announce(proposal, by=by)
    assert audit() == NO_VIOLATIONS
    assert proposal.decisions.get().reasons[0]["text"] == "Good."


@pytest.mark.parametrize(
    ("outcome", "amount", "error"),
    [
        (Outcome.AWARDED, 0, Invalid),
        (Outcome.AWARDED, 599, Invalid),
        (Outcome.PARTLY_AWARDED, 600, Invalid),
        (Outcome.AWARDED, 601, Invalid),
        (Outcome.DECLINED, 1, Invalid),
    ],
)
def test_amounts_must_fit_the_outcome(outcome, amount, error):
    proposal = discussed()
    with pytest.raises(error):
        decisions.decide_by_person(proposal, outcome=outcome, gpu_seconds=amount, reasons="x", by=make.staff())


def test_people_cannot_overspend_either():
    proposal = discussed()
    Call.objects.update(remaining_gpu_seconds=599)
    with pytest.raises(Conflict) as refusal:
        decisions.decide_by_person(proposal, outcome=Outcome.AWARDED, gpu_seconds=600, reasons="x", by=make.staff())
    assert refusal.value.code == "over_budget"
    with pytest.raises(IntegrityError), transaction.atomic():
        Call.objects.update(remaining_gpu_seconds=-1)


def test_without_review_a_proposal_is_only_declined():
    proposal = make.move_to(make.submitted(make.standard_call()), ProposalState.SCREENING)
    by = make.staff()
    with pytest.raises(Conflict):
        decisions.decide_by_person(proposal, outcome=Outcome.AWARDED, gpu_seconds=600, reasons="x", by=by)
    decisions.decide_by_person(proposal, outcome=Outcome.DECLINED, reasons="Not a model.", by=by)
    assert Proposal.objects.get().state == ProposalState.DECIDED


def test_staff_with_a_stake_and_everybody_else_cannot_decide():
    proposal, own = discussed(), make.staff()
    organisation = OrganisationFactory(admin=own.user)
    MembershipFactory(organisation=organisation, user=proposal.applicant)
    for by in (own, Principal(user=UserFactory()), Principal(user=proposal.applicant)):
        with pytest.raises(Forbidden):
            decisions.decide_by_person(proposal, outcome=Outcome.DECLINED, reasons="x", by=by)
        with pytest.raises(Forbidden):
            decisions.announce(proposal, by=by)


def test_nobody_decides_an_instant_proposal_by_hand():
    proposal = make.submitted()
    with pytest.raises(Conflict):
        decisions.decide_by_person(proposal, outcome=Outcome.DECLINED, reasons="x", by=make.staff())


def test_opening_a_call_twice_opens_one():
    first = make.call(slug="spring")
    assert make.call(slug="spring", title="Other", budget_gpu_seconds=1) == first
    assert Call.objects.get().budget_gpu_seconds == 10_000
    with pytest.raises(Conflict):
        make.standard_call(slug="spring")


@pytest.mark.parametrize(
    "bad",
    [
        {"largest_gpu_seconds": 10, "smallest_gpu_seconds": 60},
        {"budget_gpu_seconds": -1},
        {"title": ""},
        {"questions": [{"key": "a b"}]},
    ],
)
def test_a_call_that_makes_no_sense_is_refused(bad):
    with pytest.raises(Invalid):
        make.call(**bad)


def test_only_staff_open_calls_and_raise_budgets():
    by = Principal(user=UserFactory())
    with pytest.raises(Forbidden):
        make.call(by=by)
    with pytest.raises(Forbidden):
        calls.add_budget(make.call(), 1, by=by)
    with pytest.raises(Invalid):
        calls.add_budget(make.call(), 0, by=None)


def test_the_auditor_finds_a_broken_budget():
    make.submitted()
    Call.objects.update(remaining_gpu_seconds=9_000)
    assert len(audits.audit_budgets()) == 1


def test_a_returned_proposal_is_handed_in_again_as_a_new_version():
    from grants.services import reviews

    proposal = make.submitted(make.standard_call())
    reviews.return_for_changes(proposal, "Say which data.", by=make.staff())
    applicant = Principal(user=proposal.applicant)
    proposals.update_draft(proposal, make.text(title="Better"), by=applicant)
    Call.objects.update(closes_at=timezone.now())
    proposals.submit(proposal, by=applicant)
    assert [row.content["title"] for row in proposal.versions.all()] == ["Shapes", "Better"]
