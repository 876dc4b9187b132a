"""The waiting list of calls with reviewers: staff decide again, the applicant may leave."""

import pytest

from accounts.principal import Principal
from common.errors import Conflict, Invalid
from grants.enums import Outcome, ProposalState
from grants.models import Award, Proposal
from grants.selectors.proposals import decisions_shown, place_on_waiting_list, to_process
from grants.selectors.reviews import reviews_shown
from grants.services import audits, calls, decisions, proposals
from tests.factories import grants as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting():
    proposal, by = make.in_review(), make.staff()
    make.review(proposal, score=4)
    make.move_to(proposal, ProposalState.DISCUSSION)
    decisions.decide_by_person(proposal, outcome=Outcome.WAITING_LIST, reasons="No budget now.", by=by)
    decisions.announce(proposal, by=by)
    proposal.refresh_from_db()
    return proposal


def test_staff_take_it_from_the_list_with_reasons(waiting):
    by = make.staff()
    calls.add_budget(waiting.call, 5_000, by=by)
    assert waiting in to_process(by)
    with pytest.raises(Invalid):
        decisions.decide_by_person(waiting, outcome=Outcome.AWARDED, gpu_seconds=600, reasons=" ", by=by)
    decisions.decide_by_person(waiting, outcome=Outcome.AWARDED, gpu_seconds=600, reasons="There is budget.", by=by)
    decisions.announce(waiting, by=by)
    assert Award.objects.get().gpu_seconds == 600
    assert [row.outcome for row in waiting.decisions.all()] == [Outcome.WAITING_LIST, Outcome.AWARDED]
    assert (audits.audit_budgets(), audits.audit_awards()) == ([], [])


def test_the_applicant_goes_on_reading_what_was_announced_and_no_more(waiting):
    applicant, by = Principal(user=waiting.applicant), make.staff()
    decisions.decide_by_person(waiting, outcome=Outcome.DECLINED, reasons="No budget will come.", by=by)
    waiting.refresh_from_db()
    assert [row.outcome for row in decisions_shown(applicant, waiting)] == [Outcome.WAITING_LIST]
    assert len(decisions_shown(by, waiting)) == 2
    assert len(reviews_shown(applicant, waiting)) == 1


def test_it_cannot_go_on_waiting_by_a_new_decision(waiting):
    with pytest.raises(Conflict):
        decisions.decide_by_person(waiting, outcome=Outcome.WAITING_LIST, reasons="x", by=make.staff())


def test_without_budget_nobody_is_taken_from_it(waiting):
    type(waiting.call).objects.update(remaining_gpu_seconds=100)
    with pytest.raises(Conflict) as refusal:
        decisions.decide_by_person(waiting, outcome=Outcome.AWARDED, gpu_seconds=600, reasons="x", by=make.staff())
    assert refusal.value.code == "over_budget"


def test_the_applicant_leaves_the_list_and_still_reads_the_decision(waiting):
    applicant = Principal(user=waiting.applicant)
    proposals.withdraw(waiting, by=applicant)
    left = Proposal.objects.get()
    assert (left.state, left.outcome, place_on_waiting_list(left)) == (ProposalState.WITHDRAWN, "", 0)
    assert [row.outcome for row in decisions_shown(applicant, left)] == [Outcome.WAITING_LIST]


def test_by_pages(client, waiting):
    client.force_login(waiting.applicant)
    url = f"/proposals/{waiting.pk}"
    text = client.get(url).content.decode()
    assert "You can withdraw yours." in text
    assert f"{url}/withdraw" in text
    client.force_login(make.staff().user)
    text = client.get(url).content.decode()
    assert "Take it from the waiting list" in text
    assert "10000 GPU-seconds" in text
    client.post(f"{url}/decide", {"outcome": "partly_awarded", "gpu_seconds": "300", "reasons": "Start small."})
    client.post(f"{url}/announce")
    assert Award.objects.get().gpu_seconds == 300
    assert client.post(f"{url}/announce", HTTP_ACCEPT="text/html").status_code == 409
