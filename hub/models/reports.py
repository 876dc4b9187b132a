"""Reports about what somebody published, what was disabled for them, and what stays at an address."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Namespace
from hub.enums import ReportKind, ReportState
from hub.models.repositories import Repository
from hub.models.versions import Version


class Report(models.Model):
    """A complaint about a repository or files of it, or about what another room published (`namespace`,
    `address`, `contents`). Its id is its number in the register; no row ever goes.

    `key` is the address under which whoever reported follows it; `contact` and `statement` are for staff.
    """

    key = models.CharField(max_length=40, unique=True)
    repository = models.ForeignKey(Repository, models.SET_NULL, null=True, blank=True, related_name="reports")
    namespace = models.ForeignKey(Namespace, models.SET_NULL, null=True, blank=True, related_name="reports")
    address = models.CharField(max_length=300, blank=True)
    contents = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    # Its kind and name when it was reported, which outlive it.
    asset = models.CharField(max_length=150)
    is_private = models.BooleanField(default=False)
    revision = models.CharField(max_length=300, blank=True)
    paths = ArrayField(models.TextField(), default=list, blank=True)
    kind = models.CharField(_("kind"), max_length=13, choices=ReportKind)
    statement = models.TextField()
    contact = models.EmailField(blank=True)
    reporter = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    # A keyed hash of the network address, to bound how much one place may report.
    source = models.CharField(max_length=64, blank=True)
    state = models.CharField(_("state"), max_length=15, choices=ReportState, default=ReportState.RECEIVED)
    deadline = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    # What the decision rests on, and why: public.
    rule = models.CharField(max_length=200, blank=True)
    reason = models.TextField(blank=True)

    class Meta:
        verbose_name = _("report")
        constraints = [
            models.CheckConstraint(name="report_kind_known", condition=models.Q(kind__in=ReportKind.values)),
            models.CheckConstraint(name="report_state_known", condition=models.Q(state__in=ReportState.values)),
        ]
        indexes = [
            models.Index(fields=["source", "-received_at"], name="report_by_source"),
            models.Index(fields=["state", "deadline"], name="report_by_deadline"),
        ]

    def __str__(self) -> str:
        return f"report:{self.pk}"

    def get_absolute_url(self) -> str:
        return f"/reports/{self.pk}"

    @property
    def is_overdue(self) -> bool:
        return self.deadline is not None and self.deadline < timezone.now()


class ReportEvent(models.Model):
    """A step of a report; PostgreSQL refuses to change or delete it."""

    report = models.ForeignKey(Report, models.PROTECT, related_name="events")
    at = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=15, choices=ReportState)
    # By name, as in the audit log: a person may go, the step stays.
    actor = models.CharField(max_length=42, blank=True)
    text = models.TextField(blank=True)

    class Meta:
        verbose_name = _("step of a report")
        verbose_name_plural = _("steps of reports")

    def __str__(self) -> str:
        return f"{self.report_id} {self.state}"


class Block(models.Model):
    """Something is not given out any more, because of a report, until it is lifted.

    Without `content` the whole repository; with it that content (sha256, or git's id) in the repository, or
    wherever it lies if no repository is named.
    """

    report = models.ForeignKey(Report, models.PROTECT, related_name="blocks")
    repository = models.ForeignKey(Repository, models.SET_NULL, null=True, blank=True, related_name="blocks")
    is_everywhere = models.BooleanField(default=False)
    content = models.CharField(max_length=64, blank=True)
    path = models.TextField(blank=True)
    since = models.DateTimeField(auto_now_add=True)
    lifted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("block")
        indexes = [models.Index(fields=["content"], name="block_in_force", condition=models.Q(lifted_at=None))]

    def __str__(self) -> str:
        return f"{self.report_id} {self.content or self.repository_id}"


class Tombstone(models.Model):
    """What stays at the address of a repository that was deleted by its owner but is referred to by others."""

    kind = models.CharField(max_length=7)
    full_name = models.CharField(max_length=140)
    created_at = models.DateTimeField()
    deleted_at = models.DateTimeField(auto_now_add=True)
    license = models.CharField(max_length=100, blank=True)
    versions = models.ManyToManyField(Version, related_name="tombstones")
    reports = models.ManyToManyField(Report, related_name="tombstones")

    class Meta:
        verbose_name = _("tombstone")
        indexes = [models.Index("kind", Lower("full_name"), name="tombstone_by_name")]

    def __str__(self) -> str:
        return f"{self.kind}:{self.full_name}"
