"""Who paid the compute that made a version. Compute tells; nothing here ever writes a credit."""

from accounts.models import Namespace
from common.services import audit
from hub.models import Sponsor, Version


def record(version: Version, *, namespace: Namespace, job: str, source: str, gpu_seconds: int) -> Sponsor:
    """Once per version and job, when the job has ended and what it used is known."""
    sponsor, is_new = Sponsor.objects.get_or_create(
        version=version,
        job=job,
        defaults={"namespace": namespace, "name": namespace.name, "source": source, "gpu_seconds": gpu_seconds},
    )
    if is_new:
        audit.record("version.sponsored", f"version:{version.pk}", job=job, by=namespace.name, gpu_seconds=gpu_seconds)
    return sponsor
