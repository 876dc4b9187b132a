"""Who downloaded what, once a day."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from hub.models.repositories import Repository


class Download(models.Model):
    """One client took weights or data of a repository on one day.

    `client` is a keyed digest that changes daily, so it counts clients and follows nobody.
    """

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="downloads_by_day")
    day = models.DateField()
    client = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("download")
        constraints = [models.UniqueConstraint(fields=["repository", "day", "client"], name="download_once_a_day")]
        indexes = [models.Index(fields=["day", "repository"], name="download_by_day")]

    def __str__(self) -> str:
        return f"{self.repository_id} {self.day}"
