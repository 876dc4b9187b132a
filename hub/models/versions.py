"""Versions, who made them, and what they were made of."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from hub.enums import UNPAID_EVIDENCE, CreditState, EdgeKind, Evidence, names_of
from hub.models.repositories import Repository


class Version(models.Model):
    """A state of a model or data set that credits, lineage and money refer to; never changed or deleted.

    A commit becomes a version when it changes large files or the provenance; an edit of
    the card alone does not.
    """

    # The repository may be deleted; the version, its credits and what is owed for it stay.
    repository = models.ForeignKey(Repository, models.SET_NULL, null=True, blank=True, related_name="versions")
    asset = models.CharField(max_length=150)
    owner = models.CharField(max_length=42)
    number = models.PositiveIntegerField()
    commit = models.CharField(max_length=40)
    published_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    published_at = models.DateTimeField(auto_now_add=True)
    # The job that wrote it ("job:<id>"), empty when a person uploaded it.
    job = models.CharField(max_length=100, blank=True)
    recipe = models.CharField(max_length=200, blank=True)
    recipe_version = models.CharField(max_length=200, blank=True)
    metrics = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name = _("version")
        constraints = [
            models.UniqueConstraint(fields=["repository", "commit"], name="version_once"),
            models.UniqueConstraint(fields=["repository", "number"], name="version_number_once"),
        ]

    def __str__(self) -> str:
        return f"{self.asset} v{self.number}"

    @property
    def key(self) -> str:
        """How money names it: `model:ns/name@commit`, by the name it was published under."""
        return f"{self.asset}@{self.commit}"


class Credit(models.Model):
    """A person's part in a version, permanent once they have accepted it."""

    version = models.ForeignKey(Version, models.PROTECT, related_name="credits")
    user = models.ForeignKey(User, models.PROTECT, related_name="credits")
    position = models.PositiveSmallIntegerField()
    roles = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    points = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=8, choices=CreditState, default=CreditState.ASKED)
    answered_at = models.DateTimeField(null=True, blank=True)
    # Where the person was first named by their ORCID iD alone.
    mention = models.OneToOneField("hub.Mention", models.PROTECT, null=True, blank=True, related_name="credit")

    class Meta:
        verbose_name = _("credit")
        constraints = [
            models.UniqueConstraint(fields=["version", "user"], name="credit_once"),
            models.CheckConstraint(name="credit_state_known", condition=models.Q(state__in=CreditState.values)),
            models.CheckConstraint(name="credit_has_points", condition=models.Q(points__gte=1)),
        ]

    def __str__(self) -> str:
        return f"{self.version_id} {self.user_id}"

    @property
    def role_names(self) -> list[str]:
        return names_of(self.roles)


class LineageEdge(models.Model):
    """A version was made out of another repository, at a commit where that is known."""

    version = models.ForeignKey(Version, models.PROTECT, related_name="edges")
    kind = models.CharField(max_length=9, choices=EdgeKind)
    # What the author named, kept as written even when it is not kept here.
    parent_kind = models.CharField(max_length=7)
    parent_name = models.CharField(max_length=200)
    parent = models.ForeignKey(Repository, models.SET_NULL, null=True, blank=True, related_name="children")
    parent_version = models.ForeignKey(Version, models.PROTECT, null=True, blank=True, related_name="+")
    parent_commit = models.CharField(max_length=40, blank=True)
    # Whether the author named no commit, so that the parent's newest version of that moment stands in.
    pin_is_presumed = models.BooleanField(default=False)
    weight = models.PositiveIntegerField(default=1)
    evidence = models.CharField(max_length=9, choices=Evidence, default=Evidence.CLAIMED)
    confirmed_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name = _("line of descent")
        verbose_name_plural = _("lines of descent")
        constraints = [
            models.UniqueConstraint(fields=["version", "kind", "parent_kind", "parent_name"], name="edge_once"),
            models.CheckConstraint(name="edge_kind_known", condition=models.Q(kind__in=EdgeKind.values)),
            models.CheckConstraint(name="edge_evidence_known", condition=models.Q(evidence__in=Evidence.values)),
        ]

    def __str__(self) -> str:
        return f"{self.version_id} {self.kind} {self.parent_name}"

    @property
    def is_paid(self) -> bool:
        return self.parent_version_id is not None and self.evidence not in UNPAID_EVIDENCE
