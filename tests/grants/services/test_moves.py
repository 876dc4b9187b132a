import pytest
from django.db import IntegrityError, transaction

from common.errors import Conflict
from common.models import AuditEntry, OutboxEvent
from grants.enums import MOVES, Outcome, ProposalState
from grants.models import Proposal
from grants.services.moves import move
from tests.factories import grants as make

STATES = list(ProposalState)
DECIDED = {ProposalState.DECIDED, ProposalState.ANNOUNCED}


def outcome_in(state):
    return Outcome.WAITING_LIST if state in DECIDED else ""


@pytest.mark.django_db
@pytest.mark.parametrize("start", STATES)
def test_every_move_is_allowed_or_refused_by_the_table(start):
    proposal, allowed = make.draft(), set()
    for to in STATES:
        make.move_to(proposal, start, outcome=outcome_in(start))
        try:
            move(proposal, to, by="test", outcome=Outcome.WAITING_LIST if to in DECIDED else None)
        except Conflict:
            assert Proposal.objects.get().state == start
        else:
            assert Proposal.objects.get().state == to
            allowed.add(to)
    assert allowed == MOVES[start]


@pytest.mark.django_db
def test_only_the_waiting_list_is_decided_again():
    proposal = make.move_to(make.draft(), ProposalState.ANNOUNCED, outcome=Outcome.DECLINED)
    with pytest.raises(Conflict):
        move(proposal, ProposalState.DECIDED, by="test", outcome=Outcome.AWARDED)


@pytest.mark.django_db
def test_a_move_leaves_its_traces():
    proposal = make.draft()
    move(proposal, ProposalState.WITHDRAWN, by="test")
    assert AuditEntry.objects.filter(action="proposal.withdrawn", target=f"proposal:{proposal.pk}").count() == 1
    assert OutboxEvent.objects.filter(topic="proposal.withdrawn").count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(("state", "outcome"), [("draft", "awarded"), ("announced", ""), ("nowhere", "")])
def test_the_database_refuses_what_cannot_be(state, outcome):
    proposal = make.draft()
    with pytest.raises(IntegrityError), transaction.atomic():
        Proposal.objects.filter(pk=proposal.pk).update(state=state, outcome=outcome)
