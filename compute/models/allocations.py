"""Allocations of GPU-seconds and their append-only account."""

from django.db import models
from django.db.models import Q, Sum
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Namespace, User
from compute.enums import ACCOUNTS, AllocationState, EntryKind


def _balance(account: str) -> Combinable:
    into = [kind for kind, (_source, target) in ACCOUNTS.items() if target == account]
    out_of = [kind for kind, (source, _target) in ACCOUNTS.items() if source == account]
    total = Coalesce(Sum("entries__amount", filter=Q(entries__kind__in=into)), 0)
    if not out_of:
        return total
    return total - Coalesce(Sum("entries__amount", filter=Q(entries__kind__in=out_of)), 0)


class AllocationQuerySet(models.QuerySet["Allocation"]):
    def with_balances(self) -> "AllocationQuerySet":
        """Adds `available`, `reserved`, `used` and `expired`, in GPU-seconds, summed from the entries."""
        return self.annotate(**{name: _balance(name) for name in ("available", "reserved", "used", "expired")})


class Allocation(models.Model):
    """GPU-seconds of one flavor class that a person or organisation may use within a period.

    `reference` says where it comes from ("award:17") and makes opening it idempotent.
    """

    holder = models.ForeignKey(Namespace, models.PROTECT, related_name="allocations")
    flavor_class = models.SlugField(_("class"), max_length=40)
    granted = models.BigIntegerField(_("granted"))
    starts_at = models.DateTimeField(_("starts"))
    ends_at = models.DateTimeField(_("ends"))
    reference = models.CharField(_("reference"), max_length=200, unique=True)
    state = models.CharField(max_length=10, choices=AllocationState, default=AllocationState.OPEN)
    notified = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AllocationQuerySet.as_manager()

    class Meta:
        verbose_name = _("allocation")
        indexes = [models.Index(fields=["holder", "flavor_class", "ends_at"])]
        constraints = [
            models.CheckConstraint(name="allocation_grants_something", condition=Q(granted__gt=0)),
            models.CheckConstraint(name="allocation_has_a_period", condition=Q(ends_at__gt=models.F("starts_at"))),
            models.CheckConstraint(name="allocation_state_known", condition=Q(state__in=AllocationState.values)),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.flavor_class}"

    def get_absolute_url(self) -> str:
        return reverse("allocation", args=[self.pk])


class AllocationMember(models.Model):
    """Somebody beside its holder who may spend an allocation, under their own name, until they are taken off.

    The row stays afterwards: it says by what right their jobs were paid.
    """

    allocation = models.ForeignKey(Allocation, models.PROTECT, related_name="members")
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("member of an allocation")
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["allocation", "user"], name="allocation_member_once")]

    def __str__(self) -> str:
        return f"{self.allocation_id} {self.user_id}"


class GpuSecondEntry(models.Model):
    """One movement of GPU-seconds inside an allocation. Never changed, never deleted (a trigger sees to it).

    `reference` names the reservation ("job:…") that reserve, settle and release rows share.
    """

    allocation = models.ForeignKey(Allocation, models.PROTECT, related_name="entries")
    kind = models.CharField(max_length=8, choices=EntryKind)
    amount = models.BigIntegerField(_("GPU-seconds"))
    reference = models.CharField(max_length=200)
    key = models.CharField(max_length=220, unique=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("entry")
        ordering = ["id"]
        indexes = [models.Index(fields=["reference"]), models.Index(fields=["kind", "at"])]
        constraints = [
            models.CheckConstraint(name="entry_moves_something", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="entry_kind_known", condition=Q(kind__in=EntryKind.values)),
        ]

    def __str__(self) -> str:
        return self.key
