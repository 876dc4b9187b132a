from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

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
        proposal.team.create(user=other, state="member", accepted_at=timezone.now())
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
    row = make.review(proposal, reviewer=judge, score=5)
    make.review(proposal, score=1)
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
    with pytest.raises(Conflict, match="on the team"):
        reviews.assign_reviewer(proposal, former, by=make.staff())
    with pytest.raises(Forbidden):
        make.review(proposal, score=4)
        reviews.begin_discussion(proposal, by=person(former))


def write(row, score, words="Written after some thought."):
    return reviews.submit_review(row, score=score, text=words, by=person(row.reviewer))


def test_a_review_may_be_changed_until_others_are_shown():
    row = make.review(make.in_review(), score=4)
    assert (write(row, 2).score, row.revisions.count()) == (2, 0)


def test_the_first_judgement_stays_once_others_were_shown():
    proposal = make.in_review()
    first, second = make.review(proposal, score=4), make.review(proposal, score=5)
    for _twice in range(2):
        write(first, 1, "Having read the others: no.")
    first.refresh_from_db()
    assert (first.score, first.text, first.others_shown) == (4, "Sound plan, clear data.", True)
    assert [(row.score, row.text) for row in first.revisions.all()] == [(1, "Having read the others: no.")]
    shown = reviews_shown(person(second.reviewer), proposal)[0]
    assert (shown.score, [row.score for row in shown.revisions]) == (4, [1])
    with pytest.raises(IntegrityError), transaction.atomic():
        first.revisions.update(score=5)


def test_it_stays_also_when_the_other_has_stepped_aside_since():
    proposal = make.in_review()
    first, second = make.review(proposal, score=4), make.review(proposal, score=5)
    reviews.declare_conflict(second, "We wrote a paper together.", by=person(second.reviewer))
    write(first, 1)
    first.refresh_from_db()
    assert (first.score, first.revisions.get().score) == (4, 1)


def test_the_discussion_takes_revisions_and_the_decision_keeps_both():
    proposal = make.in_review()
    row, late = make.review(proposal, score=4), make.review(proposal)
    make.review(proposal, score=5)
    reviews.begin_discussion(proposal, by=make.staff())
    write(row, 2)
    with pytest.raises(Conflict):
        write(late, 3)
    decision = decisions.decide_by_person(proposal, outcome=Outcome.DECLINED, reasons="Thin.", by=make.staff())
    assert (decision.inputs["scores"], decision.inputs["last_scores"]) == ([4, 5], [2, 5])
    with pytest.raises(Conflict):
        write(row, 3)


def test_a_reviewer_accepts_or_declines_and_may_be_asked_again():
    proposal = make.in_review()
    row = make.review(proposal)
    assert row.due_on == timezone.localdate() + timedelta(days=14)
    assert reviews.accept_review(row, by=person(row.reviewer)).state == ReviewState.ACCEPTED
    assert reviews.decline_review(row, "No time.", by=person(row.reviewer)).state == ReviewState.DECLINED
    assert not reviews_of(person(row.reviewer)).exists()
    again = make.review(proposal, reviewer=row.reviewer)
    assert (again.pk, again.state, again.conflict) == (row.pk, ReviewState.ASKED, "")
    with pytest.raises(Forbidden):
        reviews.accept_review(row, by=person(UserFactory()))


def test_staff_stop_waiting_for_a_silent_reviewer_but_keep_what_is_in():
    proposal = make.in_review()
    silent, done = make.review(proposal), make.review(proposal, score=3)
    with pytest.raises(Forbidden):
        reviews.release_reviewer(silent, by=person(UserFactory()))
    assert reviews.release_reviewer(silent, by=make.staff()).state == ReviewState.RELEASED
    with pytest.raises(Conflict):
        reviews.release_reviewer(done, by=make.staff())
    with pytest.raises(Forbidden):
        write(silent, 3)


def test_who_stepped_aside_is_not_asked_again_and_a_past_day_is_no_date():
    proposal = make.in_review()
    row = make.review(proposal)
    reviews.declare_conflict(row, "Friends.", by=person(row.reviewer))
    with pytest.raises(Conflict, match="stepped aside"):
        make.review(proposal, reviewer=row.reviewer)
    with pytest.raises(Invalid):
        reviews.assign_reviewer(
            proposal, UserFactory(), due_on=timezone.localdate() - timedelta(days=1), by=make.staff()
        )


def test_staff_who_are_asked_answer_first_and_who_asks_does_not_review():
    proposal, asked, officer = make.in_review(), StaffFactory(), StaffFactory()
    row = make.review(proposal, reviewer=asked)
    with pytest.raises(Forbidden) as refusal:
        reviews.assign_reviewer(proposal, UserFactory(), by=person(asked))
    assert "asked to review" in str(refusal.value.hint)
    reviews.decline_review(row, "", by=person(asked))
    reviews.assign_reviewer(proposal, UserFactory(), by=person(officer))
    for who, by in [(officer, make.staff()), (asked, person(asked))]:
        with pytest.raises(Conflict):
            reviews.assign_reviewer(proposal, who, by=by)


def test_staff_are_asked_only_while_there_is_nothing_to_read():
    proposal, colleague = make.in_review(), StaffFactory()
    row = make.review(proposal, reviewer=colleague)
    reviews.decline_review(row, "No time.", by=person(colleague))
    make.review(proposal, score=4)
    with pytest.raises(Conflict, match="could read"):
        make.review(proposal, reviewer=colleague)


def test_numbers_of_reviewers_have_no_gaps_and_are_the_same_for_all():
    proposal = make.in_review()
    gone = make.review(proposal)
    reviews.decline_review(gone, "No time.", by=person(gone.reviewer))
    first, second = make.review(proposal, score=4), make.review(proposal, score=5)
    assert [row.number for row in reviews_shown(person(first.reviewer), proposal)] == [1, 2]
    staff = {row.reviewer: row.number for row in reviews_shown(make.staff(), proposal)}
    assert staff == {first.reviewer.username: 1, second.reviewer.username: 2, gone.reviewer.username: 3}
