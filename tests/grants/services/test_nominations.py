"""Nominations count once those who would get the award agree."""

import pytest

from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid, NotFound
from grants.enums import Outcome, ProposalState, SubjectKind
from grants.models import Award
from grants.selectors.calls import awards_without_report
from grants.selectors.rounds import nomination_for, nominations_awaiting, nominations_for
from grants.services import nominations
from tests.factories import grants as make
from tests.factories.accounts import MembershipFactory, OrganisationFactory, StaffFactory, UserFactory
from tests.factories.hub import repository

pytestmark = pytest.mark.django_db


def person(user):
    return Principal(user=user)


def nominate(round_, name, *, by, kind=SubjectKind.PROPOSAL, asked=5):
    return nominations.nominate(round_, kind=kind, name=str(name), why="Good.", asked_gpu_seconds=asked, by=person(by))


def test_what_is_not_confirmed_is_hidden_and_not_decided():
    owner, nominator, member = UserFactory(), UserFactory(), UserFactory()
    round_ = make.community_round(panel=(member,))
    row = make.nomination(round_, by=nominator, owner=owner, confirmed=False)
    assert list(nominations_awaiting(owner.namespace)) == [row]
    for user, seen in [(owner, 1), (nominator, 1), (member, 0), (StaffFactory(), 0)]:
        assert len(nominations_for(person(user), round_)) == seen
    with pytest.raises(NotFound):
        nomination_for(person(member), row.pk)
    with pytest.raises(Forbidden):
        make.score(row, 5, by=member)
    assert make.decide(round_).results == []


def test_the_holder_confirms_or_declines_and_nobody_else():
    owner, nominator = UserFactory(), UserFactory()
    round_ = make.community_round()
    row = make.nomination(round_, by=nominator, owner=owner, confirmed=False)
    for user in (nominator, UserFactory(), StaffFactory()):
        for act in (nominations.confirm, nominations.decline):
            with pytest.raises(Forbidden):
                act(row, by=person(user))
    assert nominations.confirm(row, by=person(owner)) == nominations.confirm(row, by=person(owner))
    nominations.decline(row, by=person(owner))
    with pytest.raises(Conflict):
        nominations.confirm(row, by=person(owner))
    with pytest.raises(Conflict):
        nominate(round_, row.name, by=nominator, kind=SubjectKind.MODEL)
    assert nominate(round_, row.name, by=owner, kind=SubjectKind.MODEL).is_confirmed


def test_writers_answer_for_their_organisation_and_readers_do_not():
    organisation = OrganisationFactory()
    writer = MembershipFactory(organisation=organisation, role="write").user
    reader = MembershipFactory(organisation=organisation, role="read").user
    row = make.nomination(make.community_round(), confirmed=False)
    row.holder = organisation.namespace
    row.save()
    with pytest.raises(Forbidden):
        nominations.confirm(row, by=person(reader))
    assert nominations.confirm(row, by=person(writer)).is_confirmed


def test_the_nominator_withdraws_while_the_round_is_open():
    nominator, round_ = UserFactory(), make.community_round()
    row = make.nomination(round_, by=nominator)
    with pytest.raises(Forbidden):
        nominations.withdraw(row, by=person(UserFactory()))
    nominations.withdraw(row, by=person(nominator))
    assert make.nomination(round_) != row
    late = make.nomination(round_, by=nominator)
    make.close(round_)
    with pytest.raises(Conflict):
        nominations.withdraw(late, by=person(nominator))


def test_one_nomination_per_holder():
    owner, round_ = UserFactory(), make.community_round()
    first = make.nomination(round_, owner=owner)
    second = make.nomination(round_, owner=owner, confirmed=False)
    with pytest.raises(Conflict) as refusal:
        nominations.confirm(second, by=person(owner))
    assert refusal.value.code == "one_per_holder"
    with pytest.raises(Conflict):
        nominate(round_, repository(owner).full_name, by=owner, kind=SubjectKind.MODEL)
    nominations.decline(first, by=person(owner))
    assert nominations.confirm(second, by=person(owner)).is_confirmed


def test_nobody_asks_for_more_than_the_cap_buys():
    round_, owner = make.community_round(), UserFactory()
    assert nominations.most_to_ask(round_) == 25_000
    name = repository(owner).full_name
    for asked in (0, 25_001, 2**61):
        with pytest.raises(Invalid):
            nominate(round_, name, by=owner, kind=SubjectKind.MODEL, asked=asked)
    assert nominate(round_, name, by=owner, kind=SubjectKind.MODEL, asked=25_000)


def test_strangers_learn_nothing_of_proposals_without_an_award():
    round_ = make.community_round()
    waiting = make.in_review()
    declined = make.move_to(make.submitted(make.standard_call()), ProposalState.ANNOUNCED, outcome=Outcome.DECLINED)
    words = set()
    for name in (waiting.pk, declined.pk, 10**17, "9" * 40):
        with pytest.raises(Invalid) as refusal:
            nominate(round_, name, by=UserFactory())
        words.add(str(refusal.value))
    assert len(words) == 1
    with pytest.raises(Invalid):
        nominate(round_, waiting.pk, by=waiting.applicant)
    assert nominate(round_, declined.pk, by=declined.applicant).is_confirmed


def test_an_award_that_was_agreed_to_owes_a_report_and_goes_by_its_title():
    member, proposal = UserFactory(), make.submitted(title="Shapes of many kinds")
    round_ = make.community_round(panel=(member,))
    row = nominate(round_, proposal.pk, by=proposal.applicant)
    make.score(row, 5, by=member)
    make.decide(round_)
    award = Award.objects.get(nomination=row)
    assert award.title == "Shapes of many kinds"
    now = award.starts_at
    Award.objects.filter(pk=award.pk).update(starts_at=now.replace(year=now.year - 1), ends_at=now)
    assert list(awards_without_report(award.holder)) == [award]
