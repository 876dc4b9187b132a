from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.errors import Conflict, Invalid, NotFound, PaymentRequired
from common.models import AuditEntry, OutboxEvent
from compute.auditors import audit_gpu_seconds
from compute.enums import AllocationState, EntryKind
from compute.models import Allocation, GpuSecondEntry
from compute.selectors import balances
from compute.services import allocations
from tests.factories import compute as make

pytestmark = pytest.mark.django_db


def _figures(allocation: Allocation) -> tuple[int, int, int, int]:
    found = balances(allocation)
    return found.available, found.reserved, found.used, found.expired


def test_opening_twice_under_one_reference_grants_once():
    now = timezone.now()
    given_values = {
        "holder": make.namespace(),
        "gpu_seconds": 500,
        "flavor_class": "cpu-demo",
        "starts_at": now,
        "ends_at": now + timedelta(days=1),
        "reference": "award:1",
    }
    first = allocations.open_allocation(**given_values)
    second = allocations.open_allocation(**given_values)
    assert first.pk == second.pk
    assert _figures(first) == (500, 0, 0, 0)
    assert OutboxEvent.objects.filter(topic="allocation.opened").count() == 1
    with pytest.raises(Conflict):
        allocations.open_allocation(**(given_values | {"gpu_seconds": 501}))


@pytest.mark.parametrize("change", [{"gpu_seconds": 0}, {"gpu_seconds": -5}, {"ends_at": timezone.now()}])
def test_an_allocation_that_means_nothing_is_refused(change):
    with pytest.raises(Invalid):
        make.allocation(**({"starts_at": timezone.now()} | change))


def test_reserve_settle_release_are_repeatable():
    allocation = make.allocation(gpu_seconds=100)
    for _twice in range(2):
        allocations.reserve(allocation, amount=60, reference="job:a")
    assert _figures(allocation) == (40, 60, 0, 0)
    for _twice in range(2):
        allocations.settle(allocation, amount=25, reference="job:a")
    assert _figures(allocation) == (75, 0, 25, 0)
    allocations.reserve(allocation, amount=75, reference="job:b")
    for _twice in range(2):
        allocations.release(allocation, reference="job:b")
    assert _figures(allocation) == (75, 0, 25, 0)
    assert audit_gpu_seconds() == []


def test_the_refusal_names_the_missing_amount():
    allocation = make.allocation(gpu_seconds=100)
    with pytest.raises(PaymentRequired, match="150 GPU-seconds and at most 100 are available: 50 are missing"):
        allocations.reserve(allocation, amount=150, reference="job:a")


def test_a_settlement_above_the_reservation_is_refused():
    allocation = make.allocation(gpu_seconds=100)
    allocations.reserve(allocation, amount=10, reference="job:a")
    with pytest.raises(Invalid):
        allocations.settle(allocation, amount=11, reference="job:a")


def test_the_payer_is_the_allocation_that_ends_first_and_can_pay():
    now = timezone.now()
    late = make.allocation(gpu_seconds=500, ends_at=now + timedelta(days=90))
    early = make.allocation(gpu_seconds=100, ends_at=now + timedelta(days=10))
    holder = late.holder
    assert allocations.find_payer(holder, flavor_class="cpu-demo", amount=100) == early
    assert allocations.find_payer(holder, flavor_class="cpu-demo", amount=101) == late
    assert allocations.find_payer(holder, flavor_class="cpu-demo", amount=10, allocation_id=late.pk) == late
    with pytest.raises(PaymentRequired, match="100 are missing"):
        allocations.find_payer(holder, flavor_class="cpu-demo", amount=600)
    with pytest.raises(NotFound):
        allocations.find_payer(holder, flavor_class="cpu-demo", amount=1, allocation_id=10**9)
    with pytest.raises(PaymentRequired, match="no open allocation"):
        allocations.find_payer(make.namespace("other"), flavor_class="cpu-demo", amount=1)


