"""The life of a bucket: created, moved, opened or closed, deleted."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Namespace
from accounts.principal import Principal
from accounts.services import references
from common.errors import Conflict, Forbidden, Invalid
from common.services import audit
from hub import rules
from hub.enums import Visibility
from hub.errors import RepositoryNotFound
from hub.models import Bucket
from hub.models.repositories import valid_repository_name
from hub.selectors.buckets import bucket_named
from hub.services import holdings, quotas
from hub.services.locks import lock_name, lock_storage
from hub.services.repositories import default_visibility


class BucketExists(Conflict):
    """The name is taken; `bucket` is who has it."""

    code = "already_exists"

    def __init__(self, bucket: Bucket) -> None:
        super().__init__(
            _("There is already a bucket called %(name)s.") % {"name": bucket.full_name},
            hint=_("Choose another name, or use the bucket that is there."),
        )
        self.bucket = bucket


@transaction.atomic
def create(namespace: Namespace, name: str, *, by: Principal, visibility: Visibility | str | None = None) -> Bucket:
    """A new, empty bucket; without a visibility as its owner has it for what is new.

    Raises Forbidden, Invalid, BucketExists.
    """
    _require_place(by, namespace)
    visibility = visibility or default_visibility(namespace)
    _check(name, visibility)
    _claim(namespace, name)
    quotas.require_place(namespace)
    bucket = Bucket.objects.create(namespace=namespace, name=name, visibility=visibility, created_by=by.user)
    audit.record("bucket.created", str(bucket), actor=by, visibility=str(visibility))
    return bucket


@transaction.atomic
def update_settings(bucket: Bucket, *, by: Principal, visibility: Visibility | str) -> Bucket:
    """Open or close a bucket. Raises Forbidden, Invalid."""
    quotas.lock_home(bucket)
    bucket = locked(bucket)
    _require_administrator(by, bucket)
    _check(bucket.name, visibility)
    quotas.require_move(bucket, bucket.namespace, visibility)
    before, bucket.visibility = bucket.visibility, visibility
    bucket.save(update_fields=["visibility"])
    audit.record("bucket.settings", str(bucket), actor=by, before=before, after=str(visibility))
    return bucket


@transaction.atomic
def move(bucket: Bucket, namespace: Namespace, name: str, *, by: Principal) -> Bucket:
    """Give a bucket another name or owner. Raises Forbidden, Invalid, BucketExists."""
    lock_storage(bucket.namespace_id, namespace.pk)
    bucket = locked(bucket)
    _require_administrator(by, bucket)
    _require_place(by, namespace)
    _check(name, bucket.visibility)
    quotas.require_move(bucket, namespace, bucket.visibility)
    before = bucket.full_name
    _claim(namespace, name, bucket)
    bucket.namespace, bucket.name = namespace, name
    bucket.save(update_fields=["namespace", "name"])
    references.moved(f"bucket:{before}", bucket.reference)
    audit.record("bucket.moved", str(bucket), actor=by, before=before)
    return bucket


@transaction.atomic
def delete(bucket: Bucket, *, by: Principal) -> None:
    """Delete a bucket with its files. Objects stay until nobody holds them. Raises Forbidden."""
    quotas.lock_home(bucket)
    bucket = locked(bucket)
    _require_administrator(by, bucket)
    name = str(bucket)
    holdings.release_all(bucket)
    references.gone(bucket.reference)
    bucket.delete()
    audit.record("bucket.deleted", name, actor=by)


def locked(bucket: Bucket) -> Bucket:
    """The bucket as it is now, and held until the end of the transaction.

    Raises RepositoryNotFound when somebody deleted it meanwhile.
    """
    found = Bucket.objects.select_for_update(of=("self",)).select_related("namespace").filter(pk=bucket.pk).first()
    if found is None:
        raise RepositoryNotFound
    return found


def _claim(namespace: Namespace, name: str, bucket: Bucket | None = None) -> None:
    full_name = f"{namespace.name}/{name}"
    lock_name("bucket", full_name)
    taken = bucket_named(full_name)
    if taken is not None and taken != bucket:
        raise BucketExists(taken)


def _require_place(by: Principal, namespace: Namespace) -> None:
    if not rules.may_create(by, namespace):
        raise Forbidden(
            _("You may not create buckets under %(name)s.") % {"name": namespace.name},
            hint=_("Use your own name, or ask an administrator of the organisation for write access."),
        )


def _require_administrator(by: Principal, bucket: Bucket) -> None:
    if not rules.may_administer(by, bucket):
        raise Forbidden(
            _("You may not change the settings of this bucket."),
            hint=_("Only an administrator of its owner may delete, move or hide it."),
        )


def _check(name: str, visibility: Visibility | str) -> None:
    try:
        valid_repository_name(name)
    except ValidationError as error:
        raise Invalid(error.messages[0], code="bad_name") from error
    if visibility not in Visibility.values:
        raise Invalid(_("The visibility must be public or private."))
