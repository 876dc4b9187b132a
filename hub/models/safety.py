"""What inspections of files found, and what owners are told."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Namespace
from hub.enums import NoticeKind, ScanStatus
from hub.models.repositories import Repository


class ScanResult(models.Model):
    """The verdict on one content under one ending, by one edition of the rules.

    `content` is the sha256 of a large file or git's id of a small one: equal bytes are looked at once,
    wherever they lie. `reasons` are [code, detail], `imports` are [module, name, level].
    """

    content = models.CharField(max_length=64)
    ending = models.CharField(max_length=16, blank=True)
    rules = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=ScanStatus)
    reasons = models.JSONField(default=list, blank=True)
    imports = models.JSONField(default=list, blank=True)
    scanned_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("result of an inspection")
        constraints = [
            models.UniqueConstraint(fields=["content", "ending", "rules"], name="scanned_once"),
            models.CheckConstraint(name="scan_status_known", condition=models.Q(status__in=ScanStatus.values)),
        ]

    def __str__(self) -> str:
        return f"{self.content} {self.status}"


class Notice(models.Model):
    """Something that the people of a name are told on its page and on that of the repository it is about."""

    namespace = models.ForeignKey(Namespace, models.CASCADE, related_name="notices")
    repository = models.ForeignKey(Repository, models.CASCADE, null=True, blank=True, related_name="notices")
    kind = models.CharField(max_length=20, choices=NoticeKind)
    # What happened, once: an event that arrives twice tells nobody twice.
    key = models.CharField(max_length=200, unique=True)
    facts = models.JSONField(default=dict, blank=True)
    address = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("notice")
        constraints = [
            models.CheckConstraint(name="notice_kind_known", condition=models.Q(kind__in=NoticeKind.values)),
        ]
        indexes = [models.Index(fields=["namespace", "-id"], name="notice_waiting", condition=models.Q(read_at=None))]

    def __str__(self) -> str:
        return self.key
