"""When commits are lost: what only they named is let go at once, and pruned from git later."""

from django.db import transaction
from django.utils import timezone

from hub.git.reachable import named_objects
from hub.models import Repository, RepositoryObject
from hub.services import holdings
from hub.services.locks import lock_history


@transaction.atomic
def release_unreachable(repository: Repository) -> int:
    """Let go of all objects that were named by commits which no ref reaches any more; gives their bytes.

    Uploads that wait for their commit stay. Harmless when repeated.
    """
    lock_history(repository)
    named = named_objects(repository.path)
    rows = RepositoryObject.objects.filter(repository=repository, committed_at__isnull=False)
    lost = [digest for digest in rows.values_list("object_id", flat=True) if digest not in named]
    Repository.objects.filter(pk=repository.pk).update(history_lost_at=timezone.now())
    return holdings.release(repository, lost) if lost else 0
