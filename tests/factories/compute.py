"""Clusters, allocations and jobs for tests."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import Namespace, User
from accounts.principal import Principal
from accounts.services import people
from compute.models import Allocation, Cluster, Flavor, Job
from compute.services import allocations, submissions
from compute.services.submissions import JobSpec

GIB = 2**30


def person(name: str = "researcher", *, is_staff: bool = False) -> User:
    """A person of that name, created on first use."""
    existing = User.objects.filter(username=name).first()
    return existing or people.sign_up(name, password=None, is_staff=is_staff)


def namespace(name: str = "researcher") -> Namespace:
    return person(name).namespace


def local_cluster() -> Cluster:
    """The one the migrations make; made again after a test that emptied the tables."""
    return Cluster.objects.get_or_create(name="local", defaults={"backend": "local", "cpus": 2})[0]


def flavor(name: str = "cpu-demo", **changes: object) -> Flavor:
    values = {
        "title": "Two CPU cores",
        "cluster": local_cluster(),
        "flavor_class": "cpu-demo",
        "rate": 1,
        "price": 20,
        "cpus": 2,
        "memory": 2 * GIB,
        "disk": GIB,
        "file_size": GIB // 2,
        "processes": 256,
        "wall_limit": 3600,
    }
    found = Flavor.objects.get_or_create(name=name, defaults=values | changes)[0]
    if changes:
        Flavor.objects.filter(pk=found.pk).update(**changes)
        found.refresh_from_db()
    return found


_references = iter(range(1, 10**9))


def allocation(holder: Namespace | None = None, *, gpu_seconds: int = 1000, **changes: object) -> Allocation:
    """An open allocation, through the service that the other rooms use."""
    now = timezone.now()
    values = {
        "holder": holder or namespace(),
        "gpu_seconds": gpu_seconds,
        "flavor_class": "cpu-demo",
        "starts_at": now - timedelta(minutes=1),
        "ends_at": now + timedelta(days=30),
        "reference": f"test:{next(_references)}",
    }
    flavor()
    return allocations.open_allocation(**(values | changes))


def principal(user: User) -> Principal:
    """A person in a browser session."""
    return Principal(user=user)


def spec(*command: str, **changes: object) -> JobSpec:
    values = {"image": "wellspring/recipes", "flavor": "cpu-demo", "command": list(command) or ["true"]}
    return JobSpec(**(values | {"timeout_seconds": 60} | changes))


def job(*command: str, by: User | None = None, holder: Namespace | None = None, **changes: object) -> Job:
    """A queued job with an allocation that pays for it."""
    by = by or person()
    holder = holder or by.namespace
    flavor()
    if not holder.allocations.filter(state="open").exists():
        allocation(holder, gpu_seconds=100_000)
    return submissions.submit(holder, spec(*command, **changes), by=principal(by))
