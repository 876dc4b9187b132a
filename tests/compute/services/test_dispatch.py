from datetime import UTC, datetime

import pytest

from compute.enums import AttemptState
from compute.models import Cluster, Job
from compute.services import attempts, dispatch
from compute.services.attempts import Result
from tests.factories import compute as make

pytestmark = pytest.mark.django_db


def states() -> dict[str, str]:
    return {job.labels["name"]: job.state for job in Job.objects.all()}


def named(name: str, who: str = "researcher", **changes: object) -> Job:
    return make.job(by=make.person(who), labels={"name": name}, **changes)


def finish(job: Job, milliseconds: int = 1000) -> None:
    attempt = attempts.claim(job.attempts.last().token, worker="test")
    attempts.finish(attempt.token, Result(AttemptState.SUCCEEDED, milliseconds=milliseconds))


def test_as_many_start_as_there_is_room_for():
    make.flavor(cpus=1)
    for name in "abc":
        named(name)
    assert len(dispatch.dispatch()) == 2
    assert dispatch.dispatch() == []
    assert states() == {"a": "starting", "b": "starting", "c": "queued"}
    assert Job.objects.get(labels__name="c").reason == "Waiting for a free place on local: number 1 in the queue."
    finish(Job.objects.get(labels__name="a"))
    dispatch.dispatch()
    assert states()["c"] == "starting"


def test_holders_take_turns_and_past_use_counts():
    finished = named("past", "greedy")
    dispatch.dispatch()
    finish(finished, milliseconds=50_000)
    named("more", "greedy")
    named("first", "modest")
    dispatch.dispatch()
    assert states() == {"past": "succeeded", "more": "queued", "first": "starting"}


def test_a_large_job_is_not_overtaken_for_ever():
    make.flavor(cpus=1)
    make.flavor("cpu-large", flavor_class="cpu-demo", cpus=2)
    named("running")
    dispatch.dispatch()
    named("large", flavor="cpu-large")
    named("small")
    dispatch.dispatch()
    assert states() == {"running": "starting", "large": "queued", "small": "queued"}


def test_a_flavor_that_never_fits_blocks_nobody():
    make.flavor("cpu-huge", flavor_class="cpu-demo", cpus=64)
    named("huge", flavor="cpu-huge")
    named("normal")
    dispatch.dispatch()
    assert states() == {"huge": "queued", "normal": "starting"}
    assert "larger than the whole cluster" in Job.objects.get(labels__name="huge").reason


def test_a_closed_cluster_starts_nothing():
    named("a")
    Cluster.objects.update(is_open=False)
    assert dispatch.dispatch() == []


def test_past_the_monthly_budget_new_starts_wait_and_running_jobs_finish():
    make.flavor(price=20)
    running = named("running", timeout_seconds=60)
    dispatch.dispatch()
    Cluster.objects.update(monthly_limit=1200)
    named("next")
    assert dispatch.dispatch() == []
    reason = Job.objects.get(labels__name="next").reason
    assert reason.startswith("The monthly budget of local is used up. New jobs start again on ")
    assert reason.endswith("-01.")
    finish(running, milliseconds=10_000)
    assert len(dispatch.dispatch()) == 1  # 200 of 1200 micros are spent, the rest came back


@pytest.mark.parametrize(("day", "expected"), [(1, "2026-02-01"), (31, "2026-02-01")])
def test_the_budget_resumes_with_the_next_month(day, expected):
    cluster = make.local_cluster()
    cluster.monthly_limit = 0
    assert expected in dispatch._budget_reason(cluster, datetime(2026, 1, day, tzinfo=UTC))


def test_dispatch_asks_the_database_the_same_number_of_times(django_assert_max_num_queries):
    make.local_cluster()
    Cluster.objects.update(cpus=0)
    for number in range(6):
        named(str(number), f"person{number % 3}")
    dispatch.dispatch()
    with django_assert_max_num_queries(9):
        dispatch.dispatch()
