"""Asking for access, deciding, appealing."""

from datetime import timedelta
from itertools import product

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.enums import Role, TokenScope
from accounts.principal import ANONYMOUS, Principal
from common.errors import Conflict, Forbidden, Invalid, Unauthenticated
from common.models import AuditEntry, OutboxEvent
from hub.enums import ACCESS_MOVES, AccessState
from hub.models import AccessRequest, Terms
from hub.selectors import has_contents
from hub.selectors.access import form_of, requests_to_decide
from hub.services import access, gates, repositories
from hub.services.gates import GateWish
from tests.factories import hub as make
from tests.factories.accounts import MembershipFactory, StaffFactory, UserFactory, principal_of
from tests.hub.gated import bring, scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def found():
    return scene()


@pytest.fixture
def eve():
    return Principal(user=UserFactory(username="eve"))


def verbs(request):
    return list(request.events.order_by("pk").values_list("verb", flat=True))


def test_automatic_gates_open_at_once():
    found = scene(gated="auto")
    eve = Principal(user=UserFactory())

    request = access.ask(found.repository, by=eve, answers={})

    assert (request.state, request.decided_by) == ("accepted", None)
    assert verbs(request) == ["asked", "accepted"]
    assert has_contents(eve, found.repository)


def test_who_was_turned_down_does_not_slip_in_by_an_automatic_gate():
    found = scene(gated="auto")
    revoked, withdrawn = found.by("revoked"), found.by("withdrawn")

    again = access.ask(found.repository, by=withdrawn, answers={})
    gates.set_gate(found.repository, GateWish(reapply_days=0), by=found.by("owner"))
    back = access.ask(found.repository, by=revoked, answers={})

    # The one in the scene who withdrew had been put back by the owner before.
    assert (again.state, back.state) == ("pending", "pending")
    access.withdraw(back, by=revoked)
    assert access.ask(found.repository, by=revoked, answers={}).state == "pending"


def test_asking_twice_is_a_conflict(found, eve):
    access.ask(found.repository, by=eve, answers={})

    with pytest.raises(Conflict, match="waiting"):
        access.ask(found.repository, by=eve, answers={})
    with pytest.raises(Conflict, match="accepted"):
        access.ask(found.repository, by=found.by("accepted"), answers={})


def test_who_may_ask(found):
    reader = principal_of(UserFactory(), scope=TokenScope.READ)

    with pytest.raises(Unauthenticated):
        access.ask(found.repository, by=ANONYMOUS, answers={})
    with pytest.raises(Forbidden):
        access.ask(found.repository, by=reader, answers={})
    repositories.update_settings(found.repository, by=found.by("owner"), gated="open")
    found.repository.refresh_from_db()
    with pytest.raises(Invalid, match="not gated"):
        access.ask(found.repository, by=found.by("stranger"), answers={})


def test_questions_of_the_card_until_the_settings_ask_others(found, eve):
    owner = found.by("owner")
    card = b"---\nextra_gated_heading: Hello\nextra_gated_fields:\n  Company: text\n---\n"
    make.put(found.repository, {"README.md": card}, by=owner)
    found.repository.refresh_from_db()
    with pytest.raises(Invalid, match="Company: must be answered"):
        access.ask(found.repository, by=eve, answers={})

    gates.set_gate(found.repository, GateWish(form="Why: text"), by=owner)
    request = access.ask(found.repository, by=eve, answers={"Why": "Research", "Company": "left out"})

    assert form_of(found.repository).heading == "Hello"
    assert request.answers == {"Why": "Research"}


def test_the_terms_somebody_agreed_to_are_kept(found, eve):
    owner = found.by("owner")
    gates.set_gate(found.repository, GateWish(terms="Be kind."), by=owner)
    gates.set_gate(found.repository, GateWish(terms="Be kind. "), by=owner)
    with pytest.raises(Invalid, match="Agree"):
        access.ask(found.repository, by=eve, answers={})

    request = access.ask(found.repository, by=eve, answers={}, agrees=True)
    gates.set_gate(found.repository, GateWish(terms="Be kinder."), by=owner)
    request.refresh_from_db()

    first, second = Terms.objects.order_by("version")
    assert (first.version, second.version) == (1, 2)
    assert request.terms == first
    assert request.terms_accepted_at is not None
    facts = request.events.get().facts
    assert (facts["terms"], facts["terms_sha256"]) == (1, first.sha256)
    gates.set_gate(found.repository, GateWish(), by=owner)
    assert access.ask(found.repository, by=found.by("stranger"), answers={}).terms is None


