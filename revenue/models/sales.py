"""What was sold, given back and earned. Append-only, like the ledger it explains."""

from django.db import models
from django.db.models import F, Q

from accounts.models import Namespace
from revenue.enums import LineKind, SaleKind
from revenue.models.ledger import Journal


class AttributionSnapshot(models.Model):
    """A lineage as it stood when something was sold, kept once per distinct content."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    graph = models.JSONField()

    def __str__(self) -> str:
        return self.sha256


class Sale(models.Model):
    """Money that came in. `reference` is the seller's own key: an order, a checkout."""

    reference = models.CharField(max_length=150, unique=True)
    kind = models.CharField(max_length=10, choices=SaleKind)
    customer = models.ForeignKey(Namespace, models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3)
    gross = models.BigIntegerField()
    tax = models.BigIntegerField()
    fee = models.BigIntegerField()
    at = models.DateTimeField()
    asset = models.CharField(max_length=300, blank=True)
    snapshot = models.ForeignKey(AttributionSnapshot, models.PROTECT, null=True, related_name="+")
    journal = models.OneToOneField(Journal, models.PROTECT, related_name="sale")
    by = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(gross__gt=0, tax__gte=0, fee__gte=0) & Q(tax__lt=F("gross")), name="sale_amounts"
            )
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def net(self) -> int:
        return self.gross - self.tax


class SaleReversal(models.Model):
    """Money that went back: a refund or a lost dispute."""

    sale = models.ForeignKey(Sale, models.PROTECT, related_name="reversals")
    key = models.CharField(max_length=150, unique=True)
    amount = models.BigIntegerField()
    tax = models.BigIntegerField()
    fee_back = models.BigIntegerField()
    reason = models.CharField(max_length=300)
    at = models.DateTimeField()
    journal = models.OneToOneField(Journal, models.PROTECT, related_name="sale_reversal")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0, tax__gte=0, fee_back__gte=0), name="sale_reversal_amounts")
        ]

    def __str__(self) -> str:
        return self.key


class SaleFee(models.Model):
    """What the processor kept of a sale and told us only after it was booked: a late fee, the fee of a dispute."""

    sale = models.ForeignKey(Sale, models.PROTECT, related_name="late_fees")
    key = models.CharField(max_length=150, unique=True)
    amount = models.BigIntegerField()
    at = models.DateTimeField()
    journal = models.OneToOneField(Journal, models.PROTECT, related_name="sale_fee")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(amount__gt=0), name="sale_fee_positive")]

    def __str__(self) -> str:
        return self.key


class RevenueLine(models.Model):
    """Net revenue and what earned it: a licence sold, or credits spent. Negative when it is taken back.

    `mirrored`: the line it takes back was closed already, so the shares were taken back at once
    and no later closing counts it.
    """

    kind = models.CharField(max_length=10, choices=LineKind)
    effective = models.DateTimeField(db_index=True)
    currency = models.CharField(max_length=3)
    net = models.BigIntegerField()
    customer = models.ForeignKey(Namespace, models.PROTECT, related_name="+")
    asset = models.CharField(max_length=300, blank=True)
    snapshot = models.ForeignKey(AttributionSnapshot, models.PROTECT, null=True, related_name="lines")
    journal = models.ForeignKey(Journal, models.PROTECT, related_name="lines")
    sale = models.ForeignKey(Sale, models.PROTECT, null=True, related_name="lines")
    reverses = models.ForeignKey("self", models.PROTECT, null=True, related_name="reversals")
    mirrored = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(reverses__isnull=True, net__gt=0, mirrored=False) | Q(reverses__isnull=False, net__lt=0),
                name="line_earns_or_takes_back",
            )
        ]
        indexes = [models.Index(fields=["customer", "currency", "-id"], name="line_by_customer")]

    def __str__(self) -> str:
        return f"{self.kind} {self.net} {self.currency}"
