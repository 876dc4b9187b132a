"""What surrounds credits: people named from outside, seals, sponsors, disputes. Rows are only ever added,
but for the state of a dispute."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Namespace, User
from hub.enums import DisputeState, DisputeVerb, Matter, names_of
from hub.models.versions import Credit, LineageEdge, Version


class Mention(models.Model):
    """Somebody who is not on this site, by name and ORCID iD. Earns nothing before they claim it as a credit."""

    version = models.ForeignKey(Version, models.PROTECT, related_name="mentions")
    name = models.CharField(max_length=200)
    orcid = models.CharField(max_length=19, blank=True)
    position = models.PositiveSmallIntegerField()
    roles = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    points = models.PositiveIntegerField(default=1)

    class Meta:
        verbose_name = _("mention")
        constraints = [
            models.UniqueConstraint(fields=["version", "orcid"], condition=~Q(orcid=""), name="mention_once"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def role_names(self) -> list[str]:
        return names_of(self.roles)


class CreditSeal(models.Model):
    """The accepted credits of a version at one moment: exact bytes, hash, signature, chained to the seal before."""

    version = models.ForeignKey(Version, models.PROTECT, related_name="seals")
    sequence = models.PositiveIntegerField()
    body = models.TextField()
    sha256 = models.CharField(max_length=64)
    signature = models.TextField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "sequence"], name="seal_once")]
        ordering = ["sequence"]

    def __str__(self) -> str:
        return self.sha256


class Sponsor(models.Model):
    """Who paid the compute of the job that made a version. Not a credit, and never becomes one by itself."""

    version = models.ForeignKey(Version, models.PROTECT, related_name="sponsors")
    namespace = models.ForeignKey(Namespace, models.PROTECT, related_name="+")
    name = models.CharField(max_length=42)
    job = models.CharField(max_length=100)
    # Where the compute came from ("award:17").
    source = models.CharField(max_length=200, blank=True)
    gpu_seconds = models.BigIntegerField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("sponsor of compute")
        constraints = [
            models.UniqueConstraint(fields=["version", "job"], name="sponsor_once"),
            models.CheckConstraint(condition=Q(gpu_seconds__gte=0), name="sponsor_amount"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.job}"


class Dispute(models.Model):
    """Somebody says that a credit or a line of descent is wrong. `proposal` is how the credits should read."""

    version = models.ForeignKey(Version, models.PROTECT, related_name="disputes")
    matter = models.CharField(max_length=7, choices=Matter)
    credit = models.ForeignKey(Credit, models.PROTECT, null=True, blank=True, related_name="disputes")
    edge = models.ForeignKey(LineageEdge, models.PROTECT, null=True, blank=True, related_name="disputes")
    opened_by = models.ForeignKey(User, models.PROTECT, related_name="disputes")
    opened_at = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=8, choices=DisputeState, default=DisputeState.OPEN)
    # [{"user": id, "roles": […], "points": n}, …] in order; empty when nobody has proposed anything.
    proposal = models.JSONField(default=list, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("dispute")
        constraints = [
            # Who lost a dispute does not open it again; others may.
            models.UniqueConstraint(
                fields=["version", "matter", "credit", "edge", "opened_by"],
                nulls_distinct=False,
                name="dispute_once",
            ),
            models.CheckConstraint(condition=Q(state__in=DisputeState.values), name="dispute_state_known"),
            models.CheckConstraint(
                condition=Q(matter=Matter.WRONG, credit__isnull=False) | ~Q(matter=Matter.WRONG),
                name="dispute_names_credit",
            ),
            models.CheckConstraint(
                condition=Q(matter=Matter.EDGE, edge__isnull=False) | ~Q(matter=Matter.EDGE) & Q(edge__isnull=True),
                name="dispute_names_edge",
            ),
        ]
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"dispute:{self.pk}"

    def get_absolute_url(self) -> str:
        """Not below the repository: that may go while a share is still held."""
        return f"/disputes/{self.pk}"

    @property
    def is_alive(self) -> bool:
        return DisputeState(self.state).is_alive


class DisputeEvent(models.Model):
    """One step of a dispute."""

    dispute = models.ForeignKey(Dispute, models.PROTECT, related_name="events")
    verb = models.CharField(max_length=9, choices=DisputeVerb)
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    text = models.TextField(blank=True)
    proposal_sha256 = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.dispute_id} {self.verb}"


class CreditCorrection(models.Model):
    """A credit as a dispute left it. From then on these count instead of what was accepted, which stays on record."""

    dispute = models.ForeignKey(Dispute, models.PROTECT, related_name="corrections")
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField()
    roles = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    points = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dispute", "user"], name="correction_once"),
            models.CheckConstraint(condition=Q(points__gte=1), name="correction_has_points"),
        ]
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return f"{self.dispute_id} {self.user_id}"

    @property
    def role_names(self) -> list[str]:
        return names_of(self.roles)
