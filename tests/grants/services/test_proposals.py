from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.enums import Role, TokenScope
from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid
from grants.enums import ProposalState
from grants.models import Call, Proposal, ProposalVersion
from grants.services import proposals
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
