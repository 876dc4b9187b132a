"""What staff changed in a call or a round after it was opened, for everybody to read."""

from django.db import models
from django.db.models import Q

from accounts.models import User
from grants.enums import ChangeKind
from grants.models.calls import Call
from grants.models.rounds import Round


class Change(models.Model):
    """One change, with its numbers, its reason, and who made it (None: the operator or the site itself).

    Never changed or deleted (a trigger sees to it).
    """

    call = models.ForeignKey(Call, models.PROTECT, null=True, blank=True, related_name="changes")
    round = models.ForeignKey(Round, models.PROTECT, null=True, blank=True, related_name="changes")
    kind = models.CharField(max_length=16, choices=ChangeKind)
    values = models.JSONField(default=dict)
    reason = models.CharField(max_length=300, blank=True)
    by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="change_of_one_thing",
                condition=Q(call__isnull=False, round__isnull=True) | Q(call__isnull=True, round__isnull=False),
            ),
            models.CheckConstraint(name="change_kind_known", condition=Q(kind__in=ChangeKind.values)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.values}"
