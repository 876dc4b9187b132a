import pytest

from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid
from grants.enums import Outcome, ProposalState, ReviewState
from grants.models import Proposal, Review
from grants.selectors.proposals import decisions_shown, proposals_visible_to
from grants.selectors.reviews import reviews_of, reviews_shown
from grants.services import decisions, proposals, reviews
from tests.factories import grants as make
from tests.factories.accounts import MembershipFactory, OrganisationFactory, StaffFactory, UserFactory

pytestmark = pytest.mark.django_db


def person(user):
    return Principal(user=user)


def state(proposal):
    return Proposal.objects.get(pk=proposal.pk).state


def test_the_way_through_screening_review_and_discussion():
    proposal, by = make.submitted(make.standard_call()), make.staff()
    reviews.begin_screening(proposal, by=by)
    reviews.send_to_reviewers(proposal, by=by)
    make.review(proposal, score=4)
    reviews.begin_discussion(proposal, by=by)
    assert state(proposal) == ProposalState.DISCUSSION
    reviews.ask_for_more_reviews(proposal, by=by)
    assert state(proposal) == ProposalState.IN_REVIEW


def test_a_discussion_needs_a_review():
    proposal = make.in_review()
    make.review(proposal)
    with pytest.raises(Conflict):
        reviews.begin_discussion(proposal, by=make.staff())


def test_returning_says_why():
    proposal, by = make.submitted(make.standard_call()), make.staff()
    with pytest.raises(Invalid):
        reviews.return_for_changes(proposal, " ", by=by)
    reviews.return_for_changes(proposal, "Name the data set.", by=by)
    assert Proposal.objects.get().note == "Name the data set."


def test_only_staff_without_a_stake_process():
    proposal = make.submitted(make.standard_call())
    own = StaffFactory()
    MembershipFactory(organisation=OrganisationFactory(admin=proposal.applicant), user=own)
    for user in (own, UserFactory(), proposal.applicant):
        with pytest.raises(Forbidden):
            reviews.send_to_reviewers(proposal, by=person(user))


@pytest.mark.parametrize("relation", ["applicant", "team", "holder", "shared organisation"])
def test_a_reviewer_with_a_stake_is_refused(relation):
    applicant, other = UserFactory(), UserFactory()
    organisation = OrganisationFactory(admin=applicant)
    facts = {"holder": organisation.namespace} if relation == "holder" else {}
    if relation in {"holder", "shared organisation"}:
        MembershipFactory(organisation=organisation, user=other)
    proposal = make.in_review(applicant=applicant, **facts)
    if relation == "team":
        proposal.team.create(user=other)
    with pytest.raises(Conflict) as refusal:
        reviews.assign_reviewer(proposal, applicant if relation == "applicant" else other, by=make.staff())
    assert refusal.value.code == "conflict_of_interest"


def test_a_conflict_that_came_later_stops_the_review():
    proposal = make.in_review()
    row = make.review(proposal)
    MembershipFactory(organisation=OrganisationFactory(admin=proposal.applicant), user=row.reviewer)
    with pytest.raises(Conflict):
        reviews.submit_review(row, score=5, text="A very good plan indeed.", by=person(row.reviewer))


def test_asking_twice_asks_once():
    proposal, reviewer = make.in_review(), UserFactory()
    assert make.review(proposal, reviewer=reviewer) == make.review(proposal, reviewer=reviewer)


@pytest.mark.parametrize(("score", "text"), [(0, "x" * 30), (6, "x" * 30), (3, "short")])
def test_a_review_needs_score_and_text(score, text):
    row = make.review(make.in_review())
    with pytest.raises(Invalid):
        reviews.submit_review(row, score=score, text=text, by=person(row.reviewer))


def test_nobody_else_hands_in_a_review():
    row = make.review(make.in_review())
    for user in (UserFactory(), StaffFactory()):
        with pytest.raises(Forbidden):
            reviews.submit_review(row, score=3, text="x" * 30, by=person(user))
        with pytest.raises(Forbidden):
            reviews.declare_conflict(row, "x", by=person(user))


def test_a_recused_reviewer_is_out():
    row = make.review(make.in_review(), score=5)
    reviews.declare_conflict(row, "We wrote a paper together.", by=person(row.reviewer))
    row = Review.objects.get()
    assert (row.state, row.score) == (ReviewState.RECUSED, None)
    assert not reviews_of(person(row.reviewer)).exists()
    with pytest.raises(Forbidden):
        reviews.submit_review(row, score=5, text="x" * 30, by=person(row.reviewer))


