"""Generations and the pictures they made."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Namespace
from common.ids import hex_id
from hub.models import Repository
from inference.enums import UNFINISHED, Billing, FailureCode, GenerationState


class Generation(models.Model):
    """A request for pictures by one model version, from the asking to the bill.

    `seed` is that of the first picture; picture number i has seed + i. `price` is in micros
    of `currency`, owed only on success. `attempt` counts claims by workers; who claimed
    earlier can no longer write.
    """

    id = models.CharField(primary_key=True, max_length=24, default=hex_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="generations")
    billed = models.ForeignKey(Namespace, models.PROTECT, related_name="generations")
    repository = models.ForeignKey(Repository, models.SET_NULL, null=True, related_name="generations")
    model_name = models.CharField(_("model"), max_length=140)
    commit = models.CharField(max_length=40)
    licence = models.CharField(_("licence"), max_length=100, blank=True)
    grant_of_use = models.CharField(max_length=100, blank=True)

    prompt = models.TextField(_("prompt"))
    negative_prompt = models.TextField(_("negative prompt"), blank=True)
    seed = models.BigIntegerField(_("seed"))
    steps = models.PositiveIntegerField(_("steps"))
    guidance = models.FloatField(_("guidance"))
    width = models.PositiveIntegerField(_("width"))
    height = models.PositiveIntegerField(_("height"))
    count = models.PositiveIntegerField(_("pictures"), default=1)

    state = models.CharField(_("state"), max_length=9, choices=GenerationState, default=GenerationState.QUEUED)
    failure = models.CharField(max_length=20, choices=FailureCode, blank=True)
    failure_detail = models.CharField(max_length=300, blank=True)
    verdict = models.JSONField(default=dict)

    billing = models.CharField(max_length=7, choices=Billing)
    price = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001 - absent is not empty
    request_digest = models.CharField(max_length=64)

    attempt = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    cancel_asked = models.BooleanField(default=False)
    steps_done = models.PositiveIntegerField(default=0)
    timings = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("generation")
        constraints = [
            models.UniqueConstraint(fields=["owner", "idempotency_key"], name="generation_key_once"),
            models.CheckConstraint(name="generation_state_known", condition=Q(state__in=GenerationState.values)),
            models.CheckConstraint(
                name="generation_free_or_priced",
                condition=Q(billing=Billing.FREE, price=0) | Q(billing=Billing.CREDITS, price__gt=0),
            ),
            models.CheckConstraint(
                name="generation_finished_when_final",
                condition=Q(state__in=UNFINISHED, finished_at__isnull=True)
                | (~Q(state__in=UNFINISHED) & Q(finished_at__isnull=False)),
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "-created_at"]),
            models.Index(fields=["created_at"], name="generation_unfinished", condition=Q(state__in=UNFINISHED)),
        ]

    def __str__(self) -> str:
        return f"generation:{self.pk}"

    def get_absolute_url(self) -> str:
        return f"/generations/{self.pk}"

    @property
    def is_final(self) -> bool:
        return GenerationState(self.state).is_final

    @property
    def steps_total(self) -> int:
        return self.steps * self.count

    @property
    def parameters(self) -> dict[str, Any]:
        """What asks for the same pictures again."""
        return {
            "model": self.model_name,
            "revision": self.commit,
            "prompt": self.prompt,
            "negative_prompt": self.negative_prompt,
            "seed": self.seed,
            "steps": self.steps,
            "guidance": self.guidance,
            "width": self.width,
            "height": self.height,
            "count": self.count,
        }

    @property
    def preview_path(self) -> Path:
        return Path(settings.PICTURES_ROOT) / "previews" / f"{self.pk}.png"


class Picture(models.Model):
    """One PNG under PICTURES_ROOT. Private until its owner shows it."""

    id = models.CharField(primary_key=True, max_length=24, default=hex_id, editable=False)
    generation = models.ForeignKey(Generation, models.CASCADE, related_name="pictures")
    position = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    parameters = models.JSONField()
    is_public = models.BooleanField(_("public"), default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("picture")
        ordering = ["generation", "position"]
        constraints = [models.UniqueConstraint(fields=["generation", "position"], name="picture_once")]
        indexes = [models.Index(fields=["-created_at"], name="picture_public", condition=Q(is_public=True))]

    def __str__(self) -> str:
        return f"picture:{self.pk}"

    @property
    def path(self) -> Path:
        # The first eight digits are the time; the last two spread pictures over folders.
        return Path(settings.PICTURES_ROOT) / self.pk[-2:] / f"{self.pk}.png"

    def get_absolute_url(self) -> str:
        return f"/generations/{self.generation_id}/{self.position}.png"
