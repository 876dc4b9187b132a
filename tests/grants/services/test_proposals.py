from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.enums import Role, TokenScope
from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid
from grants.enums import ProposalState
from grants.models import Call, Proposal, ProposalVersion
from grants.selectors.proposals import conflict_between, invitations_of, proposals_visible_to
from grants.services import proposals, reviews
from tests.factories import grants as make
from tests.factories.accounts import MembershipFactory, OrganisationFactory, UserFactory, principal_of

pytestmark = pytest.mark.django_db


def person(user):
    return Principal(user=user)


def test_a_draft_is_kept_and_changed():
    proposal = make.draft(title="First")
    proposals.update_draft(proposal, make.text(title="Second"), by=person(proposal.applicant))
    proposal.refresh_from_db()
    assert (proposal.title, proposal.state) == ("Second", ProposalState.DRAFT)


def test_the_same_key_gives_the_same_draft():
    user, call = UserFactory(), make.call()
    made = [
        proposals.create_draft(call, make.text(), holder=user.namespace, by=person(user), key="k") for _time in range(2)
    ]
    assert made[0] == made[1]
    assert Proposal.objects.count() == 1


@pytest.mark.parametrize("scope", [TokenScope.READ, TokenScope.JOB])
def test_a_weak_token_cannot_apply(scope):
    user = UserFactory()
    if scope == TokenScope.JOB:
        from accounts.models import AccessToken
        from tests.factories.accounts import job_token

        job_token(user)
        by = Principal(user=user, token=AccessToken.objects.get())
    else:
        by = principal_of(user, scope=scope)
    with pytest.raises(Forbidden):
        proposals.create_draft(make.call(), make.text(), holder=user.namespace, by=by)


@pytest.mark.parametrize(("role", "allowed"), [(Role.READ, False), (Role.WRITE, True), (Role.ADMIN, True)])
def test_writers_apply_for_their_organisation(role, allowed):
    organisation = OrganisationFactory()
    user = MembershipFactory(organisation=organisation, role=role).user
    call = make.call()
    if allowed:
        assert make.draft(call, applicant=user, holder=organisation.namespace).holder == organisation.namespace
    else:
        with pytest.raises(Forbidden):
            make.draft(call, applicant=user, holder=organisation.namespace)


def test_handing_in_freezes_the_text():
    proposal = make.submitted(make.standard_call(), title="Frozen")
    version = proposal.versions.get()
    assert version.content["title"] == "Frozen"
    assert len(version.digest) == 64
    with pytest.raises(IntegrityError), transaction.atomic():
        ProposalVersion.objects.update(number=9)


def test_what_is_handed_in_cannot_be_changed_or_handed_in_again():
    proposal = make.submitted(make.standard_call())
    with pytest.raises(Conflict):
        proposals.update_draft(proposal, make.text(), by=person(proposal.applicant))
    with pytest.raises(Conflict) as refusal:
        proposals.submit(proposal, by=person(proposal.applicant))
    assert refusal.value.code == "already_submitted"


