"""Repositories and buckets with files, made through the services themselves."""

import hashlib
import io
import itertools

from accounts.models import Namespace, User
from accounts.principal import Principal
from accounts.services import people
from hub import stores
from hub.models import Bucket, Repository
from hub.services import bucket_files, buckets, commits, objects, repositories
from hub.storage.xet.ingest import ingest

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


def bucket(owner: User | None = None, name: str = "", *, files: dict[str, bytes] | None = None, **facts) -> Bucket:
    owner = owner or person()
    by = Principal(user=owner)
    namespace = Namespace.objects.get(user=owner)
    made = buckets.create(namespace, name or f"bucket{next(_numbers)}", **({"by": by} | facts))
    if files:
        fill(made, files, by=by)
    return made


def fill(bucket: Bucket, files: dict[str, bytes], *, by: Principal) -> dict[str, str]:
    """Upload files and put them in place; returns the Xet hash of each path."""
    stored = {path: ingest(stores.xet_store(), io.BytesIO(data)) for path, data in files.items()}
    objects.hold_xet(bucket, stored.values(), by=by)
    failures = bucket_files.apply(bucket, [bucket_files.AddFile(path, one.hash) for path, one in stored.items()], by=by)
    assert failures == []
    return {path: one.hash for path, one in stored.items()}


def upload(repository: Repository, data: bytes, *, by: Principal) -> str:
    """A large object by LFS, named by nothing yet; returns its sha256."""
    digest = hashlib.sha256(data).hexdigest()
    objects.receive(repository, digest, len(data), io.BytesIO(data), by=by)
    return digest


def put_large(repository: Repository, files: dict[str, bytes], *, by: Principal, branch: str = "main", **more):
    """Upload large files by LFS and commit them; returns the sha256 of each path."""
    digests = {path: upload(repository, data, by=by) for path, data in files.items()}
    operations = [commits.AddPointer(path, digest, len(files[path])) for path, digest in digests.items()]
    commits.commit(repository, operations, by=by, message="Add large files", branch=branch, **more)
    return digests
