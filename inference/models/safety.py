"""The policies that were in force, and what people said of their age."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class SafetyPolicy(models.Model):
    """One version of the policy, as it was put in force; the newest one is. Never changed, never deleted."""

    version = models.CharField(_("version"), max_length=40, unique=True)
    text = models.TextField(_("policy"))
    reason = models.TextField(_("reason"))
    adopted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="policies")
    adopted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("safety policy")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"policy:{self.version}"


class AgeStatement(models.Model):
    """Somebody says that they are at least `years` old. Nobody checks it; what the law asks beyond is not done here."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="age_statement")
    years = models.PositiveSmallIntegerField()
    stated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("statement of age")

    def __str__(self) -> str:
        return f"age:{self.user_id}"
