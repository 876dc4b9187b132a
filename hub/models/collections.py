"""Collections: lists of repositories, buckets and other collections that belong together."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from accounts.models import Namespace
from common.ids import hex_id
from hub.enums import Theme, Visibility
from hub.models.buckets import Bucket
from hub.models.repositories import Repository

MAX_TITLE, MAX_DESCRIPTION, MAX_NOTE = 60, 150, 500


class Collection(models.Model):
    """`key` ends its address and stays; what stands before it follows the title."""

    namespace = models.ForeignKey(Namespace, models.PROTECT, related_name="collections")
    key = models.CharField(max_length=24, unique=True, default=hex_id)
    title = models.CharField(_("title"), max_length=MAX_TITLE)
    description = models.CharField(_("description"), max_length=MAX_DESCRIPTION, blank=True)
    theme = models.CharField(_("colour"), max_length=6, choices=Theme, default=Theme.ORANGE)
    visibility = models.CharField(_("visibility"), max_length=7, choices=Visibility, default=Visibility.PUBLIC)
    # Its place among the collections of its owner, from 0.
    position = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("collection")
        verbose_name_plural = _("collections")
        constraints = [
            models.UniqueConstraint("namespace", Lower("title"), name="collection_title_once"),
            models.CheckConstraint(name="collection_theme_known", condition=Q(theme__in=Theme.values)),
            models.CheckConstraint(name="collection_visibility_known", condition=Q(visibility__in=Visibility.values)),
        ]
        indexes = [
            models.Index(fields=["-updated_at", "-id"], name="collection_by_update"),
            models.Index(fields=["namespace", "position"], name="collection_by_position"),
        ]

    def __str__(self) -> str:
        return f"collection:{self.slug}"

    @property
    def slug(self) -> str:
        words = slugify(self.title)
        return f"{self.namespace.name}/{words}-{self.key}" if words else f"{self.namespace.name}/{self.key}"

    @property
    def reference(self) -> str:
        """How rooms that do not know collections name this one."""
        return str(self)

    @property
    def is_private(self) -> bool:
        return self.visibility == Visibility.PRIVATE

    def get_absolute_url(self) -> str:
        return f"/collections/{self.slug}"


class CollectionItem(models.Model):
    """A place in a collection, held by one thing of one kind; it goes when the thing goes."""

    collection = models.ForeignKey(Collection, models.CASCADE, related_name="items")
    key = models.CharField(max_length=24, unique=True, default=hex_id)
    repository = models.ForeignKey(Repository, models.CASCADE, null=True, blank=True, related_name="+")
    bucket = models.ForeignKey(Bucket, models.CASCADE, null=True, blank=True, related_name="+")
    other = models.ForeignKey(Collection, models.CASCADE, null=True, blank=True, related_name="+")
    position = models.PositiveIntegerField()
    note = models.CharField(_("note"), max_length=MAX_NOTE, blank=True)
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("item of a collection")
        verbose_name_plural = _("items of collections")
        constraints = [
            models.UniqueConstraint(fields=["collection", "repository"], name="collection_repository_once"),
            models.UniqueConstraint(fields=["collection", "bucket"], name="collection_bucket_once"),
            models.UniqueConstraint(fields=["collection", "other"], name="collection_other_once"),
            models.CheckConstraint(
                name="collection_item_is_one_thing",
                condition=Q(repository__isnull=False, bucket__isnull=True, other__isnull=True)
                | Q(repository__isnull=True, bucket__isnull=False, other__isnull=True)
                | Q(repository__isnull=True, bucket__isnull=True, other__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["collection", "position"], name="collection_item_by_position")]

    def __str__(self) -> str:
        return f"{self.collection_id} {self.key}"

    @property
    def thing(self) -> Repository | Bucket | Collection:
        found = self.repository or self.bucket or self.other
        assert found is not None
        return found

    @property
    def kind(self) -> str:
        """The protocol's word for what it is."""
        if self.repository is not None:
            return self.repository.kind
        return "bucket" if self.bucket is not None else "collection"
