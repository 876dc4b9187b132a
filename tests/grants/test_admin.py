"""The admin shows staff no more of their own proposals than the pages do."""

import pytest
from django.test import Client

from grants.enums import Outcome, ProposalState
from grants.services import decisions
from tests.factories import grants as make
from tests.factories.accounts import MembershipFactory, OrganisationFactory, StaffFactory

pytestmark = pytest.mark.django_db
PLACES = ["grants/decision", "grants/proposal", "common/auditentry"]


def texts(user):
    type(user).objects.filter(pk=user.pk).update(is_superuser=True)
    client = Client()
    client.force_login(user)
    found = {}
    for place in PLACES:
        response = client.get(f"/admin/{place}/?q=" if place.startswith("common") else f"/admin/{place}/")
        assert response.status_code == 200
        found[place] = response.content.decode()
    return client, found


@pytest.fixture
def decided():
    officer, organisation = StaffFactory(), OrganisationFactory()
    MembershipFactory(organisation=organisation, user=officer, role="admin")
    proposal = make.in_review(applicant=officer, holder=organisation.namespace, title="Own matter")
    judge = StaffFactory()
    make.review(proposal, reviewer=judge, score=2)
    make.move_to(proposal, ProposalState.DISCUSSION)
    decision = decisions.decide_by_person(
        proposal, outcome=Outcome.AWARDED, gpu_seconds=600, reasons="Secret.", by=make.staff()
    )
    return {"proposal": proposal, "decision": decision, "officer": officer, "judge": judge, "mate": organisation}


@pytest.mark.parametrize("who", ["officer", "mate", "colleague", "judge"])
def test_who_has_a_part_in_it_reads_neither_decision_nor_reviewers(decided, who):
    if who == "mate":
        user = MembershipFactory(organisation=decided["mate"], user=StaffFactory(), role="read").user
    elif who == "colleague":
        user = StaffFactory()
        MembershipFactory(organisation=OrganisationFactory(admin=decided["officer"]), user=user, role="read")
    else:
        user = decided[who]
    client, found = texts(user)
    number = decided["proposal"].pk
    assert "Own matter" not in found["grants/proposal"]
    assert f"/admin/grants/decision/{decided['decision'].pk}/change/" not in found["grants/decision"]
    assert f"proposal:{number}<" not in found["common/auditentry"]
    assert "budget_taken" not in found["common/auditentry"]
    for address in (f"grants/decision/{decided['decision'].pk}", f"grants/proposal/{number}"):
        assert client.get(f"/admin/{address}/change/").status_code == 302


def test_others_read_all_of_it_but_what_remains_of_the_budget(decided):
    client, found = texts(StaffFactory())
    assert "Own matter" in found["grants/proposal"]
    assert f"proposal:{decided['proposal'].pk}<" in found["common/auditentry"]
    assert client.get(f"/admin/grants/decision/{decided['decision'].pk}/change/").status_code == 200
    page = client.get(f"/admin/grants/call/{decided['proposal'].call_id}/change/").content.decode()
    assert "9400" not in page
