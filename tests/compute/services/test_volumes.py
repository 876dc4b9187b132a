"""Which parts of the hub a job may find as folders, and where."""

import pytest

from accounts.enums import Role
from common.errors import Forbidden, Invalid, NotFound, Refusal
from compute.services import submissions, volumes
from compute.services.submissions import JobSpec
from compute.services.volumes import VolumeWanted
from hub.errors import GatedRepository
from tests.factories import compute as make
from tests.factories import hub
from tests.factories.accounts import MembershipFactory, OrganisationFactory, UserFactory
from tests.hub.gated import scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return UserFactory(username="ada")


def settled(person, *wanted, namespace=None):
    return volumes.settled(list(wanted), namespace=namespace or person.namespace, by=make.principal(person))


def bucket(owner, name, *, private=False):
    return hub.bucket(owner, name, visibility="private" if private else "public")


def model(owner, name, *, private=False):
    return hub.repository(owner, name, files={"a.txt": b"a"}, visibility="private" if private else "public")


def test_repositories_are_pinned_and_read_only(ada):
    data = hub.repository(ada, "pictures", kind="dataset")
    commit = hub.put(data, {"a.txt": b"a"}, by=make.principal(ada))
    (volume,) = settled(ada, VolumeWanted("dataset", "ADA/pictures", "/data", read_only=False, path="train"))
    assert volume == {
        "type": "dataset",
        "source": data.full_name,
        "mountPath": "/data",
        "path": "train",
        "revision": commit,
        "readOnly": True,
    }


def test_ones_own_buckets_may_be_written(ada):
    bucket(ada, "runs", private=True)
    (volume,) = settled(ada, VolumeWanted("bucket", "ada/runs", "/runs"))
    assert volume == {"type": "bucket", "source": "ada/runs", "mountPath": "/runs", "readOnly": False}
    (volume,) = settled(ada, VolumeWanted("bucket", "ada/runs", "/runs", read_only=True))
    assert volume["readOnly"]


def test_those_of_others_only_be_read_and_private_ones_not_at_all(ada):
    ben = UserFactory(username="ben")
    bucket(ben, "open")
    bucket(ben, "closed", private=True)
    with pytest.raises(Forbidden, match="cannot write to ben/open"):
        settled(ada, VolumeWanted("bucket", "ben/open", "/runs"))
    assert settled(ada, VolumeWanted("bucket", "ben/open", "/runs", read_only=True))[0]["readOnly"]
    with pytest.raises(NotFound, match="no bucket ben/closed that you may read"):
        settled(ada, VolumeWanted("bucket", "ben/closed", "/runs", read_only=True))


def test_a_job_reaches_what_is_private_to_its_own_name_alone(ada):
    laboratory = OrganisationFactory(admin=ada)
    ben = UserFactory(username="ben")
    MembershipFactory(organisation=laboratory, user=ben, role=Role.WRITE)
    model(ben, "secret", private=True)
    with pytest.raises(Forbidden, match="private to another name"):
        settled(ben, VolumeWanted("model", "ben/secret", "/model"), namespace=laboratory.namespace)
    assert settled(ben, VolumeWanted("model", "ben/secret", "/model"))


def test_a_gate_is_a_gate():
    found = scene(gated="manual")
    with pytest.raises(GatedRepository):
        settled(found.people["stranger"], VolumeWanted("model", found.repository.full_name, "/model"))


WRONG = ["", "data", "/", "/data/", "/a/../b", "//data", "/a\0"]
TAKEN = ["/usr", "/usr/x", "/job", "/tmp/x", "/opt", "/volumes/0"]


@pytest.mark.parametrize("place", WRONG + TAKEN)
def test_places_that_are_none(ada, place):
    bucket(ada, "runs")
    with pytest.raises(Invalid, match=r"no place for a volume|in the way of"):
        settled(ada, VolumeWanted("bucket", "ada/runs", place))


def test_volumes_are_not_in_each_others_way(ada):
    bucket(ada, "runs")
    one = VolumeWanted("bucket", "ada/runs", "/data")
    for other in ("/data", "/data/deep"):
        with pytest.raises(Invalid, match="in the way of /data"):
            settled(ada, one, VolumeWanted("bucket", "ada/runs", other))
    assert len(settled(ada, one, VolumeWanted("bucket", "ada/runs", "/database"))) == 2


@pytest.mark.parametrize("path", ["/a", "../a", "a/../../b", "a//b", "."])
def test_paths_that_lead_elsewhere(ada, path):
    bucket(ada, "runs")
    with pytest.raises(Invalid, match="no path inside"):
        settled(ada, VolumeWanted("bucket", "ada/runs", "/data", path=path))


def test_what_is_no_volume_here(ada):
    with pytest.raises(Invalid, match="cannot be a space"):
        settled(ada, VolumeWanted("space", "ada/x", "/data"))
    with pytest.raises(NotFound, match="no model ada/none"):
        settled(ada, VolumeWanted("model", "ada/none", "/data"))
    model(ada, "there")
    with pytest.raises(Refusal, match="nonesuch"):
        settled(ada, VolumeWanted("model", "ada/there", "/data", revision="nonesuch"))
    with pytest.raises(Invalid, match="at most 16"):
        settled(ada, *[VolumeWanted("model", "ada/there", f"/{number}") for number in range(17)])


def test_a_job_keeps_them_and_runs_with_them_again(ada):
    bucket(ada, "runs")
    make.allocation(ada.namespace, gpu_seconds=100_000)
    wanted = [VolumeWanted("bucket", "ada/runs", "/runs", path="a")]
    spec = JobSpec("wellspring/recipes", make.flavor().name, ["true"], volumes=wanted)
    job = submissions.submit(ada.namespace, spec, by=make.principal(ada))
    assert volumes.argv_with(job) == ["python", "-m", "compute.volumes", "true"]
    again = submissions.rerun(job, by=make.principal(ada))
    assert again.volumes == job.volumes != []


def test_who_may_not_submit_is_not_told_what_there_is(ada):
    ben = UserFactory(username="ben")
    spec = JobSpec("wellspring/recipes", make.flavor().name, ["true"], volumes=[VolumeWanted("model", "a/b", "/c")])
    with pytest.raises(Forbidden):
        submissions.submit(ada.namespace, spec, by=make.principal(ben))