def test_a_rejection_says_why_and_ends_after_a_while_or_with_other_answers(found, eve):
    owner = found.by("owner")
    gates.set_gate(found.repository, GateWish(form="Why: text", reapply_days=7), by=owner)
    request = access.ask(found.repository, by=eve, answers={"Why": "Fun"})
    with pytest.raises(Invalid, match="Say why"):
        access.reject(request, by=owner, reason="  ")

    access.reject(request, by=owner, reason="Fun is no reason")
    with pytest.raises(Conflict, match="Fun is no reason"):
        access.ask(found.repository, by=eve, answers={"Why": "Fun"})
    changed = access.ask(found.repository, by=eve, answers={"Why": "Research"})
    access.reject(changed, by=owner, reason="Nor is this")
    AccessRequest.objects.filter(pk=request.pk).update(decided_at=timezone.now() - timedelta(days=7, minutes=1))
    later = access.ask(found.repository, by=eve, answers={"Why": "Research"})

    assert later.state == "pending"
    assert verbs(later) == ["asked", "rejected", "asked-again", "rejected", "asked-again"]
    assert [event.facts.get("answers") for event in later.events.order_by("pk")][::2] == [
        {"Why": "Fun"}, {"Why": "Research"}, {"Why": "Research"}
    ]  # fmt: skip


def test_an_appeal_goes_to_somebody_else_and_is_decided_once(found, eve):
    owner = found.by("owner")
    other = Principal(
        user=MembershipFactory(organisation=found.repository.namespace.organisation, role=Role.ADMIN).user
    )
    request = access.ask(found.repository, by=eve, answers={})
    access.reject(request, by=owner, reason="No")
    with pytest.raises(Invalid):
        access.appeal(request, " ", by=eve)
    with pytest.raises(Forbidden):
        access.appeal(request, "Please", by=owner)

    access.appeal(request, "You overlooked something", by=eve)
    for nobody in (owner, eve, found.by("writer"), found.by("stranger")):
        with pytest.raises(Forbidden):
            access.accept(request, by=nobody)
    with pytest.raises(Conflict):
        access.grant(found.repository, eve.user, by=owner)
    assert request in requests_to_decide(other)
    assert request in requests_to_decide(Principal(user=StaffFactory()))
    assert request not in requests_to_decide(owner)
    access.reject(request, by=other, reason="Still no")
    request.refresh_from_db()

    assert (request.state, request.reason) == ("rejected", "Still no")
    with pytest.raises(Conflict, match="was decided"):
        access.appeal(request, "Once more", by=eve)


def test_staff_decide_appeals_against_a_person(eve):
    ada = UserFactory(username="ada")
    repository = make.repository(ada, "own")
    repository = repositories.update_settings(repository, by=Principal(user=ada), gated="manual")
    request = access.ask(repository, by=eve, answers={})
    staff = Principal(user=StaffFactory())
    with pytest.raises(Forbidden):
        access.accept(request, by=staff)
    access.reject(request, by=Principal(user=ada), reason="No")

    access.appeal(request, "Please", by=eve)

    assert access.accept(request, by=staff).state == "accepted"
    assert has_contents(eve, repository)


@pytest.mark.parametrize("who", ["stranger", "accepted", "member", "writer", "staff", "owner"])
def test_who_decides(found, eve, who):
    request = access.ask(found.repository, by=eve, answers={})
    by = found.by(who)
    if who == "owner":
        assert access.accept(request, by=by).state == "accepted"
        return
    for act in (
        lambda: access.accept(request, by=by),
        lambda: access.reject(request, by=by, reason="x"),
        lambda: access.put_back(request, by=by),
        lambda: access.grant(found.repository, UserFactory(), by=by),
        lambda: gates.set_gate(found.repository, GateWish(), by=by),
    ):
        with pytest.raises(Forbidden):
            act()


