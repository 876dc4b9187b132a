from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.principal import Principal
from common.errors import Conflict, Forbidden, Invalid
from common.services.auditing import _auditors
from compute.models import Allocation
from grants.enums import SubjectKind
from grants.models import Award, NominationScore, Round, RoundDecision
from grants.selectors.rounds import nominations_for, recompute_round
from grants.services import audits, nominations, rounds
from hub.models import Credit, Version
from revenue.selectors import pool_balance
from tests.factories import grants as make
from tests.factories.accounts import MembershipFactory, OrganisationFactory, StaffFactory, UserFactory
from tests.factories.hub import repository

pytestmark = pytest.mark.django_db


def person(user):
    return Principal(user=user)


def violations():
    return [
        line for name, function in _auditors.items() if name.startswith(("grants", "revenue")) for line in function()
    ]


def test_a_round_turns_pool_money_into_gpu_seconds():
    member, owner = UserFactory(), UserFactory()
    round_ = make.community_round(panel=(member,), budget=1_000_000, pool=1_500_000)
    winner = make.nomination(round_, owner=owner, asked=10_000)
    largest, poor = (make.nomination(round_, asked=asked) for asked in (25_000, 500))
    for row, value in [(winner, 5), (largest, 4), (poor, 1)]:
        make.score(row, value, by=member)
    decision = make.decide(round_, by=make.staff())
    assert [(row["outcome"], row["gpu_seconds"], row["amount"]) for row in decision.results] == [
        ("awarded", 10_000, 200_000),
        ("awarded", 25_000, 500_000),
        ("declined", 0, 0),
    ]
    assert pool_balance("usd") == 800_000
    award = Award.objects.get(nomination=winner)
    allocation = Allocation.objects.get(reference=award.reference)
    assert (allocation.holder, allocation.granted) == (owner.namespace, 10_000)
    assert recompute_round(decision)
    assert violations() == []


def test_deciding_twice_pays_once():
    member = UserFactory()
    round_ = make.community_round(panel=(member,))
    make.score(make.nomination(round_), 5, by=member)
    first = make.decide(round_, by=make.staff())
    before = pool_balance("usd")
    assert make.decide(round_, by=make.staff()) == first
    assert (pool_balance("usd"), Award.objects.count()) == (before, 1)


def test_what_does_not_make_a_whole_gpu_second_stays_in_the_pool():
    member = UserFactory()
    round_ = make.community_round(panel=(member,), budget=1_000_019, cap_permille=1000)
    make.score(make.nomination(round_, asked=50_000), 5, by=member)
    make.decide(round_)
    assert pool_balance("usd") == 19


def test_a_round_never_promises_more_than_the_pool():
    make.community_round(budget=600_000, pool=1_000_000)
    with pytest.raises(Conflict) as refusal:
        make.community_round(budget=400_001, pool=0)
    assert refusal.value.code == "pool_too_small"
    make.community_round(budget=400_000, pool=0)


def test_the_decision_counts_the_pool_of_the_moment():
    from revenue.services.pools import grant_from_pool

    member = UserFactory()
    round_ = make.community_round(panel=(member,), cap_permille=1000)
    make.score(make.nomination(round_, asked=50_000), 5, by=member)
    grant_from_pool(amount=900_000, currency="usd", purpose="compute", reference="elsewhere", by=None)
    decision = make.decide(round_)
    assert decision.inputs["budget"] == 100_000
    assert Award.objects.get().gpu_seconds == 5_000
    assert pool_balance("usd") == 0
    assert violations() == []


def test_opening_twice_opens_one():
    first = make.community_round()
    facts = {"by": None, "title": "x", "currency": "USD", "budget": 1, "flavor": "cpu-demo"}
    closes_at = timezone.now() + timedelta(days=1)
    assert rounds.open_round(first.slug, closes_at=closes_at, **facts) == first
    with pytest.raises(Conflict):
        rounds.open_round(first.slug, closes_at=closes_at, **(facts | {"currency": "eur"}))