def test_reviewers_are_blind_until_their_own_is_in():
    proposal = make.in_review()
    first, second = make.review(proposal, score=5, words="The first review, long enough."), make.review(proposal)
    assert reviews_shown(person(second.reviewer), proposal) == []
    reviews.submit_review(second, score=2, text="The second review, long enough.", by=person(second.reviewer))
    shown = reviews_shown(person(second.reviewer), proposal)
    assert [(row.score, row.own, row.reviewer) for row in shown] == [(5, False, ""), (2, True, "")]
    assert first.reviewer.username not in repr(shown)


def test_the_applicant_reads_reviews_after_the_announcement_without_names():
    proposal = make.in_review()
    make.review(proposal, score=4)
    applicant = person(proposal.applicant)
    for hidden in (ProposalState.IN_REVIEW, ProposalState.DISCUSSION):
        assert reviews_shown(applicant, make.move_to(proposal, hidden)) == []
    announced = make.move_to(proposal, ProposalState.ANNOUNCED, outcome="declined")
    assert [(row.score, row.reviewer) for row in reviews_shown(applicant, announced)] == [(4, "")]


def test_an_applicant_who_is_staff_learns_no_names():
    staff = StaffFactory()
    proposal = make.in_review(applicant=staff)
    make.review(proposal, score=4)
    assert reviews_shown(person(staff), proposal) == []
    announced = make.move_to(proposal, ProposalState.ANNOUNCED, outcome="declined")
    assert [row.reviewer for row in reviews_shown(person(staff), announced)] == [""]


def test_staff_see_names_and_conflicts_but_not_when_they_review():
    proposal = make.in_review()
    row = make.review(proposal, score=4)
    reviews.declare_conflict(row, "Same laboratory.", by=person(row.reviewer))
    staff = StaffFactory()
    assert [(r.reviewer, r.text) for r in reviews_shown(person(staff), proposal)] == [
        (row.reviewer.username, "Same laboratory.")
    ]
    make.review(proposal, reviewer=staff)
    assert reviews_shown(person(staff), proposal) == []


def test_drafts_are_private_even_from_staff_and_reviews_give_no_access_to_the_page():
    draft, proposal = make.draft(), make.in_review()
    row = make.review(proposal)
    assert list(proposals_visible_to(make.staff())) == [proposal]
    assert list(proposals_visible_to(person(draft.applicant))) == [draft]
    assert not proposals_visible_to(person(row.reviewer)).exists()
    assert not proposals_visible_to(Principal()).exists()


@pytest.mark.parametrize("leaves", ["recused", "reviewed"])
def test_who_judged_or_stepped_aside_does_not_process(leaves):
    proposal, judge = make.in_review(), StaffFactory()
    make.review(proposal, score=1)
    row = make.review(proposal, reviewer=judge, score=5)
    if leaves == "recused":
        reviews.declare_conflict(row, "My brother wrote it.", by=person(judge))
    with pytest.raises(Forbidden) as refusal:
        reviews.begin_discussion(proposal, by=person(judge))
    assert ("stepped aside" if leaves == "recused" else "reviewed") in str(refusal.value.hint)
    make.move_to(proposal, ProposalState.DISCUSSION)
    with pytest.raises(Forbidden):
        decisions.decide_by_person(
            proposal, outcome=Outcome.AWARDED, gpu_seconds=600, reasons="Good.", by=person(judge)
        )
    decisions.decide_by_person(proposal, outcome=Outcome.DECLINED, reasons="Too thin.", by=make.staff())
    proposal.refresh_from_db()
    assert decisions_shown(person(judge), proposal) == []
    with pytest.raises(Forbidden):
        decisions.announce(proposal, by=person(judge))


def test_who_signed_an_earlier_version_keeps_the_conflict():
    former = StaffFactory()
    proposal = make.submitted(make.standard_call(), team=(former.username,))
    proposals.sign(proposal, by=person(former))
    reviews.return_for_changes(proposal, "Say which data.", by=make.staff())
    proposals.update_draft(proposal, make.text(team=()), by=person(proposal.applicant))
    proposals.submit(proposal, by=person(proposal.applicant))
    reviews.send_to_reviewers(proposal, by=make.staff())
    with pytest.raises(Conflict, match="earlier version"):
        reviews.assign_reviewer(proposal, former, by=make.staff())
    with pytest.raises(Forbidden):
        make.review(proposal, score=4)
        reviews.begin_discussion(proposal, by=person(former))
