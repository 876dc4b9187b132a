"""One writer at a time on a branch, across processes."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

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


def lock_storage(*namespaces: int) -> None:
    """Hold the right to change what these names keep, so that nobody passes their limits together.

    Taken before the lock of a branch, after that of a history.
    """
    for pk in sorted(set(namespaces)):
        _lock(f"storage:{pk}")


def share_history(repository: Repository) -> None:
    """Until the end of the transaction no commit of this repository is lost: for who adds to it.

    Taken before any other lock.
    """
    _lock(_history(repository), shared=True)


def lock_history(repository: Repository) -> None:
    """Wait for all who add to a repository, and keep them out: for who takes commits away."""
    _lock(_history(repository))


@contextmanager
def sharing_history(repository: Repository) -> Iterator[None]:
    """`share_history` without a transaction, for a push: git moves its refs between two of them."""
    with _session_lock(_history(repository), "_shared"):
        yield


@contextmanager
def holding_history(repository: Repository) -> Iterator[None]:
    """`lock_history` without a transaction, for long work on git."""
    with _session_lock(_history(repository), ""):
        yield


@contextmanager
def _session_lock(key: str, kind: str) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_lock{kind}(hashtextextended(%s, 0))", [key])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT pg_advisory_unlock{kind}(hashtextextended(%s, 0))", [key])


def _history(repository: Repository) -> str:
    return f"history:{repository.pk}"


def _lock(key: str, *, shared: bool = False) -> None:
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtextextended(%s, 0))", [key])