@pytest.mark.parametrize(
    "bad",
    [
        {"flavor": "none"},
        {"cap_permille": 0},
        {"seats": 0},
        {"least_scores": 0},
        {"least_mean": 0},
        {"budget": 30, "cap_permille": 100},
        {"closes_at": timezone.now() - timedelta(days=1)},
    ],
)
def test_a_round_that_makes_no_sense_is_refused(bad):
    with pytest.raises(Invalid):
        make.community_round(**bad)


def test_a_flavor_without_a_price_buys_nothing():
    make.flavor(price=0)
    with pytest.raises(Invalid):
        make.community_round()


def test_one_nomination_per_subject():
    round_, owner = make.community_round(), UserFactory()
    made = repository(owner)
    facts = {"kind": SubjectKind.MODEL, "name": made.full_name, "why": "Good.", "asked_gpu_seconds": 5}
    first = nominations.nominate(round_, by=person(owner), **facts)
    assert first.is_confirmed
    assert nominations.nominate(round_, by=person(UserFactory()), **facts) == first


def test_an_announced_proposal_can_be_nominated_by_its_number():
    round_, proposal = make.community_round(), make.submitted()
    row = nominations.nominate(
        round_,
        kind=SubjectKind.PROPOSAL,
        name=str(proposal.pk),
        why="More of it.",
        asked_gpu_seconds=5,
        by=person(UserFactory()),
    )
    assert row.holder == proposal.holder


@pytest.mark.parametrize("name", ["0", "999999", "x", ""])
def test_a_hidden_or_missing_proposal_cannot(name):
    round_ = make.community_round()
    make.draft()
    with pytest.raises(Invalid):
        nominations.nominate(
            round_, kind=SubjectKind.PROPOSAL, name=name, why="x", asked_gpu_seconds=5, by=person(UserFactory())
        )


def test_a_private_repository_cannot_be_nominated():
    round_, owner = make.community_round(), UserFactory()
    made = repository(owner, visibility="private")
    with pytest.raises(Invalid):
        nominations.nominate(
            round_, kind=SubjectKind.MODEL, name=made.full_name, why="x", asked_gpu_seconds=5, by=person(owner)
        )


@pytest.mark.parametrize("change", [{"why": ""}, {"why": "x" * 281}, {"why": "a\nb"}, {"asked_gpu_seconds": 0}])
def test_a_nomination_needs_one_line_and_an_amount(change):
    round_, owner = make.community_round(), UserFactory()
    facts = {"kind": SubjectKind.MODEL, "name": repository(owner).full_name, "why": "x", "asked_gpu_seconds": 5}
    with pytest.raises(Invalid):
        nominations.nominate(round_, by=person(owner), **(facts | change))


def test_the_panel_scores_but_not_its_own():
    nominator, owner, colleague, member = (UserFactory() for _number in range(4))
    organisation = OrganisationFactory(admin=colleague)
    round_ = make.community_round(panel=(nominator, owner, colleague, member))
    row = make.nomination(round_, by=nominator, owner=owner)
    for user in (nominator, owner, UserFactory()):
        with pytest.raises(Forbidden):
            make.score(row, 5, by=user)
    row.holder = organisation.namespace
    row.save()
    with pytest.raises(Forbidden):
        make.score(row, 5, by=colleague)
    make.score(row, 4, by=member)
    make.score(row, 3, by=member)
    assert NominationScore.objects.get().score == 3
    with pytest.raises(Invalid):
        make.score(row, 6, by=member)


def test_scores_of_others_stay_hidden_until_the_decision():
    one, two = UserFactory(), UserFactory()
    round_ = make.community_round(panel=(one, two))
    make.score(make.nomination(round_), 5, by=one)
    assert [(row.own_score, row.result) for row in nominations_for(person(two), round_)] == [(None, None)]
    assert [row.own_score for row in nominations_for(person(one), round_)] == [5]
    make.decide(round_)
    shown = nominations_for(Principal(), Round.objects.get(pk=round_.pk))
    assert [(row.may_score, row.result["rank"]) for row in shown] == [(False, 1)]


def test_a_closed_round_takes_nothing():
    member = UserFactory()
    round_ = make.community_round(panel=(member,))
    row = make.nomination(round_)
    make.decide(round_)
    with pytest.raises(Conflict):
        make.nomination(round_)
    with pytest.raises(Conflict):
        make.score(row, 5, by=member)


