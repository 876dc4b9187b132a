"""Races, with real connections."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from accounts.principal import Principal
from common.errors import Conflict
from compute.models import Allocation
from grants.enums import Outcome, ProposalState
from grants.models import Award, Call, Proposal, RoundDecision
from grants.services import audits, decisions, proposals, reviews, rounds
from tests.factories import grants as make
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


def race(*jobs):
    """Run the jobs at once; their results, or the Conflict each ran into."""
    start = Barrier(len(jobs))

    def run(job):
        try:
            start.wait()
            return job()
        except Conflict as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def submit(proposal):
    return lambda: proposals.submit(Proposal.objects.get(pk=proposal.pk), by=Principal(user=proposal.applicant))


def test_two_proposals_never_overspend_the_last_budget():
    call = make.call(budget_gpu_seconds=1000)
    drafts = [make.draft(call, asked_gpu_seconds=700) for _number in range(4)]
    made = race(*[submit(row) for row in drafts])
    assert sorted(row.outcome for row in made) == ["awarded", "partly_awarded", "waiting_list", "waiting_list"]
    assert Call.objects.get().remaining_gpu_seconds == 0
    assert sum(Allocation.objects.values_list("granted", flat=True)) == 1000
    assert (audits.audit_budgets(), audits.audit_awards()) == ([], [])


def test_handing_in_twice_at_once_awards_once():
    proposal = make.draft()
    made = race(*[submit(proposal)] * 3)
    assert sum(isinstance(row, Conflict) for row in made) == 2
    assert (Award.objects.count(), Allocation.objects.count()) == (1, 1)


def test_one_person_cannot_pass_the_limit_by_two_calls_at_once():
    user = UserFactory()
    drafts = [make.draft(make.call(most_open_awards=1), applicant=user) for _number in range(3)]
    made = race(*[submit(row) for row in drafts])
    assert sorted(row.outcome for row in made) == ["awarded", "declined", "declined"]


def test_a_round_decided_twice_at_once_pays_once():
    member = UserFactory()
    round_ = make.community_round(panel=(member,))
    make.score(make.nomination(round_), 5, by=member)
    by = make.staff()
    make.close(round_)
    race(*[lambda: rounds.decide_round(round_, by=by)] * 2)
    assert (RoundDecision.objects.count(), Award.objects.count()) == (1, 1)
    assert audits.audit_awards() == []


def test_two_reviews_at_once_have_both_seen_each_other():
    proposal = make.in_review()
    rows = [make.review(proposal) for _number in range(2)]

    def hand_in(row):
        words = "Written without having read the other."
        return lambda: reviews.submit_review(row, score=3, text=words, by=Principal(user=row.reviewer))

    race(*(hand_in(row) for row in rows))
    assert list(proposal.reviews.values_list("state", "others_shown")) == [("submitted", True)] * 2


def test_two_officers_take_from_the_waiting_list_no_more_than_there_is():
    call = make.standard_call(budget_gpu_seconds=1_000)
    waiting = [make.submitted(call) for _number in range(2)]
    for proposal in waiting:
        make.move_to(proposal, ProposalState.ANNOUNCED, outcome=Outcome.WAITING_LIST)

    def award(proposal):
        by, words = make.staff(), "There is budget."
        return lambda: decisions.decide_by_person(
            proposal, outcome=Outcome.AWARDED, gpu_seconds=600, reasons=words, by=by
        )

    answers = race(*(award(proposal) for proposal in waiting))
    assert sorted(getattr(answer, "code", "decided") for answer in answers) == ["decided", "over_budget"]
    assert Call.objects.get().remaining_gpu_seconds == 400
    assert audits.audit_budgets() == []
