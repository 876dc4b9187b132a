"""One writer at a time on a branch, across processes."""

from django.db import connection

from accounts.models import Namespace, User
from hub.models import Repository


def lock_branch(repository: Repository, ref: str) -> None:
    """Wait for, then hold until the end of the transaction, the right to move a ref.

    Git's own compare-and-swap keeps the ref right without it; the lock spares losers of
    the race their work, and lets the index follow in the order of the moves.
    """
    _lock(f"branch:{repository.pk}:{ref}")


def lock_name(kind: str, full_name: str) -> None:
    """Hold the right to give a name to a repository or bucket."""
    _lock(f"name:{kind}:{full_name.lower()}")


def lock_discussions(repository: Repository) -> None:
    """Hold the right to give out the next number of a discussion."""
    _lock(f"discussions:{repository.pk}")


def lock_access(repository: Repository, user: User) -> None:
    """Hold the right to begin or change a person's request for access."""
    _lock(f"access:{repository.pk}:{user.pk}")


def lock_collections(namespace: Namespace) -> None:
    """Hold the right to give titles and places to the collections of an owner."""
    _lock(f"collections:{namespace.pk}")


def _lock(key: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])
