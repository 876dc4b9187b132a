"""Webhooks: who wants to be told of what, where, and what came of telling them."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now
from django.utils.translation import gettext_lazy as _

from accounts.models import Namespace
from common.ids import hex_id
from hub.enums import DeliveryState, Domain, WatchedKind


class Webhook(models.Model):
    """Events of what it watches are posted to `url`. The secret is sealed: it has to be sent, so no hash will do."""

    key = models.CharField(max_length=24, unique=True, default=hex_id)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="webhooks")
    url = models.CharField(_("address"), max_length=2000)
    sealed_secret = models.TextField(blank=True)
    domains = ArrayField(models.CharField(max_length=10, choices=Domain), default=list)
    is_disabled = models.BooleanField(default=False)
    disabled_reason = models.CharField(max_length=300, blank=True)
    # Deliveries given up in a row.
    failures = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        constraints = [
            models.CheckConstraint(
                name="webhook_domains_known", condition=Q(domains__contained_by=Domain.values) & ~Q(domains=[])
            )
        ]
        indexes = [models.Index(fields=["user", "id"], name="webhook_by_user")]

    def __str__(self) -> str:
        return f"webhook:{self.key}"


class WatchedName(models.Model):
    """A person, organisation or repository by name. It may name nothing yet, or nothing that its owner sees."""

    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="watched")
    kind = models.CharField(max_length=7, choices=WatchedKind)
    name = models.CharField(max_length=140)

    class Meta:
        verbose_name = _("watched name")
        verbose_name_plural = _("watched names")
        constraints = [
            models.UniqueConstraint("webhook", "kind", Lower("name"), name="watched_once"),
            models.CheckConstraint(name="watched_kind_known", condition=Q(kind__in=WatchedKind.values)),
        ]
        indexes = [models.Index("kind", Lower("name"), name="watched_by_name")]

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


class WebhookDelivery(models.Model):
    """One event on its way to one webhook. Receivers see `key`, the same at every attempt."""

    key = models.CharField(max_length=24, unique=True, default=hex_id)
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=200)
    action = models.CharField(max_length=10)
    scope = models.CharField(max_length=30)
    # What decides who may be told, also when the repository is gone by then.
    repository = models.BigIntegerField()
    namespace = models.ForeignKey(Namespace, models.CASCADE, related_name="+")
    was_private = models.BooleanField()
    repository_name = models.CharField(max_length=140)
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=9, choices=DeliveryState, default=DeliveryState.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(db_default=Now())
    # A worker is at it until then; if it dies, another one follows.
    claimed_until = models.DateTimeField(null=True, blank=True)
    status = models.PositiveIntegerField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event"], name="delivery_once"),
            models.CheckConstraint(name="delivery_state_known", condition=Q(state__in=DeliveryState.values)),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], name="delivery_due", condition=Q(state="waiting")),
            models.Index(fields=["webhook", "-id"], name="delivery_by_webhook"),
            models.Index(fields=["created_at"], name="delivery_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.webhook_id} {self.event}"
