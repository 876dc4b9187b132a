"""What was found in the files of a data set at one commit: tables by configuration and split."""

from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub.enums import ViewState
from hub.models.repositories import Repository


class DatasetView(models.Model):
    """The tables of a data set at a commit. Everything here follows from files and can be made again."""

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="dataset_views")
    commit = models.CharField(max_length=40)
    state = models.CharField(max_length=7, choices=ViewState, default=ViewState.WAITING)
    problem = models.TextField(blank=True)
    # When the work was last handed to a worker: a message that was lost is sent again.
    queued_at = models.DateTimeField(null=True, blank=True)
    asked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("view of a data set")
        verbose_name_plural = _("views of data sets")
        constraints = [
            models.UniqueConstraint(fields=["repository", "commit"], name="dataset_view_once"),
            models.CheckConstraint(name="dataset_view_state_known", condition=models.Q(state__in=ViewState.values)),
            models.CheckConstraint(
                name="dataset_view_failed_says_why",
                condition=~models.Q(state=ViewState.FAILED) | ~models.Q(problem=""),
            ),
        ]
        indexes = [models.Index(fields=["asked_at"], name="dataset_view_by_use")]

    def __str__(self) -> str:
        return f"{self.repository_id} {self.commit}"


class DatasetSplit(models.Model):
    """One table. `problem` says why it cannot be shown; then there are no columns.

    `files` holds `{"path", "size", "oid", "sha256", "rows"}` for each file, in order. `converted` names the
    Parquet in the viewer's store that was made of files of another format. `fingerprint` follows from the
    repository and the content of the files.
    """

    view = models.ForeignKey(DatasetView, models.CASCADE, related_name="splits")
    position = models.PositiveSmallIntegerField()
    config = models.TextField()
    split = models.TextField()
    format = models.CharField(max_length=10)
    fingerprint = models.CharField(max_length=64, db_index=True)
    files = models.JSONField(default=list)
    # `{"name", "feature"}` in order; PostgreSQL keeps no order of keys.
    columns = models.JSONField(default=list)
    rows = models.BigIntegerField(default=0)
    size = models.BigIntegerField(default=0)
    converted = models.CharField(max_length=64, blank=True)
    converted_size = models.BigIntegerField(default=0)
    statistics = models.JSONField(default=list)
    measured_rows = models.BigIntegerField(default=0)
    problem = models.TextField(blank=True)

    class Meta:
        verbose_name = _("split of a data set")
        verbose_name_plural = _("splits of data sets")
        ordering = ("position",)
        constraints = [
            models.UniqueConstraint(fields=["view", "config", "split"], name="dataset_split_once"),
            models.CheckConstraint(
                name="dataset_split_counts_positive",
                condition=models.Q(rows__gte=0, size__gte=0, measured_rows__gte=0, converted_size__gte=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.config}/{self.split}"

    @property
    def features(self) -> dict[str, Any]:
        """Feature by column, in the order of the columns."""
        return {entry["name"]: entry["feature"] for entry in self.columns}

    @property
    def is_whole_measured(self) -> bool:
        return self.measured_rows >= self.rows
