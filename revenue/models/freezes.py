"""Shares that are held while somebody disputes who made an asset. Rows are only ever added."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from revenue.models.closings import MonthClose
from revenue.models.ledger import Journal


class ShareFreeze(models.Model):
    """From `at` on, what an asset earns for a person (none: for everybody) is held. `key` names the dispute.

    With `sold`, only what it earns when that asset is sold or used.
    """

    key = models.CharField(max_length=100, unique=True)
    asset = models.CharField(max_length=300, db_index=True)
    sold = models.CharField(max_length=300, blank=True)
    holder = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.key


class ShareRelease(models.Model):
    """The decision: what was held goes to those it was held from, or by these points to others."""

    freeze = models.OneToOneField(ShareFreeze, models.PROTECT, related_name="release")
    # [[person, points], …]; empty: back to those it was held from.
    split = models.JSONField(default=list)
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return str(self.freeze)


class FrozenShare(models.Model):
    """An amount moved from a person's shares of one closing into what is held."""

    freeze = models.ForeignKey(ShareFreeze, models.PROTECT, related_name="shares")
    close = models.ForeignKey(MonthClose, models.PROTECT, related_name="frozen")
    holder = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    amount = models.BigIntegerField()
    at_closing = models.BooleanField(default=False, help_text="Held before the statement was written, which says so.")
    journal = models.ForeignKey(Journal, models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["journal", "holder"], name="frozen_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="frozen_amount_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.freeze_id} {self.amount}"
