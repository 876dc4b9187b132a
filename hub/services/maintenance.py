"""Keeping repositories and stores tidy, in the background."""

from datetime import timedelta

from django.utils import timezone

from hub import stores
from hub.git import maintenance
from hub.git.repositories import exists
from hub.models import Repository
from hub.services import bucket_feed

_RECENTLY = timedelta(hours=3)


def tidy() -> int:
    """Repack the repositories that grew lately, drop what dead uploads left; returns how many were repacked.

    Safe beside readers and writers, and harmless when repeated.
    """
    stores.plain_objects().sweep_stage()
    stores.partial_uploads().sweep()
    bucket_feed.forget_old()
    grown = Repository.objects.filter(updated_at__gt=timezone.now() - _RECENTLY)
    return sum(_repack(repository) for repository in grown.iterator())


def _repack(repository: Repository) -> bool:
    path = repository.path
    return exists(path) and maintenance.needs_repack(path) and maintenance.repack(path)
