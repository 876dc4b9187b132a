"""How much a name may keep, what it let go, and what the sweeper took away."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Namespace
from hub.enums import SweepState, SweptKind
from hub.models.repositories import Repository


class StorageLimit(models.Model):
    """What staff allow one name. Empty means the default of the settings, 0 that there is no limit."""

    namespace = models.OneToOneField(Namespace, models.CASCADE, related_name="storage_limit")
    public_bytes = models.BigIntegerField(_("public bytes"), null=True, blank=True)
    private_bytes = models.BigIntegerField(_("private bytes"), null=True, blank=True)
    repositories = models.BigIntegerField(_("repositories and buckets"), null=True, blank=True)
    file_bytes = models.BigIntegerField(_("bytes of one file"), null=True, blank=True)
    repository_bytes = models.BigIntegerField(_("bytes of one repository"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("storage limit")
        constraints = [
            models.CheckConstraint(
                name="storage_limit_positive",
                condition=models.Q(
                    *(
                        models.Q(**{f"{field}__isnull": True}) | models.Q(**{f"{field}__gte": 0})
                        for field in (
                            "public_bytes", "private_bytes", "repositories", "file_bytes", "repository_bytes",
                        )
                    )
                ),
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.namespace.name


class ReleasedObject(models.Model):
    """A repository or bucket let go of an object. It counts no more; its bytes leave the disk later."""

    namespace = models.ForeignKey(Namespace, models.CASCADE, related_name="released_objects")
    home = models.CharField(max_length=150)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    released_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("released object")
        indexes = [models.Index(fields=["namespace", "released_at"], name="released_by_namespace")]

    def __str__(self) -> str:
        return f"{self.home} {self.sha256}"


class DeletedObject(models.Model):
    """Somebody deleted an object from a repository for good, although pointers to it may remain in old commits."""

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="objects_deleted")
    sha256 = models.CharField(max_length=64)
    deleted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    deleted_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("deleted object")
        constraints = [models.UniqueConstraint(fields=["repository", "sha256"], name="object_deleted_once")]

    def __str__(self) -> str:
        return f"{self.repository_id} {self.sha256}"


class Sweep(models.Model):
    """One run of the sweeper: what nobody needs goes to the trash, from where it can come back for a while."""

    state = models.CharField(max_length=7, choices=SweepState, default=SweepState.RUNNING)
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # {kind: {"count", "bytes"}} of what was, or would be, taken.
    counts = models.JSONField(default=dict, blank=True)
    bytes = models.BigIntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        verbose_name = _("sweep")
        constraints = [
            models.CheckConstraint(name="sweep_state_known", condition=models.Q(state__in=SweepState.values))
        ]

    def __str__(self) -> str:
        return f"sweep {self.pk}"


class SweptItem(models.Model):
    """One thing that a sweep took away; `facts` are what it takes to put it back."""

    sweep = models.ForeignKey(Sweep, models.CASCADE, related_name="items")
    kind = models.CharField(max_length=10, choices=SweptKind)
    name = models.CharField(max_length=200)
    size = models.BigIntegerField(default=0)
    facts = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name = _("swept item")
        constraints = [
            models.CheckConstraint(name="swept_kind_known", condition=models.Q(kind__in=SweptKind.values)),
            models.UniqueConstraint(fields=["sweep", "kind", "name"], name="swept_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
