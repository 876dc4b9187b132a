"""Rights that were sold, their certificates, and the list of those that no longer hold."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Namespace
from common.ids import hex_id
from hub.models import Repository
from licensing.enums import GrantState, RevocationReason
from licensing.models.offers import Offer
from licensing.models.orders import Order


class GrantOfUse(models.Model):
    """A holder may use a product commercially, from a moment to another. One per paid licence order."""

    order = models.OneToOneField(Order, models.PROTECT, related_name="grant")
    offer = models.ForeignKey(Offer, models.PROTECT, related_name="grants")
    holder = models.ForeignKey(Namespace, models.PROTECT, related_name="+")
    repository = models.ForeignKey(Repository, models.SET_NULL, null=True, related_name="grants_of_use")
    product = models.CharField(max_length=150)
    versions = models.JSONField(default=list)
    state = models.CharField(max_length=8, choices=GrantState, default=GrantState.ACTIVE)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    shows_holder = models.BooleanField(_("the certificate's page names the holder"), default=False)

    class Meta:
        verbose_name = _("grant of use")
        constraints = [
            models.CheckConstraint(condition=Q(state__in=GrantState.values), name="grant_state_known"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="grant_has_a_term"),
        ]
        indexes = [models.Index(fields=["holder", "repository", "state"], name="grant_by_holder")]

    def __str__(self) -> str:
        return f"grant:{self.pk}"

    @property
    def holds(self) -> bool:
        """Whether it permits anything at this moment."""
        return self.state == GrantState.ACTIVE and self.starts_at <= timezone.now() < self.ends_at

    @property
    def product_name(self) -> str:
        return self.product.partition(":")[2]


class Certificate(models.Model):
    """A signed statement of a grant, as it was given out. Never changed (a trigger sees to it)."""

    jti = models.CharField(primary_key=True, max_length=24, default=hex_id)
    grant = models.OneToOneField(GrantOfUse, models.PROTECT, related_name="certificate")
    jws = models.TextField()
    issued_at = models.DateTimeField()

    class Meta:
        verbose_name = _("certificate")

    def __str__(self) -> str:
        return self.jti

    def get_absolute_url(self) -> str:
        return f"/licences/certificates/{self.jti}"


class Revocation(models.Model):
    """A line of the public revocation list. Numbers have no gaps, lines are never taken back."""

    seq = models.PositiveIntegerField(primary_key=True)
    certificate = models.OneToOneField(Certificate, models.PROTECT, related_name="revocation")
    reason = models.CharField(max_length=8, choices=RevocationReason)
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("revocation")
        constraints = [
            models.CheckConstraint(condition=Q(seq__gte=1), name="revocation_from_one"),
            models.CheckConstraint(condition=Q(reason__in=RevocationReason.values), name="revocation_reason_known"),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.certificate_id}"
