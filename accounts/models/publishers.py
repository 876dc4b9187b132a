"""Programs of a build service that may publish without a secret: they show who they are."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.people import Namespace, User


class TrustedPublisher(models.Model):
    """Whoever shows an identity of this issuer with these claims may write to this repository.

    The repository is a reference, "model:ada/tiny". What is published is published for the person
    who set this up, and only as long as that person may write there.
    """

    repository = models.CharField(max_length=150)
    namespace = models.ForeignKey(Namespace, models.CASCADE, related_name="+")
    issuer = models.URLField(max_length=300)
    audience = models.CharField(max_length=300)
    claims = models.JSONField(default=dict)
    created_by = models.ForeignKey(User, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("trusted publisher")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["repository", "issuer", "audience", "claims"], name="trusted_publisher_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.repository} ← {self.issuer}"


class UsedAssertion(models.Model):
    """An identity that was shown once and must not be shown again."""

    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("used assertion")

    def __str__(self) -> str:
        return self.digest
