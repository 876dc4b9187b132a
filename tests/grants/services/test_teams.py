"""A team that signed a proposal spends its award and may report on it."""

import pytest

from accounts.principal import Principal
from common.errors import Forbidden, PaymentRequired
from common.services.auditing import _auditors
from compute.services import submissions
from compute.services.members import remove_member
from compute.services.submissions import JobSpec
from grants.models import Award
from grants.rules import may_see_allocation
from grants.services import awards, proposals
from tests.factories import grants as make
from tests.factories.accounts import UserFactory, bearer

pytestmark = pytest.mark.django_db
SPEC = JobSpec(image="wellspring/recipes", flavor="cpu-demo", command=["true"], timeout_seconds=60)


@pytest.fixture
def team():
    applicant, signed = UserFactory(), UserFactory()
    draft = make.draft(applicant=applicant, team=(signed.username,))
    proposals.submit(draft, by=Principal(user=applicant))
    proposals.sign(draft, by=Principal(user=signed))
    return Award.objects.get(), applicant, signed


def test_who_signed_submits_jobs_under_their_own_name(team):
    award, applicant, signed = team
    job = submissions.submit(signed.namespace, SPEC, by=Principal(user=signed))
    assert job.allocation == award.allocation
    assert may_see_allocation(Principal(user=signed), award)
    assert not may_see_allocation(Principal(user=UserFactory()), award)
    remove_member(award.allocation, signed, by=Principal(user=applicant))
    with pytest.raises(PaymentRequired):
        submissions.submit(signed.namespace, SPEC, by=Principal(user=signed))
    rooms = ("grants", "compute", "revenue")
    assert [line for name, check in _auditors.items() if name.startswith(rooms) for line in check()] == []


def test_who_signed_finds_the_award_and_reports_on_it(team, client):
    award, _applicant, signed = team
    client.force_login(signed)
    assert f"/compute/allocations/{award.allocation_id}" in client.get(award.get_absolute_url()).content.decode()
    assert f'href="{award.get_absolute_url()}"' in client.get(award.allocation.get_absolute_url()).content.decode()
    told = client.get(f"/api/grants/awards/{award.pk}", **bearer(signed)).json()
    assert told["allocation"] == award.allocation_id
    with pytest.raises(Forbidden):
        awards.submit_report(award, "Not mine.", by=Principal(user=UserFactory()))
    assert awards.submit_report(award, "We made it.", by=Principal(user=signed)).author == signed


def test_awards_that_a_nomination_of_the_proposal_brought_are_the_teams_too(team):
    award, applicant, signed = team
    member = UserFactory()
    round_ = make.community_round(panel=(member,))
    row = make.nominations.nominate(
        round_,
        kind=make.SubjectKind.PROPOSAL,
        name=str(award.proposal_id),
        why="More of it.",
        asked_gpu_seconds=500,
        by=Principal(user=applicant),
    )
    with pytest.raises(Forbidden):
        make.score(row, 5, by=signed)
    make.score(row, 5, by=member)
    make.decide(round_)
    second = Award.objects.get(nomination=row)
    assert second.allocation.members.get().user == signed
