"""What search looks at. Every row here follows from others, and `manage.py hub_reindex --search` writes it anew.

Kept apart from Repository: its counters change all day, and each change of a row with
a full-text index costs a hundred index entries.
"""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.utils.translation import gettext_lazy as _

from hub.enums import RepositoryKind
from hub.models.repositories import Repository


class SearchDocument(models.Model):
    """A repository as search sees it. Who may see it is asked of the repository, never of this row.

    `popularity` is the number of binary digits of its downloads: it changes a few times in
    a repository's life, and orders what fits equally well.
    """

    repository = models.OneToOneField(Repository, models.CASCADE, primary_key=True, related_name="document")
    kind = models.CharField(max_length=7, choices=RepositoryKind)
    full_name = models.TextField(db_collation="C")  # in small letters
    words = SearchVectorField()
    fragments = ArrayField(models.IntegerField(), default=list)
    popularity = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = _("search document")
        indexes = [
            GinIndex(fields=["words"], name="search_by_word"),
            GinIndex(fields=["fragments"], name="search_by_fragment"),
            models.Index(fields=["kind", "-popularity", "-repository"], name="search_by_popularity"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}:{self.full_name}"


class UsedTag(models.Model):
    """A tag that some public repository carries, and by how many it was carried when they were last counted."""

    kind = models.CharField(max_length=7, choices=RepositoryKind)
    tag = models.TextField(db_collation="C")
    group = models.CharField(max_length=100)
    repositories = models.PositiveIntegerField(default=1)

    class Meta:
        verbose_name = _("used tag")
        constraints = [models.UniqueConstraint(fields=["kind", "tag"], name="used_tag_once")]

    def __str__(self) -> str:
        return self.tag
