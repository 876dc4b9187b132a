"""Closed periods: what counted, who got what, and the signed statement of it."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from revenue.enums import ShareRole
from revenue.models.sales import RevenueLine


class MonthClose(models.Model):
    """One closing of one currency. A month that was closed early has several, numbered by `sequence`."""

    year = models.PositiveIntegerField()
    month = models.PositiveIntegerField()
    sequence = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    opened_after = models.DateTimeField(null=True, help_text="The closing before it; empty for the first.")
    closed_through = models.DateTimeField()
    net = models.BigIntegerField()
    pool = models.BigIntegerField()
    creators = models.BigIntegerField(help_text="What people get.")
    awards = models.BigIntegerField(help_text="What the community award pool gets.")
    beneficiaries = models.PositiveIntegerField()
    rule = models.CharField(max_length=40)
    rule_sha256 = models.CharField(max_length=64)
    inputs_sha256 = models.CharField(max_length=64)
    due_at = models.DateTimeField()
    at = models.DateTimeField(auto_now_add=True)
    by = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["year", "month", "sequence", "currency"], name="closing_once"),
            models.CheckConstraint(condition=Q(month__gte=1, month__lte=12), name="closing_month"),
            models.CheckConstraint(
                condition=Q(net__gte=0, pool=F("net") / 10, creators__gte=0) & Q(pool=F("creators") + F("awards")),
                name="closing_adds_up",
            ),
        ]
        ordering = ["year", "month", "sequence", "currency"]

    def __str__(self) -> str:
        return f"{self.period} {self.currency}"

    @property
    def period(self) -> str:
        return f"{self.year:04d}-{self.month:02d}.{self.sequence}"


class ClosedLine(models.Model):
    """A line of revenue belongs to this closing, with what was left of it then."""

    close = models.ForeignKey(MonthClose, models.PROTECT, related_name="lines")
    line = models.OneToOneField(RevenueLine, models.PROTECT, related_name="closed")
    base = models.BigIntegerField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(base__gte=0), name="closed_line_base")]

    def __str__(self) -> str:
        return f"{self.line_id} in {self.close_id}"


class ShareAllocation(models.Model):
    """The part of the pool that one asset of one line earned for one person (none: the award pool)."""

    closed_line = models.ForeignKey(ClosedLine, models.PROTECT, related_name="allocations")
    asset = models.CharField(max_length=300, blank=True)
    role = models.CharField(max_length=10, choices=ShareRole)
    beneficiary = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    weight = models.BigIntegerField(help_text="Parts of 10^12 of the line.")
    amount = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(weight__gte=0, amount__gt=0), name="allocation_amounts"),
        ]

    def __str__(self) -> str:
        return f"{self.asset} {self.amount}"


class Statement(models.Model):
    """What one person earned in one closing: the exact bytes, their hash, and a signature over it."""

    close = models.ForeignKey(MonthClose, models.PROTECT, related_name="statements")
    beneficiary = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="statements")
    amount = models.BigIntegerField()
    repaid = models.BigIntegerField(default=0, help_text="Used to settle what earlier refunds left open.")
    body = models.TextField()
    sha256 = models.CharField(max_length=64)
    signature = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["close", "beneficiary"], name="statement_once"),
            models.CheckConstraint(
                condition=Q(amount__gt=0, repaid__gte=0, repaid__lte=F("amount")), name="statement_amounts"
            ),
        ]
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        return f"{self.close.period}-{self.close.currency}-{self.beneficiary_id}"

    def get_absolute_url(self) -> str:
        return reverse("statement", args=[self.pk])