def test_a_closed_call_takes_nothing():
    call = make.call()
    proposal = make.draft(call)
    Call.objects.filter(pk=call.pk).update(closes_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(Conflict) as refusal:
        proposals.submit(proposal, by=person(proposal.applicant))
    assert refusal.value.code == "call_closed"


@pytest.mark.parametrize("missing", [{"abstract": " "}, {"asked_gpu_seconds": 0}])
def test_an_incomplete_draft_is_not_handed_in(missing):
    proposal = make.draft(**missing)
    with pytest.raises(Invalid):
        proposals.submit(proposal, by=person(proposal.applicant))


def test_required_questions_must_be_answered():
    call = make.standard_call(questions=[{"key": "data", "label": "Which data?"}])
    proposal = make.draft(call, answers={"data": " ", "unknown": "x"})
    assert proposal.answers == {"data": ""}
    with pytest.raises(Invalid) as refusal:
        proposals.submit(proposal, by=person(proposal.applicant))
    assert refusal.value.context["field"] == "data"


@pytest.mark.parametrize("bad", [{"title": " "}, {"title": "x" * 151}, {"title": "a\x00b"}, {"asked_gpu_seconds": -1}])
def test_a_text_that_cannot_be_kept_is_refused(bad):
    with pytest.raises(Invalid):
        make.draft(**bad)


def test_the_team_signs_before_it_is_handed_in():
    one, two = UserFactory(), UserFactory()
    proposal = make.submitted(make.standard_call(), team=(one.username, two.username.upper()))
    assert proposal.state == ProposalState.SIGNING
    proposals.sign(proposal, by=person(one))
    proposals.sign(proposal, by=person(one))
    assert Proposal.objects.get().state == ProposalState.SIGNING
    proposals.sign(proposal, by=person(two))
    assert Proposal.objects.get().state == ProposalState.SUBMITTED
    assert proposal.versions.get().content["team"] == sorted([one.username, two.username])


def test_in_an_instant_call_the_last_signature_decides():
    one = UserFactory()
    proposal = make.submitted(make.call(), team=(one.username,))
    proposals.sign(proposal, by=person(one))
    assert Proposal.objects.get().state == ProposalState.ANNOUNCED


def team(proposal):
    return {row.user.username: row.state for row in proposal.team.select_related("user")}


def test_who_is_named_is_asked_first_and_sees_nothing_before():
    named = UserFactory()
    proposal = make.draft(make.standard_call(), team=(named.username,))
    assert not proposals_visible_to(person(named)).exists()
    assert [row.proposal for row in invitations_of(person(named))] == [proposal]
    assert conflict_between(named, proposal) == ""
    for _twice in range(2):
        proposals.accept_invitation(proposal, by=person(named))
    assert proposals_visible_to(person(named)).get() == proposal
    assert not invitations_of(person(named)).exists()
    assert conflict_between(named, proposal)


def test_who_declines_is_out_and_may_be_asked_again():
    named = UserFactory()
    proposal = make.draft(make.standard_call(), team=(named.username,))
    proposals.leave_team(proposal, by=person(named))
    assert (team(proposal), conflict_between(named, proposal)) == ({named.username: "declined"}, "")
    proposals.update_draft(proposal, make.text(), by=person(proposal.applicant))
    assert team(proposal) == {named.username: "declined"}
    proposals.update_draft(proposal, make.text(team=(named.username,)), by=person(proposal.applicant))
    assert team(proposal) == {named.username: "invited"}


def test_leaving_while_others_sign_makes_it_a_draft_again_and_keeps_the_conflict():
    one, two = UserFactory(), UserFactory()
    proposal = make.submitted(make.standard_call(), team=(one.username, two.username))
    proposals.sign(proposal, by=person(one))
    proposals.accept_invitation(proposal, by=person(two))
    proposals.leave_team(proposal, by=person(two))
    proposal.refresh_from_db()
    assert (proposal.state, team(proposal)) == (
        ProposalState.DRAFT,
        {one.username: "member", two.username: "left"},
    )
    assert conflict_between(two, proposal)
    proposals.submit(proposal, by=person(proposal.applicant))
    proposals.sign(proposal, by=person(one))
    assert proposal.versions.get().content["team"] == [one.username]


def test_nobody_joins_unasked_or_leaves_after_handing_in():
    one = UserFactory()
    proposal = make.submitted(make.standard_call(), team=(one.username,))
    for verb in (proposals.accept_invitation, proposals.leave_team):
        with pytest.raises(Forbidden):
            verb(proposal, by=person(UserFactory()))
    make.sign(proposal, one)
    with pytest.raises(Conflict):
        proposals.leave_team(proposal, by=person(one))


def test_the_last_signature_may_come_some_days_after_the_close():
    one = UserFactory()
    proposal = make.submitted(make.standard_call(), team=(one.username,))
    Call.objects.update(closes_at=timezone.now() - timedelta(days=6))
    proposals.sign(proposal, by=person(one))
    assert Proposal.objects.get().state == ProposalState.SUBMITTED


def test_the_time_for_signatures_ends():
    one = UserFactory()
    proposal = make.submitted(make.standard_call(), team=(one.username,))
    Call.objects.update(closes_at=timezone.now() - timedelta(days=7, seconds=1))
    with pytest.raises(Conflict) as refusal:
        proposals.sign(proposal, by=person(one))
    assert refusal.value.code == "signing_over"


def returned(**changes):
    proposal = make.submitted(make.standard_call(), **changes)
    reviews.return_for_changes(proposal, "A typo in the title.", by=make.staff())
    proposal.refresh_from_db()
    return proposal


def test_what_was_returned_does_not_grow():
    proposal = returned(asked_gpu_seconds=600)
    with pytest.raises(Invalid) as refusal:
        proposals.update_draft(proposal, make.text(asked_gpu_seconds=601), by=person(proposal.applicant))
    assert refusal.value.context["field"] == "asked_gpu_seconds"
    proposals.update_draft(proposal, make.text(asked_gpu_seconds=500), by=person(proposal.applicant))
    with pytest.raises(Invalid):
        proposals.update_draft(proposal, make.text(asked_gpu_seconds=601), by=person(proposal.applicant))


def test_what_was_returned_comes_back_within_its_time():
    proposal = returned()
    assert proposal.changes_until - timezone.now() > timedelta(days=13)
    Proposal.objects.update(changes_until=timezone.now())
    for verb in (proposals.submit, lambda row, by: proposals.update_draft(row, make.text(), by=by)):
        with pytest.raises(Conflict) as refusal:
            verb(proposal, by=person(proposal.applicant))
        assert refusal.value.code == "changes_over"


@pytest.mark.parametrize("days", [0, 91])
def test_the_time_for_changes_is_bounded(days):
    proposal = make.submitted(make.standard_call())
    with pytest.raises(Invalid):
        reviews.return_for_changes(proposal, "Why?", days=days, by=make.staff())


def test_a_copy_is_a_new_draft_of_an_open_call():
    one = UserFactory()
    old = make.sign(make.submitted(make.standard_call(), team=(one.username,), title="Shapes again"), one)
    made = proposals.copy(old, make.call(), by=person(old.applicant))
    assert (made.state, made.title, made.abstract, team(made)) == (
        ProposalState.DRAFT,
        "Shapes again",
        old.abstract,
        {one.username: "invited"},
    )
    with pytest.raises(Forbidden):
        proposals.copy(old, make.call(), by=person(UserFactory()))
    with pytest.raises(Conflict):
        proposals.copy(old, make.call(closes_at=timezone.now()), by=person(old.applicant))


def test_reopening_voids_signatures():
    one, two = UserFactory(), UserFactory()
    proposal = make.submitted(make.standard_call(), team=(one.username, two.username))
    proposals.sign(proposal, by=person(one))
    proposals.reopen(proposal, by=person(proposal.applicant))
    assert not proposal.team.exclude(signed_at=None).exists()
    with pytest.raises(Conflict):
        proposals.sign(proposal, by=person(two))


def test_strangers_do_not_sign_withdraw_or_hand_in():
    proposal, stranger = make.draft(), person(UserFactory())
    for verb in (proposals.sign, proposals.withdraw, proposals.submit, proposals.reopen):
        with pytest.raises(Forbidden):
            verb(proposal, by=stranger)


def test_an_unknown_team_member_is_named():
    with pytest.raises(Invalid, match="nobody-here"):
        make.draft(team=("nobody-here",))


def test_withdrawing_ends_it():
    proposal = make.submitted(make.standard_call())
    proposals.withdraw(proposal, by=person(proposal.applicant))
    with pytest.raises(Conflict):
        proposals.withdraw(proposal, by=person(proposal.applicant))
