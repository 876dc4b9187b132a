"""Community rounds: a part of the award pool, nominations for it, and the panel's scores."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Namespace, User
from compute.models import Flavor
from grants.enums import NominationState, SubjectKind


class Round(models.Model):
    """Money in micros of `currency`; `flavor` is what the awards buy, at its published price."""

    slug = models.SlugField(max_length=60, unique=True)
    title = models.CharField(_("title"), max_length=120)
    summary = models.TextField(_("summary"), blank=True)
    currency = models.CharField(_("currency"), max_length=3)
    budget = models.BigIntegerField(_("budget"))
    cap_permille = models.PositiveIntegerField(_("cap per project, in thousandths of the budget"), default=125)
    seats = models.PositiveIntegerField(_("number of awards"), default=5)
    least_scores = models.PositiveIntegerField(_("least number of scores"), default=2)
    least_mean = models.PositiveSmallIntegerField(_("least mean"), default=3)
    flavor = models.ForeignKey(Flavor, models.PROTECT, related_name="+", verbose_name=_("flavor"))
    award_days = models.PositiveIntegerField(_("days to use an award"), default=90)
    opens_at = models.DateTimeField(_("opens"))
    closes_at = models.DateTimeField(_("closes"))
    rule_version = models.PositiveIntegerField()
    panel = models.ManyToManyField(User, related_name="+", blank=True, verbose_name=_("panel"))
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("community round")
        ordering = ["-opens_at", "-id"]
        constraints = [
            models.CheckConstraint(name="round_budget_positive", condition=Q(budget__gt=0)),
            models.CheckConstraint(
                name="round_cap_is_a_part", condition=Q(cap_permille__gte=1, cap_permille__lte=1000)
            ),
            models.CheckConstraint(name="round_closes_later", condition=Q(closes_at__gt=models.F("opens_at"))),
        ]

    def __str__(self) -> str:
        return self.title

    def is_open(self, at: datetime | None = None) -> bool:
        """Whether nominations and scores are taken."""
        at = at or timezone.now()
        return self.opens_at <= at < self.closes_at and not self.is_decided

    def is_over(self, at: datetime | None = None) -> bool:
        """Whether the time for nominations and scores has passed, so that it can be decided."""
        return self.closes_at <= (at or timezone.now())

    @property
    def is_over_now(self) -> bool:
        return self.is_over()

    @property
    def is_open_now(self) -> bool:
        return self.is_open()

    @property
    def is_decided(self) -> bool:
        return hasattr(self, "decision")

    @property
    def cap(self) -> int:
        """The most that one project may get, in micros."""
        return self.budget * self.cap_permille // 1000

    def get_absolute_url(self) -> str:
        return f"/grants/rounds/{self.slug}"


class Nomination(models.Model):
    """Something that should be funded, proposed by a member in one line, once its holder agrees.

    `subject` is `model:ns/name`, `dataset:ns/name` or `proposal:<number>`; `holder` gets the award.
    `answered_at` is empty for those of before holders were asked, whose awards owe no report.
    """

    round = models.ForeignKey(Round, models.PROTECT, related_name="nominations")
    kind = models.CharField(max_length=10, choices=SubjectKind)
    subject = models.CharField(max_length=120)
    holder = models.ForeignKey(Namespace, models.PROTECT, related_name="nominations")
    nominator = models.ForeignKey(User, models.PROTECT, related_name="+")
    why = models.CharField(_("why"), max_length=280)
    asked_gpu_seconds = models.BigIntegerField(_("asked"))
    state = models.CharField(max_length=10, choices=NominationState, default=NominationState.ASKED)
    answered_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("nomination")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["round", "subject"], condition=Q(state__in=["asked", "confirmed"]), name="nominated_once"
            ),
            models.UniqueConstraint(
                fields=["round", "holder"],
                condition=Q(state="confirmed", answered_at__isnull=False),
                name="nomination_one_per_holder",
            ),
            models.CheckConstraint(name="nomination_state_known", condition=Q(state__in=NominationState.values)),
            models.CheckConstraint(name="nomination_asks", condition=Q(asked_gpu_seconds__gt=0)),
        ]

    def __str__(self) -> str:
        return self.subject

    @property
    def name(self) -> str:
        """The subject as people write it."""
        return self.subject.partition(":")[2]

    @property
    def is_confirmed(self) -> bool:
        return self.state == NominationState.CONFIRMED

    def get_absolute_url(self) -> str:
        return f"/grants/nominations/{self.pk}"


class NominationScore(models.Model):
    """One panel member's score, 1 to 5. Shown to nobody else before the decision, and never with the name."""

    nomination = models.ForeignKey(Nomination, models.PROTECT, related_name="scores")
    reviewer = models.ForeignKey(User, models.PROTECT, related_name="+")
    score = models.PositiveSmallIntegerField()
    at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["nomination", "reviewer"], name="nomination_scored_once"),
            models.CheckConstraint(name="nomination_score_range", condition=Q(score__gte=1, score__lte=5)),
        ]

    def __str__(self) -> str:
        return f"{self.nomination_id} {self.score}"


class RoundDecision(models.Model):
    """The rule's verdict on a whole round. Never changed (a trigger sees to it)."""

    round = models.OneToOneField(Round, models.PROTECT, related_name="decision")
    rule_name = models.CharField(max_length=40)
    rule_version = models.PositiveIntegerField()
    rule_sha256 = models.CharField(max_length=64)
    inputs = models.JSONField()
    results = models.JSONField()
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"decision on round {self.round_id}"
