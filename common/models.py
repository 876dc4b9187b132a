"""Outbox and audit log, the two things every room writes beside its own rows; counts of requests."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class OutboxEvent(models.Model):
    """Something that happened, written in the same transaction as the change itself."""

    topic = models.CharField(max_length=100)
    key = models.CharField(max_length=200, unique=True)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    relayed_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)

    class Meta:
        verbose_name = _("event")
        indexes = [
            models.Index(fields=["id"], name="outbox_waiting", condition=models.Q(relayed_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.key}"


class OutboxDelivery(models.Model):
    """One receiver has done its work for one event. Written in the receiver's own transaction."""

    event = models.ForeignKey(OutboxEvent, models.CASCADE, related_name="deliveries")
    receiver = models.CharField(max_length=200)
    delivered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "receiver"], name="outbox_delivered_once")]

    def __str__(self) -> str:
        return f"{self.event_id} {self.receiver}"


class AuditEntry(models.Model):
    """Who did what to which thing. Never changed, never deleted (a trigger sees to it)."""

    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=200, blank=True)
    action = models.CharField(max_length=100)
    target = models.CharField(max_length=200)
    details = models.JSONField(default=dict)
    request_id = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = _("audit entry")
        indexes = [models.Index(fields=["target", "-id"]), models.Index(fields=["actor", "-id"])]

    def __str__(self) -> str:
        return f"{self.action} {self.target}"


class RequestCount(models.Model):
    """How many requests a client made in a window of time. Unlogged: a crash of the database forgets it."""

    client = models.CharField(max_length=64)
    starts_at = models.BigIntegerField()  # second of the epoch
    number = models.BigIntegerField()

    class Meta:
        verbose_name = _("count of requests")
        constraints = [models.UniqueConstraint(fields=["client", "starts_at"], name="request_count_once")]
        indexes = [models.Index(fields=["starts_at"], name="request_count_by_window")]

    def __str__(self) -> str:
        return f"{self.starts_at} {self.client[:8]}"
