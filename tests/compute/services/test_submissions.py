import pytest
from django.conf import settings

from accounts.enums import Role, TokenScope
from common.errors import Conflict, Forbidden, Invalid, NotFound, PaymentRequired
from compute.journal import JobFolder
from compute.models import Job
from compute.selectors import balances
from compute.services import submissions
from compute.services.sealing import unseal
from tests.factories import compute as make
from tests.factories.accounts import MembershipFactory, OrganisationFactory, UserFactory, principal_of

pytestmark = pytest.mark.django_db


def test_submitting_reserves_the_most_it_can_cost():
    make.flavor(rate=3)
    allocation = make.allocation(gpu_seconds=1000)
    job = make.job("python", "train.py", timeout_seconds=100, secrets={"KEY": "opensesame"})
    assert (job.reserved, job.allocation, job.state) == (300, allocation, "queued")
    assert balances(allocation).available == 700
    assert job.secret_names == ["KEY"]
    assert "opensesame" not in job.sealed_secrets
    assert unseal(job.sealed_secrets) == {"KEY": "opensesame"}


def test_the_default_time_limit_is_half_an_hour_at_most():
    make.flavor(wall_limit=600)
    assert make.job(timeout_seconds=None).timeout_seconds == 600


def test_a_label_names_who_pays():
    first, second = make.allocation(), make.allocation()
    assert make.job(labels={"allocation": str(second.pk)}).allocation == second
    assert make.job().allocation == first
    with pytest.raises(NotFound, match="no open allocation"):
        make.job(labels={"allocation": "999999999"})
    with pytest.raises(Invalid):
        make.job(labels={"allocation": "mine"})


def test_too_little_is_refused_with_the_exact_amount():
    make.allocation(gpu_seconds=50)
    with pytest.raises(PaymentRequired, match="60 GPU-seconds and at most 50 are available: 10 are missing"):
        make.job(timeout_seconds=60)
    assert Job.objects.count() == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": "python:3.12"}, "Use the image wellspring/recipes"),
        ({"command": []}, "no command"),
        ({"flavor": "a100"}, "Choose one of: cpu-demo"),
        ({"timeout_seconds": 0}, "between 1 and 3600"),
        ({"timeout_seconds": 3601}, "between 1 and 3600"),
        ({"environment": {"HF_ENDPOINT": "http://elsewhere"}}, "HF_ENDPOINT cannot be set"),
        ({"environment": {"A=B": "x"}}, "cannot be set"),
        ({"secrets": {"": "x"}}, "cannot be set"),
        ({"command": ["a\0b"]}, "must be text"),
        ({"command": ["x" * 300_000]}, "256 KiB"),
        ({"labels": {"a b": "c"}}, "label"),
        ({"labels": {"a": "x" * 101}}, "label"),
        ({"attempts": 0}, "1 to 5 times"),
        ({"attempts": 6}, "1 to 5 times"),
    ],
)
def test_what_cannot_run_is_refused_with_advice(changes, message):
    make.allocation(gpu_seconds=100_000)
    with pytest.raises(Invalid, match=message):
        submissions.submit(make.namespace(), make.spec(**changes), by=make.principal(make.person()))


def test_who_may_submit_for_an_organisation():
    owner, writer, reader, stranger = (UserFactory() for _number in range(4))
    staff = UserFactory(is_staff=True)
    laboratory = OrganisationFactory(admin=owner)
    MembershipFactory(organisation=laboratory, user=writer, role=Role.WRITE)
    MembershipFactory(organisation=laboratory, user=reader, role=Role.READ)
    make.allocation(laboratory.namespace)
    for person in (owner, writer):
        assert make.job(by=person, holder=laboratory.namespace).namespace == laboratory.namespace
    for person in (reader, stranger, staff):
        with pytest.raises(Forbidden):
            make.job(by=person, holder=laboratory.namespace)
    for scope in (TokenScope.READ, TokenScope.JOB):
        by = principal_of(writer, scope=TokenScope.READ)
        by.token.scope = scope
        with pytest.raises(Forbidden):
            submissions.submit(laboratory.namespace, make.spec(), by=by)


