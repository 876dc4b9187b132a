import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from common.errors import Conflict, Forbidden, Invalid
from common.models import AuditEntry, OutboxEvent
from hub.enums import DISPUTE_MOVES, DisputeState, Evidence, Matter
from hub.models import CreditCorrection, Dispute
from hub.selectors.credits import contributors_of
from hub.selectors.lineage import attribution_graph
from hub.services import crediting, disputes
from hub.services.disputes import Line
from revenue.models import ShareFreeze
from revenue.services import months
from tests.factories import hub as make
from tests.factories import revenue
from tests.factories.accounts import StaffFactory, UserFactory
from tests.hub.services.test_versions import publish
from tests.revenue.services.test_freezes import standing

pytestmark = pytest.mark.django_db
by = make.as_principal


@pytest.fixture
def people():
    return [UserFactory(username=name) for name in ("ada", "bob", "eve")]


@pytest.fixture
def model(people):
    return make.repository(people[0], "model")


@pytest.fixture
def version(people, model):
    """By ada and bob, sold once for a thousand."""
    ada, bob, _eve = people
    made = publish(model, ada, provenance={"credits": [{"user": "ada"}, {"user": "bob"}]})
    crediting.answer(made.credits.get(user=bob), accept=True, by=by(bob))
    sell(model)
    return made


def sell(model):
    revenue.sale(revenue.customer(), graph=attribution_graph(model), gross=1000 * revenue.UNIT)
    close()


def close():
    now = timezone.now()
    months.close_month(now.year, now.month, through=now)


def test_who_is_missing_opens_holds_and_is_added_by_staff(people, model, version):
    ada, bob, eve = people
    dispute = disputes.open_dispute(version, Matter.MISSING, reason="I trained it.", by=by(eve))
    assert standing(ada, bob) == [(0, 25, 0), (0, 25, 0)]
    with pytest.raises(Conflict):
        disputes.open_dispute(version, Matter.MISSING, reason="Again.", by=by(eve))
    staff = StaffFactory()
    for who in people:
        with pytest.raises(Forbidden):
            disputes.decide(dispute, uphold=True, reason="Yes.", by=by(who))
    disputes.decide(dispute, uphold=True, reason="The log shows it.", by=by(staff))
    assert sum(row[0] for row in standing(ada, bob, eve)) in {49, 50, 48}
    assert contributors_of(version) == [(ada.pk, 1), (bob.pk, 1), (eve.pk, 1)]
    assert [credit.user for credit in version.credits.order_by("position")] == [ada, bob]
    assert '"corrections":[{' in version.seals.last().body
    with pytest.raises(Conflict):
        disputes.decide(dispute, uphold=False, reason="No.", by=by(staff))
    assert '"user":"eve"' in version.seals.last().body
    sell(model)
    assert all(row[0] >= 32 for row in standing(ada, bob, eve))
    assert set(OutboxEvent.objects.filter(topic__startswith="credit.").values_list("topic", flat=True)) == {
        "credit.disputed",
        "credit.settled",
    }
    assert AuditEntry.objects.filter(action__in=["credit.disputed", "dispute.upheld"]).count() == 2


def test_who_is_wrongly_named_loses_the_share_and_stays_on_record(people, version):
    ada, bob, eve = people
    credit = version.credits.get(user=bob)
    with pytest.raises(Forbidden):
        disputes.open_dispute(version, Matter.WRONG, reason="He did nothing.", by=by(eve), credit=credit)
    dispute = disputes.open_dispute(version, Matter.WRONG, reason="He did nothing.", by=by(ada), credit=credit)
    assert standing(ada, bob) == [(25, 0, 0), (0, 25, 0)]
    disputes.decide(dispute, uphold=True, reason="So it is.", by=by(StaffFactory()))
    assert standing(ada, bob) == [(50, 0, 0), (0, 0, 0)]
    assert contributors_of(version) == [(ada.pk, 1)]
    credit.refresh_from_db()
    assert credit.state == "accepted"


def test_who_agrees_after_a_correction_joins_it(people, model):
    ada, bob, eve = people
    version = publish(model, ada, provenance={"credits": [{"user": "ada"}, {"user": "bob", "points": 2}]})
    dispute = disputes.open_dispute(version, Matter.MISSING, reason="Me.", by=by(eve))
    disputes.decide(dispute, uphold=True, reason="Yes.", by=by(StaffFactory()))
    assert contributors_of(version) == [(ada.pk, 1), (eve.pk, 1)]
    crediting.answer(version.credits.get(user=bob), accept=True, by=by(bob))
    assert contributors_of(version) == [(ada.pk, 1), (eve.pk, 1), (bob.pk, 2)]
    following = publish(model, ada, content="2", provenance={})
    assert {one.user for one in following.credits.all()} == {ada, bob, eve}


