"""Requests of rights-holders to leave something out of a data set."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub.enums import MatchKind, OptOutState
from hub.models.repositories import Repository


class OptOut(models.Model):
    """A request about a data set. Its id is its public number; `key` proves who made it."""

    key = models.CharField(max_length=40, unique=True)
    repository = models.ForeignKey(Repository, models.SET_NULL, null=True, blank=True, related_name="opt_outs")
    asset = models.CharField(max_length=150)
    statement = models.TextField()
    contact = models.EmailField(blank=True)
    requester = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    source = models.CharField(max_length=64, blank=True)
    state = models.CharField(_("state"), max_length=12, choices=OptOutState, default=OptOutState.RECEIVED)
    deadline = models.DateTimeField(null=True, blank=True)
    overdue_since = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True)

    class Meta:
        verbose_name = _("opt-out request")
        constraints = [
            models.CheckConstraint(name="opt_out_state_known", condition=models.Q(state__in=OptOutState.values)),
        ]
        indexes = [
            models.Index(fields=["source", "-received_at"], name="opt_out_by_source"),
            models.Index(fields=["state", "deadline"], name="opt_out_by_deadline"),
        ]

    def __str__(self) -> str:
        return f"opt-out:{self.pk}"

    def get_absolute_url(self) -> str:
        return f"/opt-outs/{self.pk}"

    @property
    def is_overdue(self) -> bool:
        return self.deadline is not None and self.deadline < timezone.now()


class OptOutMatch(models.Model):
    """One thing that a request names."""

    request = models.ForeignKey(OptOut, models.CASCADE, related_name="matches")
    kind = models.CharField(max_length=6, choices=MatchKind)
    value = models.CharField(max_length=1000)

    class Meta:
        verbose_name = _("what is to be left out")
        constraints = [
            models.UniqueConstraint(fields=["request", "kind", "value"], name="match_once"),
            models.CheckConstraint(name="match_kind_known", condition=models.Q(kind__in=MatchKind.values)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


class OptOutEvent(models.Model):
    """A step of a request; PostgreSQL refuses to change or delete it."""

    request = models.ForeignKey(OptOut, models.PROTECT, related_name="events")
    at = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=12, choices=OptOutState)
    actor = models.CharField(max_length=42, blank=True)
    text = models.TextField(blank=True)

    class Meta:
        verbose_name = _("step of an opt-out request")
        verbose_name_plural = _("steps of opt-out requests")

    def __str__(self) -> str:
        return f"{self.request_id} {self.state}"
