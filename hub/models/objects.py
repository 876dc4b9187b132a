"""Large objects, and which repositories hold them."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from hub.models.repositories import Repository


class LargeObject(models.Model):
    """Content by its sha256, stored once whatever the door: as plain bytes, as Xet terms, or both."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    size = models.BigIntegerField()
    is_plain = models.BooleanField(default=False)
    xet_hash = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # Since when nothing holds it; after a grace the sweeper takes it away.
    idle_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("object")
        constraints = [
            models.CheckConstraint(name="object_size_positive", condition=models.Q(size__gte=0)),
            models.CheckConstraint(
                name="object_is_somewhere", condition=models.Q(is_plain=True) | ~models.Q(xet_hash="")
            ),
        ]
        indexes = [
            models.Index(fields=["xet_hash"], name="object_by_xet_hash", condition=~models.Q(xet_hash="")),
            models.Index(fields=["idle_since"], name="object_idle", condition=models.Q(idle_since__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.sha256


class RepositoryObject(models.Model):
    """A repository holds an object: somebody who may write there had the bytes.

    Knowing a digest gives nobody the bytes; only this row does, and only to those who
    may read the repository. Until a commit names the object, only writers see it.
    """

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="objects_held")
    object = models.ForeignKey(LargeObject, models.PROTECT, related_name="held_by")
    held_since = models.DateTimeField(auto_now_add=True)
    committed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("object of a repository")
        constraints = [models.UniqueConstraint(fields=["repository", "object"], name="object_held_once")]

    def __str__(self) -> str:
        return f"{self.repository_id} {self.object_id}"
