"""What people ask for, who signs it, what was handed in, and what reviewers said."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Namespace, User
from grants.enums import Outcome, ProposalState, ReviewState, TeamState
from grants.models.calls import Call

SIGNING_DAYS = 7


class Proposal(models.Model):
    """A request for compute. `holder` is the name that would own the award."""

    call = models.ForeignKey(Call, models.PROTECT, related_name="proposals")
    applicant = models.ForeignKey(User, models.PROTECT, related_name="proposals")
    holder = models.ForeignKey(Namespace, models.PROTECT, related_name="proposals")
    key = models.CharField(max_length=100, null=True, blank=True)  # noqa: DJ001 - NULL is "no key", never equal
    title = models.CharField(_("title"), max_length=150)
    abstract = models.TextField(_("abstract"), blank=True, max_length=5000)
    answers = models.JSONField(default=dict, blank=True)
    asked_gpu_seconds = models.BigIntegerField(_("asked"), default=0)
    publishes_openly = models.BooleanField(_("publishes openly"), default=False)
    state = models.CharField(_("state"), max_length=12, choices=ProposalState, default=ProposalState.DRAFT)
    outcome = models.CharField(_("outcome"), max_length=16, choices=Outcome, blank=True)
    note = models.TextField(_("what to change"), blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    changes_until = models.DateTimeField(_("changes until"), null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    announced_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("proposal")
        ordering = ["-id"]
        indexes = [models.Index(fields=["call", "outcome", "decided_at"], name="proposal_waiting")]
        constraints = [
            models.UniqueConstraint(fields=["applicant", "key"], name="proposal_key_once"),
            models.CheckConstraint(name="proposal_state_known", condition=Q(state__in=ProposalState.values)),
            models.CheckConstraint(name="proposal_asks_no_less_than_0", condition=Q(asked_gpu_seconds__gte=0)),
            models.CheckConstraint(
                name="proposal_outcome_with_decision",
                condition=Q(
                    outcome="", state__in=[s for s in ProposalState.values if s not in {"decided", "announced"}]
                )
                | Q(outcome__in=Outcome.values, state__in=["decided", "announced"]),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def was_announced(self) -> bool:
        """Also while a proposal from the waiting list is decided again, or was taken back from there."""
        return self.announced_at is not None or self.state == ProposalState.ANNOUNCED

    @property
    def hand_in_until(self) -> datetime | None:
        """The close of the call, or of the time for changes once it was returned. None: no end."""
        return self.changes_until if self.submitted_at is not None else self.call.closes_at

    @property
    def sign_until(self) -> datetime | None:
        """Whoever asked for the signatures in time was in time: the team has some days more."""
        return self.hand_in_until + timedelta(days=SIGNING_DAYS) if self.hand_in_until else None

    @property
    def may_be_handed_in(self) -> bool:
        now = timezone.now()
        return (self.hand_in_until is None or now < self.hand_in_until) and self.call.opens_at <= now

    @property
    def may_be_signed(self) -> bool:
        return self.sign_until is None or timezone.now() < self.sign_until

    def get_absolute_url(self) -> str:
        return f"/proposals/{self.pk}"


class ProposalVersion(models.Model):
    """The text as it was handed in. Reviews and decisions refer to it. Never changed."""

    proposal = models.ForeignKey(Proposal, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    content = models.JSONField()
    digest = models.CharField(max_length=64)
    submitted_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    submitted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["proposal", "number"], name="proposal_version_once")]

    def __str__(self) -> str:
        return f"{self.proposal_id} v{self.number}"


class TeamMember(models.Model):
    """Somebody who was asked to work on it. Who accepts signs before it is handed in.

    `accepted_at` stays when they leave: from their acceptance on they have a stake in it.
    """

    proposal = models.ForeignKey(Proposal, models.CASCADE, related_name="team")
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=TeamState, default=TeamState.INVITED)
    accepted_at = models.DateTimeField(null=True, blank=True)
    signed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["proposal", "user"], name="team_member_once"),
            models.CheckConstraint(name="team_state_known", condition=Q(state__in=TeamState.values)),
            models.CheckConstraint(
                name="team_member_accepted", condition=~Q(state__in=["member", "left"]) | Q(accepted_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.proposal_id} {self.user_id}"


class Review(models.Model):
    """One reviewer's judgement of one version. Who wrote it is shown to staff only.

    `score` and `text` are the first judgement. Once the reviews of others were shown to this reviewer
    (`others_shown`), they stay as they are, and what changes afterwards is a `ReviewRevision`.
    """

    version = models.ForeignKey(ProposalVersion, models.PROTECT, related_name="reviews")
    proposal = models.ForeignKey(Proposal, models.PROTECT, related_name="reviews")
    reviewer = models.ForeignKey(User, models.PROTECT, related_name="reviews")
    assigned_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    state = models.CharField(max_length=10, choices=ReviewState, default=ReviewState.ASKED)
    score = models.PositiveSmallIntegerField(_("score"), null=True, blank=True)
    text = models.TextField(_("review"), blank=True, max_length=10_000)
    conflict = models.CharField(_("why not"), max_length=300, blank=True)
    due_on = models.DateField(_("due"), null=True, blank=True)
    others_shown = models.BooleanField(default=False)
    assigned_at = models.DateTimeField(auto_now_add=True)
    submitted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("review")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["version", "reviewer"], name="review_once"),
            models.CheckConstraint(name="review_state_known", condition=Q(state__in=ReviewState.values)),
            models.CheckConstraint(
                name="review_complete",
                condition=Q(state="submitted", score__gte=1, score__lte=5, submitted_at__isnull=False)
                | (~Q(state="submitted") & Q(score__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return f"review {self.pk}"

    def get_absolute_url(self) -> str:
        return f"/reviews/{self.pk}"

    @property
    def is_overdue(self) -> bool:
        awaited = self.state in {ReviewState.ASKED, ReviewState.ACCEPTED}
        return awaited and self.due_on is not None and self.due_on < timezone.localdate()


class ReviewRevision(models.Model):
    """What a reviewer changed after reading the others. Never changed (a trigger sees to it)."""

    review = models.ForeignKey(Review, models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    score = models.PositiveSmallIntegerField(_("score"))
    text = models.TextField(_("review"), max_length=10_000)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["review", "number"], name="review_revision_once"),
            models.CheckConstraint(name="review_revision_score", condition=Q(score__gte=1, score__lte=5)),
        ]

    def __str__(self) -> str:
        return f"{self.review_id} r{self.number}"
