"""Buckets: files under paths, by Xet only, without history."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower, Now
from django.utils.translation import gettext_lazy as _

from accounts.models import Namespace
from hub.enums import BucketChangeKind, Visibility
from hub.models.objects import LargeObject
from hub.models.repositories import valid_repository_name

# How the protocol names the file without bytes, which no store keeps.
EMPTY = "0" * 64


class Bucket(models.Model):
    """A place for files that change: what is overwritten is gone."""

    namespace = models.ForeignKey(Namespace, models.PROTECT, related_name="buckets")
    name = models.CharField(_("name"), max_length=96, validators=[valid_repository_name])
    visibility = models.CharField(_("visibility"), max_length=7, choices=Visibility, default=Visibility.PUBLIC)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(db_default=Now())
    # Sums over its files, kept by the transaction that changes them.
    size = models.BigIntegerField(default=0)
    total_files = models.BigIntegerField(default=0)
    # Changes up to this one were forgotten: whoever followed the bucket from before it must list it again.
    forgotten = models.BigIntegerField(default=0)
    forgotten_at = models.DateTimeField(null=True, blank=True)
    # Bytes of the objects it holds, each once, also of those that no file is made of yet.
    used_storage = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("bucket")
        verbose_name_plural = _("buckets")
        constraints = [
            models.UniqueConstraint("namespace", Lower("name"), name="bucket_name_once"),
            models.CheckConstraint(
                name="bucket_visibility_known", condition=models.Q(visibility__in=Visibility.values)
            ),
            models.CheckConstraint(name="bucket_sums_positive", condition=models.Q(size__gte=0, total_files__gte=0)),
        ]

    def __str__(self) -> str:
        return f"bucket:{self.full_name}"

    @property
    def full_name(self) -> str:
        return f"{self.namespace.name}/{self.name}"

    @property
    def reference(self) -> str:
        """How rooms that do not know buckets name this one."""
        return f"bucket:{self.full_name}"

    @property
    def is_private(self) -> bool:
        return self.visibility == Visibility.PRIVATE

    def get_absolute_url(self) -> str:
        return f"/buckets/{self.full_name}"


class BucketObject(models.Model):
    """A bucket holds an object: it was uploaded here, or copied from where its author could read it.

    Knowing a hash gives nobody the bytes; only this row does. Until a file of the bucket
    is made of it, only writers see it.
    """

    bucket = models.ForeignKey(Bucket, models.CASCADE, related_name="objects_held")
    xet_hash = models.CharField(max_length=64)
    object = models.ForeignKey(LargeObject, models.PROTECT, related_name="held_by_buckets")
    held_since = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("object of a bucket")
        constraints = [models.UniqueConstraint(fields=["bucket", "xet_hash"], name="bucket_object_once")]

    def __str__(self) -> str:
        return f"{self.bucket_id} {self.xet_hash}"


class BucketFile(models.Model):
    """What lies at a path. `object` is empty for the file without bytes only."""

    bucket = models.ForeignKey(Bucket, models.CASCADE, related_name="files")
    path = models.TextField(db_collation="C")
    xet_hash = models.CharField(max_length=64)
    object = models.ForeignKey(LargeObject, models.PROTECT, null=True, blank=True, related_name="in_files")
    size = models.BigIntegerField()
    content_type = models.CharField(max_length=200, blank=True)
    mtime = models.DateTimeField(null=True, blank=True)
    uploaded_at = models.DateTimeField()

    class Meta:
        verbose_name = _("file of a bucket")
        constraints = [
            models.UniqueConstraint(fields=["bucket", "path"], include=["uploaded_at"], name="bucket_path_once"),
            models.CheckConstraint(
                name="bucket_file_has_bytes",
                condition=models.Q(object__isnull=False) | models.Q(xet_hash=EMPTY, size=0),
            ),
        ]
        indexes = [models.Index(fields=["bucket", "xet_hash"], name="bucket_file_by_hash")]

    def __str__(self) -> str:
        return self.path


class BucketChange(models.Model):
    """What happened to a file, for those who follow the bucket. Kept for a while, then forgotten.

    The bucket is locked while its changes are written, so their ids are in the order of what happened.
    """

    bucket = models.ForeignKey(Bucket, models.CASCADE, related_name="changes")
    at = models.DateTimeField()
    kind = models.CharField(max_length=6, choices=BucketChangeKind)
    path = models.TextField()
    size = models.BigIntegerField(null=True, blank=True)
    xet_hash = models.CharField(max_length=64, blank=True)
    mtime = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("change of a bucket")
        verbose_name_plural = _("changes of buckets")
        constraints = [
            models.CheckConstraint(
                name="bucket_change_kind_known", condition=models.Q(kind__in=BucketChangeKind.values)
            )
        ]
        indexes = [
            models.Index(fields=["bucket", "id"], name="bucket_change_in_order"),
            models.Index(fields=["at"], name="bucket_change_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.path}"
