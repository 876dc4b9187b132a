"""Repositories with files, made through the services themselves."""

import itertools

from accounts.models import Namespace, User
from accounts.principal import Principal
from accounts.services import people
from hub.models import Repository
from hub.services import commits, repositories

_numbers = itertools.count(1)


def person(name: str = "", **facts) -> User:
    return people.sign_up(name or f"person{next(_numbers)}", password=None, **facts)


def as_principal(user: User) -> Principal:
    return Principal(user=user)


def repository(
    owner: User | None = None, name: str = "", *, files: dict[str, bytes] | None = None, **facts
) -> Repository:
    owner = owner or person()
    namespace = Namespace.objects.get(user=owner)
    by = Principal(user=owner)
    made = repositories.create_repository(
        namespace, name or f"repository{next(_numbers)}", **({"kind": "model", "by": by} | facts)
    )
    if files:
        put(made, files, by=by)
    return made


def put(repository: Repository, files: dict[str, bytes], *, by: Principal, message: str = "Add files", **more):
    """One commit with small files; returns its id."""
    operations = [commits.AddBytes(path, data) for path, data in files.items()]
    return commits.commit(repository, operations, by=by, message=message, **more).oid