def test_only_staff_open_decide_and_name_the_panel():
    round_, by = make.community_round(), person(UserFactory())
    with pytest.raises(Forbidden):
        make.community_round(by=by)
    with pytest.raises(Forbidden):
        rounds.decide_round(round_, by=by)
    with pytest.raises(Forbidden):
        rounds.add_to_panel(round_, by.user, by=by)


def test_a_decision_cannot_be_rewritten_and_the_auditor_notices():
    make.decide(make.community_round())
    with pytest.raises(IntegrityError), transaction.atomic():
        RoundDecision.objects.update(results=[])
    assert audits.audit_decisions() == []


def test_members_of_the_holding_organisation_do_not_see_may_score():
    member = UserFactory()
    organisation = OrganisationFactory()
    MembershipFactory(organisation=organisation, user=member)
    round_ = make.community_round(panel=(member,))
    row = make.nomination(round_)
    row.holder = organisation.namespace
    row.save()
    assert [shown.may_score for shown in nominations_for(person(member), round_)] == [False]


def test_a_round_is_decided_after_its_end_by_staff_without_a_stake():
    nominator, holder, colleague, credited, free = (StaffFactory() for _number in range(5))
    organisation = OrganisationFactory(admin=colleague)
    MembershipFactory(organisation=organisation, user=holder)
    round_ = make.community_round(panel=(UserFactory(),))
    row = make.nomination(round_, by=nominator, owner=holder)
    credit(row, credited)
    with pytest.raises(Conflict) as refusal:
        rounds.decide_round(round_, by=person(free))
    assert refusal.value.code == "round_open"
    make.close(round_)
    for staff in (nominator, holder, colleague, credited):
        with pytest.raises(Forbidden):
            rounds.add_to_panel(round_, UserFactory(), by=person(staff))
        with pytest.raises(Forbidden):
            rounds.decide_round(round_, by=person(staff))
    assert rounds.decide_round(round_, by=person(free)).decided_by == free


def credit(row, user, state="accepted"):
    """Name somebody as a contributor to what is nominated."""
    now = timezone.now()
    version = Version.objects.create(asset=row.subject, owner=row.holder.name, number=1, commit="a" * 40)
    Credit.objects.create(version=version, user=user, position=0, state=state, answered_at=now)


def test_the_panel_has_no_stake_in_what_it_scores():
    team, reviewer, credited, named, free = (UserFactory() for _number in range(5))
    proposal = make.in_review()
    make.review(proposal, reviewer=reviewer, score=3)
    proposal.team.create(user=team, accepted_at=timezone.now(), signed_at=timezone.now())
    make.move_to(proposal, "announced", outcome="declined")
    round_ = make.community_round(panel=(team, reviewer, credited, named, free))
    row = nominations.nominate(
        round_,
        kind=SubjectKind.PROPOSAL,
        name=str(proposal.pk),
        why="Do it.",
        asked_gpu_seconds=5,
        by=person(proposal.applicant),
    )
    model = make.nomination(round_)
    credit(model, credited)
    for user, what in [(team, row), (reviewer, row), (credited, model)]:
        with pytest.raises(Forbidden):
            make.score(what, 5, by=user)
    for user, what in [(free, row), (named, model)]:
        make.score(what, 5, by=user)


def test_who_is_only_named_as_a_contributor_is_not_barred():
    member = UserFactory()
    round_ = make.community_round(panel=(member,))
    row = make.nomination(round_)
    credit(row, member, state="asked")
    make.score(row, 5, by=member)


def test_the_panel_stands_once_scoring_began_and_is_two_at_least():
    member, late = UserFactory(), UserFactory()
    round_ = make.community_round(panel=())
    rounds.add_to_panel(round_, member, by=None)
    row = make.nomination(round_)
    with pytest.raises(Conflict):
        make.score(row, 5, by=member)
    rounds.add_to_panel(round_, UserFactory(), by=None)
    make.score(row, 5, by=member)
    with pytest.raises(Conflict) as refusal:
        rounds.add_to_panel(round_, late, by=make.staff())
    assert refusal.value.code == "panel_stands"
    assert [change.kind for change in round_.changes.all()] == ["panel_added"] * 2