def test_cancelling_a_waiting_job_gives_everything_back_once():
    job = make.job()
    for _twice in range(2):
        submissions.cancel(job, by=make.principal(make.person()))
    job.refresh_from_db()
    assert (job.state, job.charged, job.reason) == ("cancelled", 0, "Cancelled by researcher.")
    assert balances(job.allocation).available == 100_000


def test_strangers_cancel_nothing_and_staff_may():
    job = make.job()
    stranger = make.principal(make.person("stranger"))
    with pytest.raises(Forbidden):
        submissions.cancel(job, by=stranger)
    with pytest.raises(Forbidden):
        submissions.set_labels(job, {"a": "b"}, by=stranger)
    with pytest.raises(Forbidden):
        submissions.rerun(job, by=stranger)
    staff = make.principal(make.person("operator", is_staff=True))
    assert submissions.cancel(job, by=staff).state == "cancelled"


def test_rerun_is_a_new_job_that_finds_its_own_payer():
    job = make.job("python", "x.py", labels={"name": "x"}, environment={"A": "1"}, attempts=2)
    again = submissions.rerun(job, by=make.principal(make.person()))
    assert again.pk != job.pk
    assert (again.command, again.labels, again.environment) == (["python", "x.py"], {"name": "x"}, {"A": "1"})
    assert (again.max_attempts, again.duplicate_of) == (2, job.id)


def test_secrets_are_never_used_twice():
    job = make.job(secrets={"KEY": "opensesame"})
    with pytest.raises(Conflict, match="Submit it again with its secrets: KEY"):
        submissions.rerun(job, by=make.principal(make.person()))


def ended_job(*, by=None, holder=None, **changes):
    """A job that left a folder with a file in it."""
    job = make.job("python", "x.py", by=by, holder=holder, **changes)
    submissions.cancel(job, by=make.principal(by or make.person()))
    folder = JobFolder(settings.JOBS_ROOT, job.id)
    folder.create()
    folder.work.mkdir()
    (folder.work / "checkpoint").write_text("half")
    job.refresh_from_db()
    return job


def test_a_label_names_the_job_that_is_gone_on_from():
    first = ended_job()
    second = make.job(labels={"continues": first.id, "name": "x"})
    assert second.continues == first
    submissions.set_labels(second, {}, by=make.principal(make.person()))
    second.refresh_from_db()
    assert second.continues == first


def test_going_on_is_the_same_job_with_the_label_and_a_rerun_drops_it():
    by = make.principal(make.person())
    first = ended_job(labels={"name": "x"})
    second = submissions.go_on(first, by=by)
    assert (second.command, second.duplicate_of, second.continues) == (first.command, first.id, first)
    assert second.labels == {"name": "x", "continues": first.id}
    again = submissions.rerun(second, by=by)
    assert (again.continues, again.labels) == (None, {"name": "x"})


def test_nobody_goes_on_from_what_is_not_there():
    by = make.principal(make.person())
    open_job = make.job()
    with pytest.raises(Conflict, match="has not ended yet"):
        submissions.go_on(open_job, by=by)
    submissions.cancel(open_job, by=by)
    open_job.refresh_from_db()
    with pytest.raises(Conflict, match="never began, or its files were deleted"):
        submissions.go_on(open_job, by=by)
    for name in ("0" * 24, "", "x/y"):
        with pytest.raises(NotFound, match="not yours to see"):
            make.job(labels={"continues": name})
    assert Job.objects.count() == 1


def test_who_may_go_on_from_a_job_of_an_organisation():
    owner, writer, reader, stranger = (UserFactory() for _number in range(4))
    staff = UserFactory(is_staff=True)
    laboratory = OrganisationFactory(admin=owner)
    MembershipFactory(organisation=laboratory, user=writer, role=Role.WRITE)
    MembershipFactory(organisation=laboratory, user=reader, role=Role.READ)
    first = ended_job(by=owner, holder=laboratory.namespace)
    assert submissions.go_on(first, by=make.principal(writer)).continues == first
    for person in (reader, stranger, staff):
        with pytest.raises(Forbidden):
            submissions.go_on(first, by=make.principal(person))
    label = {"continues": first.id}
    with pytest.raises(NotFound, match="not yours to see"):
        make.job(by=stranger, labels=label)
    for person in (owner, reader, staff):
        with pytest.raises(Invalid, match=f"is one of {laboratory.namespace.name}"):
            make.job(by=person, labels=label)
