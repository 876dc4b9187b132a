"""What a call publishes holds, whatever door is used."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.principal import Principal
from common.errors import Conflict, Invalid
from grants.enums import Outcome, ProposalState
from grants.models import Award, Call, Proposal
from grants.services import decisions, proposals
from tests.factories import grants as make
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db


def award(proposal, amount, *, outcome=Outcome.AWARDED):
    by = make.staff()
    decisions.decide_by_person(proposal, outcome=outcome, gpu_seconds=amount, reasons="Good.", by=by)
    return decisions.announce(proposal, by=by)


def discussed(in_call=None, **changes):
    proposal = make.submitted(in_call or make.standard_call(), **changes)
    return make.move_to(proposal, ProposalState.DISCUSSION)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"asked_gpu_seconds": 3_601}, "asked_gpu_seconds"),
        ({"asked_gpu_seconds": 59}, "asked_gpu_seconds"),
        ({"abstract": "hi"}, "abstract"),
        ({"abstract": "hi" + "\u200b" * 100}, "abstract"),
        ({"publishes_openly": False}, "publishes_openly"),
    ],
)
def test_a_limit_is_kept_at_handing_in(change, field):
    proposal = make.draft(make.standard_call(), **change)
    with pytest.raises(Invalid) as refusal:
        proposals.submit(proposal, by=Principal(user=proposal.applicant))
    assert refusal.value.context["field"] == field


@pytest.mark.parametrize("change", [{"asked_gpu_seconds": 10}, {"abstract": "\u200b" * 90}, {"title": "\u200b"}])
def test_an_instant_call_gives_nothing_for_crumbs_and_invisible_texts(change):
    with pytest.raises(Invalid):
        make.submitted(make.call(), **change)
    assert not Award.objects.exists()


def test_an_abstract_padded_with_what_cannot_be_seen_is_declined_by_the_rule():
    proposal = make.submitted(make.call(), abstract="A plan." + "\u200b" * 90)
    assert proposal.outcome == Outcome.DECLINED
    assert proposal.decisions.get().inputs["abstract_characters"] == 7


@pytest.mark.parametrize(
    ("change", "amount"), [({"asked_gpu_seconds": 9_000_000}, 1_200_000), ({"asked_gpu_seconds": 600}, 59)]
)
def test_a_decision_keeps_the_sizes_of_the_call(change, amount):
    call = make.standard_call(budget_gpu_seconds=2_000_000)
    proposal = discussed(call)
    Proposal.objects.update(**change)
    with pytest.raises(Invalid, match="The call gives from"):
        award(proposal, amount, outcome=Outcome.PARTLY_AWARDED)


def test_a_text_outside_the_call_is_declined_and_not_awarded():
    proposal = discussed()
    Proposal.objects.update(publishes_openly=False)
    with pytest.raises(Conflict) as refusal:
        award(proposal, 600)
    assert refusal.value.code == "outside_the_call"
    award(proposal, 0, outcome=Outcome.DECLINED)


def test_open_awards_are_counted_at_the_decision_also_before_they_are_announced():
    user, call = UserFactory(), make.standard_call(most_open_awards=1)
    first, second = discussed(call, applicant=user), discussed(call, applicant=user)
    decisions.decide_by_person(first, outcome=Outcome.AWARDED, gpu_seconds=600, reasons="Good.", by=make.staff())
    with pytest.raises(Conflict) as refusal:
        award(second, 600)
    assert refusal.value.code == "too_many_open_awards"


def test_open_awards_are_counted_at_handing_in_until_they_end():
    user, call = UserFactory(), make.standard_call(most_open_awards=1)
    award(discussed(call, applicant=user), 600)
    with pytest.raises(Conflict) as refusal:
        make.submitted(call, applicant=user)
    assert refusal.value.code == "too_many_open_awards"
    Award.objects.update(starts_at=timezone.now() - timedelta(days=9), ends_at=timezone.now() - timedelta(days=1))
    assert make.submitted(call, applicant=user).state == ProposalState.SUBMITTED


def test_a_call_that_needs_an_address_wants_it_at_handing_in():
    call, user = make.standard_call(needs_email=True), UserFactory(email="")
    with pytest.raises(Invalid, match="e-mail"):
        make.submitted(call, applicant=user)


def test_the_public_budget_tells_no_verdict_before_the_announcement():
    from grants.selectors.calls import call_named

    proposal, by = discussed(), make.staff()
    decisions.decide_by_person(proposal, outcome=Outcome.AWARDED, gpu_seconds=600, reasons="Good.", by=by)
    call = Call.objects.get()
    assert call.remaining_gpu_seconds == 9_400
    assert call_named(call.slug).announced_remaining == 10_000
    decisions.announce(proposal, by=by)
    assert call_named(call.slug).announced_remaining == 9_400