def test_all_who_are_credited_settle_by_agreeing(people, version):
    ada, bob, eve = people
    dispute = disputes.open_dispute(version, Matter.ROLES, reason="Points.", by=by(bob))
    with pytest.raises(Conflict):
        disputes.agree(dispute, by=by(ada))
    with pytest.raises(Forbidden):
        disputes.answer(dispute, text="Mine?", by=by(eve))
    with pytest.raises(Invalid):
        disputes.answer(dispute, text="So.", by=by(ada), proposal=[Line(ada), Line(eve)])
    disputes.answer(dispute, text="So.", by=by(ada), proposal=[Line(bob, ("software",), 3), Line(ada, (), 2)])
    disputes.agree(dispute, by=by(ada))
    disputes.answer(dispute, text="Rather so.", by=by(ada), proposal=[Line(bob, ("software",), 3), Line(ada, (), 1)])
    disputes.agree(dispute, by=by(bob))
    dispute.refresh_from_db()
    assert dispute.state == DisputeState.ANSWERED
    disputes.agree(dispute, by=by(ada))
    dispute.refresh_from_db()
    assert dispute.state == DisputeState.SETTLED
    assert contributors_of(version) == [(bob.pk, 3), (ada.pk, 1)]
    assert [sum(row) for row in standing(ada, bob)] == [12, 37]


@pytest.mark.parametrize("how", ["reject", "withdraw"])
def test_what_comes_to_nothing_gives_everything_back(people, version, how):
    ada, bob, eve = people
    dispute = disputes.open_dispute(version, Matter.MISSING, reason="Me too.", by=by(eve))
    if how == "reject":
        disputes.decide(dispute, uphold=False, reason="No trace.", by=by(StaffFactory()))
    else:
        with pytest.raises(Forbidden):
            disputes.withdraw(dispute, by=by(ada))
        disputes.withdraw(dispute, by=by(eve))
    assert standing(ada, bob) == [(25, 0, 0), (25, 0, 0)]
    assert CreditCorrection.objects.count() == 0


def test_a_line_of_descent_is_disputed_and_denied(people):
    ada, bob, _eve = people
    data = make.repository(bob, "shapes", kind="dataset")
    source = publish(data, bob)
    model = make.repository(ada, "model")
    made = publish(model, ada, content="2", provenance={"datasets": [{"id": "bob/shapes"}]}, job="job:1")
    edge = made.edges.get()
    assert (edge.pin_is_presumed, edge.parent_commit) == (True, source.commit)
    sell(model)
    assert standing(ada, bob) == [(25, 0, 0), (25, 0, 0)]
    dispute = disputes.open_dispute(made, Matter.EDGE, reason="Not used.", by=by(ada), edge=edge)
    assert standing(ada, bob) == [(25, 0, 0), (0, 25, 0)]
    disputes.decide(dispute, uphold=True, reason="Not read.", by=by(StaffFactory()))
    edge.refresh_from_db()
    assert (edge.evidence, edge.is_paid) == (Evidence.DENIED, False)
    assert standing(ada, bob) == [(50, 0, 0), (0, 0, 0)]


def test_a_decision_is_final_in_the_database_too(people, version):
    dispute = disputes.open_dispute(version, Matter.MISSING, reason="Me.", by=by(people[2]))
    disputes.withdraw(dispute, by=by(people[2]))
    with pytest.raises(IntegrityError), transaction.atomic():
        Dispute.objects.update(state="open")
    assert all(not DISPUTE_MOVES[state] for state in DisputeState if not state.is_alive)


def test_who_is_credited_is_not_missing_and_matter_and_subject_fit(people, version):
    with pytest.raises(Conflict):
        disputes.open_dispute(version, Matter.MISSING, reason="Me.", by=by(people[0]))
    with pytest.raises(Invalid):
        disputes.open_dispute(version, Matter.WRONG, reason="Who?", by=by(people[0]))
    with pytest.raises(Invalid):
        disputes.open_dispute(version, Matter.ORDER, reason=" ", by=by(people[0]))
    assert ShareFreeze.objects.count() == 0
