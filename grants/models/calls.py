"""Programmes, and the calls in them."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from grants.enums import Track


class Programme(models.Model):
    """A purpose under which calls are made."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=120)
    summary = models.TextField(_("summary"), blank=True)

    class Meta:
        verbose_name = _("programme")

    def __str__(self) -> str:
        return self.name


class Call(models.Model):
    """An invitation to apply, with its budget and its rule. Amounts in GPU-seconds of one flavor class."""

    programme = models.ForeignKey(Programme, models.PROTECT, related_name="calls")
    slug = models.SlugField(max_length=60, unique=True)
    title = models.CharField(_("title"), max_length=120)
    summary = models.TextField(_("summary"), blank=True)
    track = models.CharField(_("track"), max_length=10, choices=Track)
    opens_at = models.DateTimeField(_("opens"))
    closes_at = models.DateTimeField(_("closes"), null=True, blank=True)
    flavor_class = models.CharField(_("flavor class"), max_length=40)
    largest_gpu_seconds = models.BigIntegerField(_("largest award"))
    smallest_gpu_seconds = models.BigIntegerField(_("smallest award"), default=1)
    award_days = models.PositiveIntegerField(_("days to use an award"), default=90)
    most_open_awards = models.PositiveIntegerField(_("open awards at a time"), default=2)
    least_abstract_characters = models.PositiveIntegerField(_("least characters of the abstract"), default=80)
    needs_email = models.BooleanField(_("needs an e-mail address"), default=False)
    questions = models.JSONField(default=list, blank=True)
    rule_name = models.CharField(max_length=40, blank=True)
    rule_version = models.PositiveIntegerField(default=0)
    budget_gpu_seconds = models.BigIntegerField(_("budget"))
    remaining_gpu_seconds = models.BigIntegerField(_("remaining"))
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("call")
        ordering = ["-opens_at", "-id"]
        constraints = [
            models.CheckConstraint(name="call_track_known", condition=Q(track__in=Track.values)),
            models.CheckConstraint(
                name="call_never_overspends",
                condition=Q(remaining_gpu_seconds__gte=0, remaining_gpu_seconds__lte=F("budget_gpu_seconds")),
            ),
            models.CheckConstraint(
                name="call_award_sizes",
                condition=Q(smallest_gpu_seconds__gte=1, largest_gpu_seconds__gte=F("smallest_gpu_seconds")),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def is_open(self, at: datetime | None = None) -> bool:
        at = at or timezone.now()
        return self.opens_at <= at and (self.closes_at is None or at < self.closes_at)

    @property
    def is_open_now(self) -> bool:
        return self.is_open()

    @property
    def is_coming(self) -> bool:
        return timezone.now() < self.opens_at

    @property
    def is_instant(self) -> bool:
        return self.track == Track.INSTANT

    @property
    def spent_gpu_seconds(self) -> int:
        return self.budget_gpu_seconds - self.remaining_gpu_seconds

    def get_absolute_url(self) -> str:
        return f"/grants/calls/{self.slug}"
