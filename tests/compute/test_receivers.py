import pytest

from common.services.outbox import relay
from compute import receivers
from compute.enums import JobState
from compute.services import states
from hub.models import Credit, Sponsor
from tests.factories import compute as make
from tests.factories import hub as hub_make
from tests.hub.services.test_versions import publish

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("order", ["version first", "end first"])
def test_who_paid_for_the_job_is_recorded_once_as_a_sponsor_and_never_as_an_author(order):
    author = hub_make.person("author")
    job = make.job()
    repository = hub_make.repository(author, "model")

    def end():
        states.move(job, JobState.STARTING)
        states.move(job, JobState.RUNNING)
        states.move(job, JobState.SUCCEEDED)

    def version():
        return publish(repository, author, job=job.reference)

    steps = [version, end] if order == "version first" else [end, version]
    for step in steps:
        step()
        relay()
    for _time in range(2):
        receivers.sponsor_versions({"job": job.pk})
    sponsor = Sponsor.objects.get()
    assert (sponsor.name, sponsor.job, sponsor.gpu_seconds) == ("researcher", job.reference, 0)
    assert sponsor.source == job.allocation.reference
    assert {credit.user for credit in Credit.objects.all()} == {author}


def test_a_version_of_no_job_or_of_an_unknown_one_has_no_sponsor():
    receivers.sponsor_version({"job": ""})
    receivers.sponsor_version({"job": "job:none"})
    assert not Sponsor.objects.exists()
