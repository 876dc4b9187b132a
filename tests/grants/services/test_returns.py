"""What is not used of an award goes back, once, to where it came from."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import grants.receivers
from accounts.principal import Principal
from common.errors import Conflict, Forbidden
from common.models import OutboxEvent
from common.services import outbox
from common.services.auditing import _auditors
from compute.models import Allocation
from compute.services import allocations
from grants.models import Award, AwardReturn, Call
from grants.services import returns
from revenue.selectors import pool_balance, public_books
from revenue.services.pools import return_to_pool
from tests.factories import grants as make
from tests.factories.accounts import MembershipFactory, OrganisationFactory, StaffFactory, UserFactory, bearer

pytestmark = pytest.mark.django_db
RECEIVER = grants.receivers.return_to_source


def violations():
    rooms = ("grants", "revenue", "compute")
    return [line for name, function in _auditors.items() if name.startswith(rooms) for line in function()]


def pool_award(asked=10_000):
    member = UserFactory()
    round_ = make.community_round(panel=(member,))
    row = make.nomination(round_, asked=asked)
    make.score(row, 5, by=member)
    make.decide(round_)
    return Award.objects.get(nomination=row)


def expire(award):
    """Let the time of its allocation pass."""
    past = timezone.now() - timedelta(days=1)
    Allocation.objects.filter(pk=award.allocation_id).update(starts_at=past - timedelta(days=9), ends_at=past)
    allocations.expire_allocations()
    outbox.relay()


def use(award, amount, *, reference="job:x", reserved=None):
    allocations.reserve(award.allocation, amount=reserved or amount, reference=reference)
    allocations.settle(award.allocation, amount=amount, reference=reference)


def test_an_expired_award_of_a_call_refills_its_budget_and_serves_the_list():
    call = make.call(budget_gpu_seconds=1000)
    award = Award.objects.get(proposal=make.submitted(call, asked_gpu_seconds=1000))
    waiting = make.submitted(call, asked_gpu_seconds=700)
    assert waiting.outcome == "waiting_list"
    use(award, 300)
    expire(award)
    waiting.refresh_from_db()
    assert waiting.outcome == "awarded"
    assert Call.objects.get().remaining_gpu_seconds == 0
    assert [row.gpu_seconds for row in AwardReturn.objects.all()] == [700]
    assert violations() == []


def test_an_expired_award_of_the_pool_goes_back_to_the_pool_by_the_books():
    award = pool_award()
    before = pool_balance("usd")
    use(award, 4_000)
    expire(award)
    assert pool_balance("usd") == before + 6_000 * 20
    row = AwardReturn.objects.get()
    assert (row.amount, row.journal.kind) == (120_000, "pool_return")
    books = public_books()[0]
    assert (books.awards_made, books.awards_count) == (80_000, 1)
    assert violations() == []


def test_delivered_twice_goes_back_once():
    award = pool_award()
    expire(award)
    after = pool_balance("usd")
    payload = OutboxEvent.objects.get(topic="allocation.returned").payload
    RECEIVER(payload)
    assert returns.take_back("award:999", gpu_seconds=5, key="x") is None
    assert (pool_balance("usd"), AwardReturn.objects.count()) == (after, 1)


def test_more_never_comes_back_than_was_drawn():
    award = pool_award()
    with pytest.raises(Conflict):
        return_to_pool(amount=award.amount + 1, currency="usd", reference=award.reference, key="odd")
    with pytest.raises(Conflict):
        return_to_pool(amount=1, currency="usd", reference="award:999", key="odd")


def test_a_job_that_ends_late_gives_back_what_it_did_not_use():
    award = pool_award()
    allocations.reserve(award.allocation, amount=1_000, reference="job:late")
    expire(award)
    allocations.settle(award.allocation, amount=400, reference="job:late")
    outbox.relay()
    assert sorted(row.gpu_seconds for row in AwardReturn.objects.all()) == [600, 9_000]
    assert violations() == []


def test_its_holder_hands_an_award_back_and_nobody_else():
    organisation = OrganisationFactory()
    writer = MembershipFactory(organisation=organisation, role="write").user
    reader = MembershipFactory(organisation=organisation, role="read").user
    call = make.call()
    proposal = make.draft(call, applicant=writer, holder=organisation.namespace)
    make.proposals.submit(proposal, by=Principal(user=writer))
    award = Award.objects.get()
    for user in (reader, UserFactory(), StaffFactory()):
        with pytest.raises(Forbidden):
            returns.hand_back(award, by=Principal(user=user))
    returns.hand_back(award, by=Principal(user=writer))
    outbox.relay()
    award.refresh_from_db()
    assert not award.is_open()
    assert Call.objects.get().remaining_gpu_seconds == 10_000
    with pytest.raises(Conflict):
        returns.hand_back(award, by=Principal(user=writer))
    assert violations() == []


def test_handing_back_by_page_and_api():
    first, second = pool_award(), Award.objects.get(proposal=make.submitted())
    holder, url = Client(), first.get_absolute_url()
    assert Client().post(f"{url}/hand-back")["Location"].startswith("/login")
    holder.force_login(first.holder.user)
    assert "Hand the award back" in holder.get(url).content.decode()
    assert holder.post(f"{url}/hand-back").status_code == 302
    assert "handed it back early" in holder.get(url).content.decode()
    assert holder.post(f"{url}/hand-back").status_code == 409
    url = f"/api/grants/awards/{second.pk}/hand-back"
    assert Client().post(url).status_code == 401
    assert Client().post(url, **bearer(UserFactory())).status_code == 403
    assert Client().post(url, **bearer(second.holder.user)).json()["expired_gpu_seconds"] == second.gpu_seconds


def test_what_expired_before_goes_back_by_command():
    award = pool_award()
    expire(award)
    before = AwardReturn.objects.count()
    for _twice in range(2):
        call_command("return_unused")
    assert AwardReturn.objects.count() == before == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        AwardReturn.objects.all().delete()


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(1, 4_000), st.floats(0, 1)), max_size=6), st.booleans())
def test_whatever_is_used_the_pool_pays_for_exactly_that(jobs, by_hand):
    award = pool_award()
    before, used, late = pool_balance("usd"), 0, []
    for number, (reserved, share) in enumerate(jobs):
        if used + reserved + sum(amount for _name, amount, _used in late) > award.gpu_seconds:
            continue
        amount, name = int(reserved * share), f"job:{award.pk}.{number}"
        allocations.reserve(award.allocation, amount=reserved, reference=name)
        if number % 2:
            late.append((name, reserved, amount))
            continue
        allocations.settle(award.allocation, amount=amount, reference=name)
        used += amount
    if by_hand:
        returns.hand_back(award, by=Principal(user=award.holder.user))
    else:
        expire(award)
    for name, _reserved, amount in late:
        allocations.settle(award.allocation, amount=amount, reference=name)
        used += amount
    outbox.relay()
    assert pool_balance("usd") - before == (award.gpu_seconds - used) * 20
    assert violations() == []
