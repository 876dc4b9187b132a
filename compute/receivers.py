"""What compute tells the hub: who paid for the job that made a version."""

from typing import Any

from common.services.outbox import receiver
from compute.models import Job
from hub.models import Version
from hub.services import sponsors

_PREFIX = "job:"


@receiver("job.finished")
def sponsor_versions(payload: dict[str, Any]) -> None:
    """Now it is known what the job used; most of its versions were published while it ran."""
    _record(payload["job"])


@receiver("version.published")
def sponsor_version(payload: dict[str, Any]) -> None:
    """A version may be recorded after its job has ended."""
    if payload["job"].startswith(_PREFIX):
        _record(payload["job"].removeprefix(_PREFIX))


def _record(job_id: str) -> None:
    job = Job.objects.select_related("allocation__holder").filter(pk=job_id).first()
    if job is None or not job.is_over:
        return
    for version in Version.objects.filter(job=job.reference):
        sponsors.record(
            version,
            namespace=job.allocation.holder,
            job=job.reference,
            source=job.allocation.reference,
            gpu_seconds=job.charged or 0,
        )
