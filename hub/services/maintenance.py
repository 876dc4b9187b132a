"""Keeping repositories and stores tidy, in the background."""

import logging
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from hub import stores
from hub.git import maintenance
from hub.git.errors import GitError
from hub.git.repositories import disk_size, exists
from hub.models import Repository
from hub.services import bucket_feed

logger = logging.getLogger(__name__)

_RECENTLY = timedelta(hours=3)
# Writers in flight have objects that no ref reaches yet; so has who wants a squashed history back.
_PRUNED_AFTER = timedelta(days=14)


def tidy() -> int:
    """Repack the repositories that grew lately, drop what dead writers left; returns how many were repacked.

    Safe beside readers and writers, and harmless when repeated.
    """
    stores.plain_objects().sweep_stage()
    stores.xet_store().xorbs.sweep_stage()
    stores.partial_uploads().sweep_stage()
    bucket_feed.forget_old()
    grown = Repository.objects.filter(Q(updated_at__gt=timezone.now() - _RECENTLY) | Q(git_size=0))
    return sum(_tidy(repository) for repository in grown.iterator())


def prune() -> int:
    """Drop from git what lost its last ref two weeks ago; returns how many repositories were pruned."""
    limit = timezone.now() - _PRUNED_AFTER
    lost = Repository.objects.filter(history_lost_at__lt=limit)
    return sum(_prune(repository) for repository in lost.iterator())


def measure(repository: Repository) -> int:
    """How much room its git repository takes on disk; from now on that counts, not what commits added up to."""
    size = disk_size(repository.path)
    Repository.objects.filter(pk=repository.pk).update(git_size=size)
    return size


def _tidy(repository: Repository) -> bool:
    path = repository.path
    if not exists(path):
        return False
    try:
        repacked = maintenance.needs_repack(path) and maintenance.repack(path)
    except GitError:
        # One that is broken keeps nobody else waiting; hub_fsck tells what is wrong with it.
        logger.exception("a repository could not be repacked", extra={"repository": repository.pk})
        return False
    measure(repository)
    return repacked


def _prune(repository: Repository) -> bool:
    try:
        if not exists(repository.path) or not maintenance.prune(repository.path):
            return False
    except GitError:
        logger.exception("a repository could not be pruned", extra={"repository": repository.pk})
        return False
    Repository.objects.filter(pk=repository.pk, history_lost_at=repository.history_lost_at).update(history_lost_at=None)
    measure(repository)
    return True
