"""Decisions, the awards that follow from them, and the reports on those."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Namespace, User
from compute.models import Allocation
from grants.enums import DecidedBy, Outcome
from grants.models.proposals import Proposal, ProposalVersion
from grants.models.rounds import Nomination
from revenue.models import Journal


class Decision(models.Model):
    """What was decided, by which rule, from which inputs, for which reasons.

    Never changed (a trigger sees to it); a proposal on the waiting list gets a further one.
    """

    proposal = models.ForeignKey(Proposal, models.PROTECT, related_name="decisions")
    version = models.ForeignKey(ProposalVersion, models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    outcome = models.CharField(max_length=16, choices=Outcome)
    gpu_seconds = models.BigIntegerField()
    rule_name = models.CharField(max_length=40, blank=True)
    rule_version = models.PositiveIntegerField(default=0)
    rule_sha256 = models.CharField(max_length=64, blank=True)
    inputs = models.JSONField(default=dict)
    reasons = models.JSONField(default=list)
    decided_by = models.CharField(max_length=6, choices=DecidedBy)
    person = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("decision")
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["proposal", "number"], name="decision_numbered"),
            models.CheckConstraint(
                name="decision_amount_with_award",
                condition=Q(outcome__in=["awarded", "partly_awarded"], gpu_seconds__gt=0)
                | Q(outcome__in=["waiting_list", "declined"], gpu_seconds=0),
            ),
            models.CheckConstraint(
                name="decision_by_rule_or_person",
                condition=(Q(decided_by="rule", person__isnull=True) & ~Q(rule_name=""))
                | Q(decided_by="person", person__isnull=False, rule_name=""),
            ),
        ]

    def __str__(self) -> str:
        return f"decision {self.number} on proposal {self.proposal_id}"

    @property
    def is_by_rule(self) -> bool:
        return self.decided_by == DecidedBy.RULE


class Award(models.Model):
    """A public promise of compute, kept by one allocation. `amount` (micros) is set when the pool paid for it."""

    proposal = models.OneToOneField(Proposal, models.PROTECT, null=True, blank=True, related_name="award")
    nomination = models.OneToOneField(Nomination, models.PROTECT, null=True, blank=True, related_name="award")
    holder = models.ForeignKey(Namespace, models.PROTECT, related_name="awards")
    title = models.CharField(max_length=150)
    purpose = models.TextField(blank=True)
    gpu_seconds = models.BigIntegerField()
    flavor_class = models.CharField(max_length=40)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    amount = models.BigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    journal = models.OneToOneField(Journal, models.PROTECT, null=True, blank=True, related_name="+")
    allocation = models.OneToOneField(Allocation, models.PROTECT, null=True, blank=True, related_name="award")
    # When its holder ended it early; `ends_at` then says the same.
    returned_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("award")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="award_has_one_cause",
                condition=Q(proposal__isnull=False, nomination__isnull=True)
                | Q(proposal__isnull=True, nomination__isnull=False),
            ),
            models.CheckConstraint(name="award_positive", condition=Q(gpu_seconds__gt=0)),
            models.CheckConstraint(
                name="award_paid_by_pool_when_community",
                condition=Q(nomination__isnull=True, amount__isnull=True) | Q(nomination__isnull=False, amount__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        """How the rooms to the left call this award."""
        return f"award:{self.pk}"

    def get_absolute_url(self) -> str:
        return f"/awards/{self.pk}"

    def is_open(self, at: datetime | None = None) -> bool:
        return self.ends_at > (at or timezone.now())

    @property
    def is_open_now(self) -> bool:
        return self.is_open()


class AwardReturn(models.Model):
    """GPU-seconds of an award that expired unused and went back, once per expiry. Never changed (a trigger sees to it).

    Where the pool paid, `amount` (micros) went back to it by `journal`.
    """

    award = models.ForeignKey(Award, models.PROTECT, related_name="returns")
    gpu_seconds = models.BigIntegerField()
    amount = models.BigIntegerField(null=True, blank=True)
    journal = models.OneToOneField(Journal, models.PROTECT, null=True, blank=True, related_name="+")
    # The reference of the expiry in the allocation's account.
    key = models.CharField(max_length=200, unique=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(name="award_return_positive", condition=Q(gpu_seconds__gt=0)),
            models.CheckConstraint(
                name="award_return_of_money",
                condition=Q(amount__isnull=True, journal__isnull=True) | Q(amount__gt=0, journal__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.key


class Report(models.Model):
    """What came of an award, told by those who held it. Public."""

    award = models.OneToOneField(Award, models.PROTECT, related_name="report")
    text = models.TextField(_("report"), max_length=10_000)
    author = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"report on {self.award_id}"
