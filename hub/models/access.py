"""Gates of repositories, and who asked to be let in."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub.enums import AccessState, AccessVerb, OverduePolicy
from hub.models.repositories import Repository


class Gate(models.Model):
    """What a gated repository asks, and how requests are dealt with. Without a row the defaults hold.

    `form` is the YAML of `extra_gated_fields` as its owners wrote it on the settings page;
    empty, the one on the card counts, and so for the texts.
    """

    repository = models.OneToOneField(Repository, models.CASCADE, related_name="gate")
    heading = models.CharField(_("heading"), max_length=200, blank=True)
    prompt = models.TextField(_("text above the questions"), blank=True)
    button = models.CharField(_("words on the button"), max_length=100, blank=True)
    form = models.TextField(_("questions"), blank=True)
    deadline_days = models.PositiveSmallIntegerField(_("days to answer"), default=14)
    overdue = models.CharField(_("after that"), max_length=7, choices=OverduePolicy, default=OverduePolicy.NOTHING)
    reapply_days = models.PositiveSmallIntegerField(_("days until one may ask again"), default=30)
    writers_decide = models.BooleanField(_("writers may decide"), default=False)

    class Meta:
        verbose_name = _("gate")
        constraints = [
            models.CheckConstraint(name="gate_overdue_known", condition=Q(overdue__in=OverduePolicy.values)),
            models.CheckConstraint(name="gate_has_days", condition=Q(deadline_days__gte=1)),
        ]

    def __str__(self) -> str:
        return f"{self.repository_id}"


class Terms(models.Model):
    """A text that those who ask agree to; never changed, a new text is a new version."""

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="terms")
    version = models.PositiveIntegerField()
    text = models.TextField(_("terms"), blank=True)
    sha256 = models.CharField(max_length=64)
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    written_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("terms")
        verbose_name_plural = _("terms")
        constraints = [models.UniqueConstraint(fields=["repository", "version"], name="terms_version_once")]

    def __str__(self) -> str:
        return f"{self.repository_id} v{self.version}"


class AccessRequest(models.Model):
    """One person's way into one repository, however often they ask; its events tell the story.

    `asked_at` is empty when access was granted to somebody who never asked. `due_at` is when
    the one who has to decide should have done so.
    """

    repository = models.ForeignKey(Repository, models.CASCADE, related_name="access_requests")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="access_requests")
    state = models.CharField(max_length=9, choices=AccessState)
    answers = models.JSONField(default=dict, blank=True)
    terms = models.ForeignKey(Terms, models.PROTECT, null=True, blank=True, related_name="+")
    terms_accepted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    asked_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    # Nobody, when a rule decided.
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    reason = models.TextField(blank=True)
    # An appeal is decided once for each rejection.
    is_appeal_spent = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("request for access")
        verbose_name_plural = _("requests for access")
        constraints = [
            models.UniqueConstraint(fields=["repository", "user"], name="access_request_once"),
            models.CheckConstraint(name="access_state_known", condition=Q(state__in=AccessState.values)),
            models.CheckConstraint(
                name="access_rejected_with_reason",
                condition=~Q(state__in=[AccessState.REJECTED, AccessState.APPEALED]) | ~Q(reason=""),
            ),
            models.CheckConstraint(
                name="access_terms_with_time",
                condition=Q(terms__isnull=True, terms_accepted_at__isnull=True)
                | Q(terms__isnull=False, terms_accepted_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["repository", "state", "id"], name="access_by_state"),
            models.Index(fields=["user", "state"], name="access_by_person"),
            models.Index(fields=["due_at"], name="access_by_deadline", condition=Q(state=AccessState.PENDING)),
        ]

    def __str__(self) -> str:
        return f"{self.repository_id} {self.user_id} {self.state}"

    @property
    def is_overdue(self) -> bool:
        return AccessState(self.state).is_waiting and self.due_at is not None and self.due_at < timezone.now()

    def may_ask_again_at(self, days: int) -> datetime:
        """When a rejected person may ask again with the same answers."""
        decided = self.decided_at or self.created_at
        return decided + timedelta(days=days)

    def get_absolute_url(self) -> str:
        return f"{self.repository.get_absolute_url()}/access/{self.pk}"


class AccessEvent(models.Model):
    """One thing that was done to a request. `facts` holds the answers and terms it was done with."""

    request = models.ForeignKey(AccessRequest, models.CASCADE, related_name="events")
    verb = models.CharField(max_length=11, choices=AccessVerb)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    text = models.TextField(blank=True)
    facts = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name = _("event of a request for access")
        verbose_name_plural = _("events of requests for access")
        constraints = [models.CheckConstraint(name="access_verb_known", condition=Q(verb__in=AccessVerb.values))]

    def __str__(self) -> str:
        return f"{self.request_id} {self.verb}"
