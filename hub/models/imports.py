"""Repositories brought from other hubs: what is copied from where, and how far it is."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now
from django.utils.translation import gettext_lazy as _

from accounts.models import Namespace
from common.ids import hex_id
from hub.enums import ImportNote, ImportReason, ImportSchedule, ImportState, RefChange, RepositoryKind, Visibility
from hub.models.repositories import Repository


class Import(models.Model):
    """One source and its copy here, for as long as the copy exists: it says where the files came from.

    `repository` is empty until the first check has passed, so refused imports leave none behind.
    """

    key = models.CharField(max_length=24, unique=True, default=hex_id)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="imports"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    endpoint = models.CharField(max_length=200)
    kind = models.CharField(max_length=7, choices=RepositoryKind)
    source_name = models.CharField(max_length=200)
    # Empty: everything, with its history. A branch, tag or commit: only its files, one commit for each run.
    revision = models.CharField(max_length=250, blank=True)
    # Whether the commits of the source are brought, or its files alone; unknown until the source was asked.
    has_history = models.BooleanField(null=True, blank=True)
    sealed_token = models.TextField(blank=True)
    namespace = models.ForeignKey(Namespace, models.CASCADE, related_name="+")
    name = models.CharField(max_length=96)
    visibility = models.CharField(max_length=7, choices=Visibility, default=Visibility.PUBLIC)
    repository = models.OneToOneField(Repository, models.CASCADE, null=True, blank=True, related_name="imported")
    schedule = models.CharField(max_length=6, choices=ImportSchedule, default=ImportSchedule.NONE)
    # What the person said where the licence does not clearly allow copies.
    statement = models.TextField(blank=True)
    licence = models.CharField(max_length=200, blank=True)
    # The source is gated or private, so the copy stays private.
    is_closed = models.BooleanField(default=False)

    state = models.CharField(max_length=9, choices=ImportState, default=ImportState.QUEUED)
    reason = models.CharField(max_length=20, choices=ImportReason, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    files_total = models.PositiveIntegerField(default=0)
    files_done = models.PositiveIntegerField(default=0)
    bytes_total = models.BigIntegerField(default=0)
    bytes_done = models.BigIntegerField(default=0)
    # The commit of the source that was copied last, and the commit here that it became.
    source_commit = models.CharField(max_length=40, blank=True)
    local_commit = models.CharField(max_length=40, blank=True)
    # What came from the source, so that what was added here is not taken for something that vanished there.
    paths = ArrayField(models.TextField(), default=list, blank=True)
    # With history: where the branches and tags of the source were when they were copied last, and which of
    # them changed on both sides since.
    refs = models.JSONField(default=dict, blank=True)
    diverged = ArrayField(models.CharField(max_length=300), default=list, blank=True)
    copied_at = models.DateTimeField(null=True, blank=True)

    # Who works: a later turn makes the earlier one stop. A worker that dies lets go at `claimed_until`.
    turn = models.PositiveIntegerField(default=0)
    tries = models.PositiveIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, blank=True)
    next_run_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        constraints = [
            models.CheckConstraint(name="import_state_known", condition=Q(state__in=ImportState.values)),
            models.CheckConstraint(name="import_schedule_known", condition=Q(schedule__in=ImportSchedule.values)),
            models.CheckConstraint(name="import_reason_known", condition=Q(reason__in=["", *ImportReason.values])),
            models.CheckConstraint(name="import_kind_known", condition=Q(kind__in=RepositoryKind.values)),
            models.UniqueConstraint(
                "namespace",
                "kind",
                Lower("name"),
                name="import_once",
                condition=Q(repository__isnull=True, state__in=["queued", "checking", "copying", "paused"]),
            ),
        ]
        indexes = [
            models.Index(fields=["created_by", "-id"], name="import_by_person"),
            models.Index(fields=["next_run_at"], name="import_due"),
        ]

    def __str__(self) -> str:
        return f"import:{self.key}"

    @property
    def target_name(self) -> str:
        return self.repository.full_name if self.repository is not None else f"{self.namespace.name}/{self.name}"

    @property
    def source_url(self) -> str:
        """The page of the source."""
        return f"{self.endpoint}/{RepositoryKind(self.kind).prefix}{self.source_name}"

    @property
    def is_active(self) -> bool:
        return ImportState(self.state).is_active

    @property
    def is_mirror(self) -> bool:
        return self.schedule != ImportSchedule.NONE

    @property
    def percent(self) -> int:
        return self.bytes_done * 100 // self.bytes_total if self.bytes_total else 0


class ImportRun(models.Model):
    """What one run of an import changed here. Written before anything moves, ended when all is in place.

    `commits` are where refs of the source were: what leads to one of them was made there, also
    when the source rewrote its history since or the worker was lost.
    """

    imported = models.ForeignKey(Import, models.CASCADE, related_name="runs")
    turn = models.PositiveIntegerField()
    began_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # [{"ref", "how", "before", "after"}], and [{"code", "detail"}].
    changes = models.JSONField(default=list, blank=True)
    notes = models.JSONField(default=list, blank=True)
    commits = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    files = models.PositiveIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("run of an import")
        constraints = [models.UniqueConstraint(fields=["imported", "turn"], name="import_run_once")]

    def __str__(self) -> str:
        return f"{self.imported_id} {self.turn}"

    @property
    def told_changes(self) -> list[dict[str, str]]:
        """The changes in words: name and kind of the ref, what became of it."""
        return [
            one
            | {
                "name": one["ref"].removeprefix("refs/heads/").removeprefix("refs/tags/"),
                "is_tag": one["ref"].startswith("refs/tags/"),
                "words": RefChange(one["how"]).label,
            }
            for one in self.changes
        ]

    @property
    def told_notes(self) -> list[tuple[str, str]]:
        return [(str(ImportNote(one["code"]).label), one["detail"]) for one in self.notes]
