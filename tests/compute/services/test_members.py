"""A team spends what its award gave, each under their own name, and the books stay exact."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.principal import Principal
from common.errors import Forbidden, NotFound, PaymentRequired
from compute import auditors
from compute.models import Job
from compute.selectors import allocations_of, balances, spending_on
from compute.services import members, submissions
from compute.services.submissions import JobSpec
from tests.factories import compute as make
from tests.factories.accounts import StaffFactory, UserFactory, bearer

SPEC = JobSpec(image="wellspring/recipes", flavor="cpu-demo", command=["true"], timeout_seconds=60)
pytestmark = pytest.mark.django_db


def shared(*, gpu_seconds=1000, with_=None):
    holder, member = UserFactory(), with_ or UserFactory()
    make.flavor()
    allocation = make.allocation(holder.namespace, gpu_seconds=gpu_seconds)
    members.add_member(allocation, member, by=None)
    return allocation, holder, member


def submit(user, *, namespace=None, **changes):
    labels = {"allocation": str(changes.pop("allocation").pk)} if "allocation" in changes else {}
    spec = JobSpec(**(SPEC.__dict__ | {"labels": labels} | changes))
    return submissions.submit(namespace or user.namespace, spec, by=Principal(user=user))


def audited():
    return [*auditors.audit_gpu_seconds(), *auditors.audit_reservations(), *auditors.audit_payers()]


def test_a_member_spends_under_their_own_name():
    allocation, holder, member = shared()
    for job in (submit(member), submit(member, allocation=allocation)):
        assert (job.namespace, job.allocation) == (member.namespace, allocation)
    submit(holder)
    rows = [(row.person, row.jobs, row.reserved, row.member) for row in spending_on(allocation)]
    assert rows == [(member, 2, 120, True), (holder, 1, 60, None)]
    assert list(allocations_of(Principal(user=member))) == [allocation]
    assert audited() == []


def test_ones_own_allocation_pays_first():
    _allocation, _holder, member = shared()
    own = make.allocation(member.namespace, gpu_seconds=60)
    assert submit(member).allocation == own
    assert submit(member).allocation != own


def test_strangers_and_other_names_of_a_member_get_nothing():
    allocation, holder, member = shared()
    with pytest.raises(PaymentRequired):
        submit(UserFactory())
    with pytest.raises(NotFound):
        submit(UserFactory(), allocation=allocation)
    with pytest.raises(Forbidden):
        submit(member, namespace=holder.namespace)


def test_who_is_taken_off_spends_no_more_and_running_jobs_go_on():
    allocation, holder, member = shared()
    job = submit(member)
    for user in (UserFactory(), StaffFactory()):
        with pytest.raises(Forbidden):
            members.remove_member(allocation, member, by=Principal(user=user))
    members.remove_member(allocation, member, by=Principal(user=holder))
    with pytest.raises(NotFound):
        members.remove_member(allocation, member, by=Principal(user=holder))
    with pytest.raises(NotFound):
        submit(member, allocation=allocation)
    members.add_member(allocation, member, by=None)
    with pytest.raises(PaymentRequired):
        submit(member)
    job.refresh_from_db()
    assert (job.state, balances(allocation).reserved) == ("queued", 60)
    assert audited() == []


def test_pages_show_who_spent_what_and_take_off():
    allocation, holder, member = shared()
    submit(member)
    url = allocation.get_absolute_url()
    off = f"{url}/members/{member.username}/remove"
    browsers = {}
    for name, user in {"holder": holder, "member": member, "stranger": UserFactory(), "staff": StaffFactory()}.items():
        browsers[name] = Client()
        browsers[name].force_login(user)
    assert [browsers[name].get(url).status_code for name in browsers] == [200, 200, 404, 200]
    assert "Who spent what" in browsers["holder"].get(url).content.decode()
    assert f"Allocation {allocation.pk}" in browsers["member"].get("/compute").content.decode()
    assert Client().post(off).status_code == 302
    assert [browsers[name].post(off).status_code for name in ("stranger", "staff")] == [404, 403]
    assert browsers["holder"].post(off).status_code == 302
    assert browsers["member"].get(url).status_code == 404


def test_a_member_leaves():
    allocation, _holder, member = shared()
    browser = Client()
    browser.force_login(member)
    url = f"{allocation.get_absolute_url()}/members/{member.username}/remove"
    assert browser.post(url)["Location"] == "/compute"


def test_a_member_submits_by_api():
    allocation, _holder, member = shared(gpu_seconds=1800)
    body = {
        "dockerImage": "wellspring/recipes",
        "command": ["true"],
        "arguments": [],
        "environment": {},
        "flavor": "cpu-demo",
        "labels": {"allocation": str(allocation.pk)},
    }
    url = f"/api/jobs/{member.username}"
    answer = Client().post(url, data=body, content_type="application/json", **bearer(member))
    assert answer.status_code in {200, 201}, answer.content
    assert Job.objects.get().allocation == allocation


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 400), st.integers(0, 400)), max_size=12))
def test_whoever_spends_in_whatever_order_nothing_is_lost(moves):
    allocation, holder, member = shared(gpu_seconds=1000)
    people = [holder, member, UserFactory()]
    members.add_member(allocation, people[2], by=None)
    for who, seconds, used in moves:
        try:
            job = submit(people[who], timeout_seconds=seconds)
        except PaymentRequired:
            assert balances(allocation).available < seconds
            continue
        if used <= seconds:
            submissions.cancel(job, by=Principal(user=people[who]))
    figures = balances(allocation)
    spent = spending_on(allocation)
    assert sum(row.used + row.reserved for row in spent) == figures.used + figures.reserved
    assert audited() == []


@pytest.mark.django_db(transaction=True)
def test_a_team_at_once_never_overspends():
    allocation, holder, member = shared(gpu_seconds=300)

    def try_to(user):
        try:
            return submit(user) and 1
        except PaymentRequired:
            return 0
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        done = sum(pool.map(try_to, [holder, member] * 5))
    assert (done, balances(allocation).available) == (5, 0)
    assert audited() == []
