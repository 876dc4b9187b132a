"""What the hub does about its own events, after the commit that caused them."""

from typing import Any

from accounts.models import User
from common.services.outbox import receiver
from hub.models import Repository
from hub.services import versions


@receiver("repository.committed")
def record_version(payload: dict[str, Any]) -> None:
    """A commit to the default branch may be a new version."""
    repository = Repository.objects.filter(pk=payload["repository"]).first()
    if repository is None or not payload["is_default"]:
        return
    user = User.objects.filter(pk=payload["actor"]).first() if payload["actor"] else None
    reference = payload["reference"]
    job = reference if reference.startswith("job:") else ""
    versions.record_version(repository, payload["commit"], user=user, job=job)