def test_nobody_pays_with_another_holders_allocation():
    foreign = make.allocation(make.namespace("other"))
    with pytest.raises(NotFound):
        allocations.find_payer(make.namespace(), flavor_class="cpu-demo", amount=1, allocation_id=foreign.pk)


def test_the_end_of_the_period_expires_what_is_left_and_late_jobs_give_nothing_back():
    allocation = make.allocation(gpu_seconds=100)
    allocations.reserve(allocation, amount=30, reference="job:a")
    assert allocations.expire_allocations(now=allocation.ends_at) == 1
    assert allocations.expire_allocations(now=allocation.ends_at) == 0
    assert _figures(allocation) == (0, 30, 0, 70)
    allocations.settle(allocation, amount=10, reference="job:a")
    assert _figures(allocation) == (0, 0, 10, 90)
    allocation.refresh_from_db()
    assert allocation.state == AllocationState.EXPIRED
    with pytest.raises(Conflict):
        allocations.reserve(allocation, amount=1, reference="job:b")


def test_closing_ends_it_once():
    allocation = make.allocation(gpu_seconds=100)
    for _twice in range(2):
        allocations.close_allocation(allocation, by="staff", reason="withdrawn")
    assert _figures(allocation) == (0, 0, 0, 100)
    assert AuditEntry.objects.filter(action="allocation.closed").count() == 1


def test_notices_come_once_each():
    allocation = make.allocation(gpu_seconds=100)
    for number, amount in enumerate([49, 1, 35, 15]):
        allocations.reserve(allocation, amount=amount, reference=f"job:{number}")
        allocations.settle(allocation, amount=amount, reference=f"job:{number}")
    percents = [event.payload["percent"] for event in OutboxEvent.objects.filter(topic="allocation.notice")]
    assert sorted(percents) == [50, 80, 100]
    assert AuditEntry.objects.filter(action="allocation.notice").count() == 3


def test_entries_cannot_be_changed_or_deleted():
    entry = make.allocation().entries.get()
    for forbidden in (lambda: GpuSecondEntry.objects.update(amount=5), entry.delete):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            forbidden()


def test_the_database_itself_refuses_a_negative_balance():
    allocation = make.allocation(gpu_seconds=10)
    with pytest.raises(IntegrityError, match="below zero"), transaction.atomic():
        GpuSecondEntry.objects.create(
            allocation=allocation, kind=EntryKind.RESERVE, amount=11, reference="x", key="reserve:x"
        )
    with pytest.raises(IntegrityError, match="below zero"), transaction.atomic():
        GpuSecondEntry.objects.create(
            allocation=allocation, kind=EntryKind.SETTLE, amount=1, reference="x", key="settle:x"
        )


@pytest.mark.django_db(transaction=True)
def test_concurrent_reservations_never_overdraw():
    allocation = make.allocation(gpu_seconds=100)

    def attempt(number: int) -> bool:
        try:
            allocations.reserve(allocation, amount=15, reference=f"job:{number}")
        except PaymentRequired:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(attempt, range(16)))
    assert outcomes.count(True) == 6
    assert _figures(allocation) == (10, 90, 0, 0)


operations = st.lists(
    st.tuples(st.sampled_from(["reserve", "settle", "release"]), st.integers(0, 4), st.integers(0, 60)), max_size=25
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=operations)
def test_whatever_happens_the_account_balances(operations):
    with transaction.atomic():
        allocation = make.allocation(gpu_seconds=100)
        for verb, job, amount in operations:
            reference = f"job:{allocation.pk}:{job}"
            try:
                if verb == "reserve":
                    allocations.reserve(allocation, amount=amount, reference=reference)
                elif verb == "settle":
                    allocations.settle(allocation, amount=amount, reference=reference)
                else:
                    allocations.release(allocation, reference=reference)
            except (PaymentRequired, Invalid):
                continue
            figures = _figures(allocation)
            assert sum(figures) == 100
            assert min(figures) >= 0
        transaction.set_rollback(True)