def test_writers_decide_when_they_were_given_that(found, eve):
    gates.set_gate(found.repository, GateWish(writers_decide=True), by=found.by("owner"))
    request = access.ask(found.repository, by=eve, answers={})
    writer = found.by("writer")

    assert request in requests_to_decide(writer)
    assert request not in requests_to_decide(found.by("member"))
    assert access.accept(request, by=writer).decided_by == writer.user
    with pytest.raises(Forbidden):
        access.accept(request, by=principal_of(writer.user, scope=TokenScope.READ))


@pytest.mark.parametrize(("rule", "state"), [("nothing", "pending"), ("accept", "accepted"), ("reject", "rejected")])
def test_what_nobody_answers_goes_the_way_of_the_gate(found, eve, rule, state):
    gates.set_gate(found.repository, GateWish(deadline_days=3, overdue=rule), by=found.by("owner"))
    request = access.ask(found.repository, by=eve, answers={})
    assert access.settle_overdue() == 0
    assert not request.is_overdue

    AccessRequest.objects.filter(pk=request.pk).update(due_at=timezone.now() - timedelta(minutes=1))
    settled = [access.settle_overdue(), access.settle_overdue()]
    request.refresh_from_db()

    assert (request.state, settled) == (state, [int(rule != "nothing"), 0])
    assert request.is_overdue == (rule == "nothing")
    assert request.reason == ("" if rule == "nothing" else "Nobody answered within 3 days.")


def test_what_an_owner_put_back_has_no_deadline(found):
    gates.set_gate(found.repository, GateWish(overdue="accept"), by=found.by("owner"))
    request = AccessRequest.objects.get(user=found.people["accepted"])

    access.put_back(request, by=found.by("owner"))

    assert AccessRequest.objects.get(pk=request.pk).due_at is None
    assert not has_contents(found.by("accepted"), found.repository)


def test_only_moves_of_the_table_happen(found):
    owner = found.by("owner")
    acts = {
        "accepted": lambda request, _own: access.accept(request, by=owner),
        "rejected": lambda request, _own: access.reject(request, by=owner, reason="x"),
        "pending": lambda request, _own: access.put_back(request, by=owner),
        "withdrawn": lambda request, own: access.withdraw(request, by=own),
        "appealed": lambda request, own: access.appeal(request, "x", by=own),
    }
    for before, after in product(AccessState, acts):
        user = UserFactory()
        bring(found.repository, user, before, by=owner)
        request = AccessRequest.objects.get(user=user)
        try:
            acts[after](request, Principal(user=user))
        except (Conflict, Forbidden):
            assert AccessRequest.objects.get(pk=request.pk).state == before
        else:
            assert after in ACCESS_MOVES[before]


def test_each_move_is_audited_and_told(found, eve):
    request = access.ask(found.repository, by=eve, answers={})
    access.reject(request, by=found.by("owner"), reason="No")

    told = OutboxEvent.objects.filter(topic__startswith="access.", payload__request=request.pk)
    assert list(told.order_by("id").values_list("topic", flat=True)) == ["access.asked", "access.rejected"]
    lines = AuditEntry.objects.filter(target=f"model:lab/gated#access-{request.pk}").order_by("id")
    assert [(line.action, line.actor) for line in lines] == [("access.asked", "eve"), ("access.rejected", "ada")]


def test_the_database_holds_what_the_services_promise(found):
    request = AccessRequest.objects.get(user=found.people["pending"])
    for wrong in ({"state": "rejected"}, {"state": "lost"}, {"terms_accepted_at": timezone.now()}):
        with pytest.raises(IntegrityError), transaction.atomic():
            AccessRequest.objects.filter(pk=request.pk).update(**wrong)


@pytest.mark.parametrize(
    "wish",
    [{"form": "a: video"}, {"deadline_days": 0}, {"reapply_days": 366}, {"overdue": "burn"}, {"terms": "x" * 50_001}],
)
def test_gates_that_make_no_sense_are_refused(found, wish):
    with pytest.raises(Invalid):
        gates.set_gate(found.repository, GateWish(**wish), by=found.by("owner"))
