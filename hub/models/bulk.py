"""Leave to download in bulk: a token with a budget of bytes for each day."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import AccessToken, User


class BulkGrant(models.Model):
    """A person said what for, and got a token that reads what is public, so many bytes a day."""

    user = models.ForeignKey(User, models.CASCADE, related_name="bulk_grants")
    token = models.OneToOneField(AccessToken, models.CASCADE, related_name="bulk_grant")
    purpose = models.CharField(_("purpose"), max_length=500)
    daily_bytes = models.BigIntegerField(_("bytes a day"))
    created_at = models.DateTimeField(auto_now_add=True)
    # Staff who allowed other than the rule gives; empty: the rule decided.
    changed_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name = _("leave to download in bulk")
        verbose_name_plural = _("leaves to download in bulk")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(name="bulk_budget_positive", condition=models.Q(daily_bytes__gte=1)),
        ]

    def __str__(self) -> str:
        return f"bulk:{self.pk}"

    @property
    def holds(self) -> bool:
        token = self.token
        return token.revoked_at is None and (token.expires_at is None or token.expires_at > timezone.now())


class BulkUsage(models.Model):
    """Bytes sent under a grant on one day (UTC)."""

    grant = models.ForeignKey(BulkGrant, models.CASCADE, related_name="usage")
    day = models.DateField()
    bytes = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("bytes of a day")
        ordering = ["-day"]
        constraints = [
            models.UniqueConstraint(fields=["grant", "day"], name="bulk_usage_once_a_day"),
            models.CheckConstraint(name="bulk_usage_not_negative", condition=models.Q(bytes__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.grant_id} {self.day}"
