"""Who downloaded what, once a day."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from hub.enums import DownloadKind
from hub.models.repositories import Repository


class Download(models.Model):
    """One client took weights or data of a repository, or cloned it, on one day.

    `client` is a keyed digest that changes daily, so it counts clients and follows nobody. The kind
    is in the digest too: who comes as a build and as a person counts once as each, in any order.
    """

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="downloads_by_day")
    day = models.DateField()
    kind = models.CharField(max_length=6, choices=DownloadKind, default=DownloadKind.CLIENT)
    client = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("download")
        constraints = [
            models.UniqueConstraint(fields=["repository", "day", "client"], name="download_once_a_day"),
            models.CheckConstraint(name="download_kind_known", condition=models.Q(kind__in=DownloadKind.values)),
        ]
        indexes = [models.Index(fields=["day", "repository"], name="download_by_day")]

    def __str__(self) -> str:
        return f"{self.repository_id} {self.day}"
