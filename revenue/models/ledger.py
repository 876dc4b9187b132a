"""The double-entry ledger. Rows are only ever added; migration 0002 makes PostgreSQL see to it."""

from django.conf import settings
from django.db import models

from accounts.models import Namespace
from revenue.enums import AccountKind, AccountName, JournalKind


class Account(models.Model):
    """One account in one currency. Sub-accounts name the person, customer or closing they belong to."""

    code = models.CharField(max_length=200)
    currency = models.CharField(max_length=3)
    name = models.CharField(max_length=30, choices=AccountName)
    kind = models.CharField(max_length=10, choices=AccountKind)
    guarded = models.BooleanField(help_text="The balance never falls below zero.")
    holder = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="share_accounts", db_index=True
    )
    namespace = models.ForeignKey(Namespace, models.PROTECT, null=True, related_name="+")
    close = models.ForeignKey("revenue.MonthClose", models.PROTECT, null=True, related_name="accounts")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["code", "currency"], name="account_once"),
            # What the entries' foreign key (account, currency) points to.
            models.UniqueConstraint(fields=["id", "currency"], name="account_has_one_currency"),
            models.CheckConstraint(condition=models.Q(currency__regex="^[a-z]{3}$"), name="account_currency"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.currency}"


class Journal(models.Model):
    """One event in the books: `legs` entries that sum to zero. `key` makes it happen once."""

    key = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=12, choices=JournalKind)
    effective = models.DateTimeField(help_text="The moment it counts for; never in a closed period.")
    posted_at = models.DateTimeField(auto_now_add=True)
    legs = models.PositiveIntegerField()
    reverses = models.OneToOneField("self", models.PROTECT, null=True, related_name="reversed_by")
    memo = models.JSONField(default=dict)
    content = models.CharField(max_length=64, help_text="SHA-256 of what the poster asked for.")
    posted_by = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(legs__gte=2), name="journal_has_two_legs")]
        indexes = [models.Index(fields=["kind", "effective"], name="journal_by_kind")]

    def __str__(self) -> str:
        return self.key


class Entry(models.Model):
    """One leg: micros, + for debit and - for credit."""

    journal = models.ForeignKey(Journal, models.PROTECT, related_name="entries")
    account = models.ForeignKey(Account, models.PROTECT, related_name="entries")
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)

    class Meta:
        verbose_name_plural = "entries"
        constraints = [models.CheckConstraint(condition=~models.Q(amount=0), name="ledger_entry_moves_something")]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


class Balance(models.Model):
    """The balance of a guarded account, the natural way round. A trigger on entries is its only writer."""

    account = models.OneToOneField(Account, models.PROTECT, primary_key=True, related_name="balance")
    amount = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(amount__gte=0), name="balance_not_below_zero")]

    def __str__(self) -> str:
        return str(self.amount)


class PeriodLock(models.Model):
    """Nothing may be booked at or before this moment any more."""

    closed_through = models.DateTimeField(unique=True)
    at = models.DateTimeField(auto_now_add=True)
    by = models.CharField(max_length=200, blank=True)

    class Meta:
        get_latest_by = "closed_through"

    def __str__(self) -> str:
        return self.closed_through.isoformat()


class HashBlock(models.Model):
    """The fingerprint of a run of journals, chained to the block before it, signed."""

    sequence = models.PositiveIntegerField(unique=True)
    after_journal = models.BigIntegerField(help_text="The last journal of the block before; 0 for the first block.")
    last_journal = models.BigIntegerField(unique=True)
    journals = models.PositiveIntegerField()
    previous = models.CharField(max_length=64)
    sha256 = models.CharField(max_length=64)
    signature = models.TextField()
    sealed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(last_journal__gt=models.F("after_journal"), journals__gt=0),
                name="block_holds_journals",
            )
        ]
        ordering = ["sequence"]

    def __str__(self) -> str:
        return f"block {self.sequence}"
