"""Jobs and the attempts to run them."""

import shlex

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Namespace, User
from common.ids import hex_id
from compute.algorithms.recipe_commands import summary_of
from compute.enums import LIVE_ATTEMPTS, AttemptState, JobState
from compute.models.allocations import Allocation
from compute.models.clusters import Flavor


class Job(models.Model):
    """A program that somebody wants run, charged to one allocation.

    `reserved` and `charged` are GPU-seconds; `charged` is known when the job has ended.
    `sealed_secrets` is encrypted and emptied when the job ends. `continues` is the earlier job whose folder
    this one's began as a copy of. `files_unwanted_at`: somebody asked that its folder be deleted.
    """

    id = models.CharField(primary_key=True, max_length=24, default=hex_id, editable=False)
    namespace = models.ForeignKey(Namespace, models.PROTECT, related_name="jobs")
    submitted_by = models.ForeignKey(User, models.PROTECT, related_name="jobs")
    allocation = models.ForeignKey(Allocation, models.PROTECT, related_name="jobs")
    flavor = models.ForeignKey(Flavor, models.PROTECT, related_name="jobs")
    image = models.CharField(_("image"), max_length=200)
    command = models.JSONField(_("command"), default=list)
    arguments = models.JSONField(_("arguments"), default=list)
    environment = models.JSONField(_("environment"), default=dict)
    secret_names = models.JSONField(_("secrets"), default=list)
    sealed_secrets = models.TextField(blank=True)
    labels = models.JSONField(_("labels"), default=dict)
    volumes = models.JSONField(_("volumes"), default=list)
    timeout_seconds = models.PositiveIntegerField(_("time limit"))
    max_attempts = models.PositiveSmallIntegerField(_("attempts"), default=1)
    duplicate_of = models.CharField(max_length=24, blank=True)
    continues = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="continued_by")
    state = models.CharField(max_length=10, choices=JobState, default=JobState.QUEUED)
    reason = models.TextField(blank=True)
    reserved = models.BigIntegerField(_("reserved"))
    charged = models.BigIntegerField(_("charged"), null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    files_unwanted_at = models.DateTimeField(null=True, blank=True)
    files_deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("job")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["namespace", "-created_at", "-id"]),
            models.Index(fields=["created_at"], name="job_queued", condition=Q(state=JobState.QUEUED)),
            models.Index(fields=["finished_at"], name="job_with_folder", condition=Q(files_deleted_at=None)),
        ]
        constraints = [
            models.CheckConstraint(name="job_state_known", condition=Q(state__in=JobState.values)),
            models.CheckConstraint(
                name="job_charged_within_reserved",
                condition=Q(charged__isnull=True) | Q(charged__gte=0, charged__lte=models.F("reserved")),
            ),
            models.CheckConstraint(
                name="job_ended_is_settled",
                condition=Q(state__in=["queued", "starting", "running"], charged__isnull=True, finished_at__isnull=True)
                | Q(
                    state__in=["succeeded", "failed", "cancelled", "timed_out"],
                    charged__isnull=False,
                    finished_at__isnull=False,
                    sealed_secrets="",
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def reference(self) -> str:
        return f"job:{self.id}"

    @property
    def name(self) -> str:
        return self.labels.get("name") or self.id

    @property
    def argv(self) -> list[str]:
        return [*self.command, *self.arguments]

    @property
    def command_line(self) -> str:
        """As one types it in a shell."""
        return shlex.join(self.argv)

    @property
    def summary(self) -> str:
        return summary_of(self.argv)

    @property
    def is_over(self) -> bool:
        return JobState(self.state).is_terminal

    def get_absolute_url(self) -> str:
        return reverse("job", args=[self.namespace.name, self.id])


class Attempt(models.Model):
    """One try at running a job. Only the holder of `token` may report on it, and only while it is live.

    Times measured on the worker: `milliseconds` of wall clock, `cpu_milliseconds`; `peak_memory` in bytes.
    """

    job = models.ForeignKey(Job, models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    token = models.CharField(max_length=32, unique=True)
    state = models.CharField(max_length=11, choices=AttemptState, default=AttemptState.STARTING)
    worker = models.CharField(max_length=200, blank=True)
    lease_until = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    exit_code = models.IntegerField(null=True, blank=True)
    milliseconds = models.BigIntegerField(default=0)
    cpu_milliseconds = models.BigIntegerField(default=0)
    peak_memory = models.BigIntegerField(default=0)
    charged = models.BigIntegerField(default=0)
    reason = models.TextField(blank=True)
    sandbox = models.CharField(max_length=20, blank=True)
    sandbox_notes = models.JSONField(default=list)

    class Meta:
        verbose_name = _("attempt")
        ordering = ["number"]
        indexes = [
            models.Index(fields=["lease_until"], name="attempt_live", condition=Q(state__in=sorted(LIVE_ATTEMPTS)))
        ]
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="attempt_number_once"),
            models.UniqueConstraint(
                fields=["job"], condition=Q(state__in=sorted(LIVE_ATTEMPTS)), name="attempt_live_once"
            ),
            models.CheckConstraint(name="attempt_state_known", condition=Q(state__in=AttemptState.values)),
        ]

    def __str__(self) -> str:
        return f"{self.job_id} #{self.number}"
