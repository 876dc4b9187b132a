"""Generations, what they were given, and the pictures they made."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import AccessToken, Namespace
from common.ids import hex_id
from hub.models import Repository, Webhook
from inference.enums import UNFINISHED, Billing, FailureCode, GenerationState, InputKind, StepReuse, Task


class InputImage(models.Model):
    """An image or mask that somebody gave, as PNG under PICTURES_ROOT.

    The row proves that its owner had the content; the file is there once for all who had it.
    """

    id = models.CharField(primary_key=True, max_length=24, default=hex_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="input_images")
    kind = models.CharField(max_length=5, choices=InputKind)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    used_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("given image")
        constraints = [
            models.UniqueConstraint(fields=["owner", "kind", "sha256"], name="input_image_once"),
            models.CheckConstraint(name="input_image_kind_known", condition=Q(kind__in=InputKind.values)),
        ]
        indexes = [models.Index(fields=["sha256"], name="input_image_by_content")]

    def __str__(self) -> str:
        return f"input:{self.pk}"

    @property
    def path(self) -> Path:
        return Path(settings.PICTURES_ROOT) / "inputs" / self.sha256[:2] / f"{self.sha256}.png"

    @property
    def size_in_pixels(self) -> tuple[int, int]:
        return self.width, self.height

    def get_absolute_url(self) -> str:
        return f"/api/generations/inputs/{self.pk}"


class Generation(models.Model):
    """A request for pictures or sounds by one model version, from the asking to the bill.

    A sound has `seconds` and no size, and a `label` instead of a prompt: its model hears no words.
    `seed` is that of the first picture; picture number i has seed + i. `steps` were asked for,
    `steps_taken` are computed for each picture. `price` is in micros of `currency`, owed only on
    success. `attempt` counts claims by workers; who claimed earlier can no longer write. `postponed`
    of them found the engine full; it is not sent again before `not_before`. While it waits inside of
    an engine, `place` others begin before it, in about `place_seconds`.

    With words to `search` for, the mask is what a `finder` finds of them in the image: until then there is none.
    """

    id = models.CharField(primary_key=True, max_length=24, default=hex_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="generations")
    billed = models.ForeignKey(Namespace, models.PROTECT, related_name="generations")
    repository = models.ForeignKey(Repository, models.SET_NULL, null=True, related_name="generations")
    model_name = models.CharField(_("model"), max_length=140)
    commit = models.CharField(max_length=40)
    licence = models.CharField(_("licence"), max_length=100, blank=True)
    grant_of_use = models.CharField(max_length=100, blank=True)

    task = models.CharField(_("task"), max_length=20, choices=Task, default=Task.TEXT_TO_IMAGE)
    prompt = models.TextField(_("prompt"))
    negative_prompt = models.TextField(_("negative prompt"), blank=True)
    seed = models.BigIntegerField(_("seed"))
    steps = models.PositiveIntegerField(_("steps"))
    guidance = models.FloatField(_("guidance"), null=True, blank=True)
    width = models.PositiveIntegerField(_("width"), null=True, blank=True)
    height = models.PositiveIntegerField(_("height"), null=True, blank=True)
    seconds = models.FloatField(_("seconds"), null=True, blank=True)
    label = models.CharField(_("label"), max_length=200, blank=True, default="")
    count = models.PositiveIntegerField(_("pictures"), default=1)
    scheduler = models.CharField(_("sampler"), max_length=30, blank=True)
    strength = models.FloatField(_("strength"), null=True, blank=True)
    image_guidance = models.FloatField(_("image guidance"), null=True, blank=True)
    noise_level = models.PositiveIntegerField(_("noise level"), null=True, blank=True)
    image = models.ForeignKey(InputImage, models.PROTECT, null=True, blank=True, related_name="+")
    mask = models.ForeignKey(InputImage, models.PROTECT, null=True, blank=True, related_name="+")
    search = models.CharField(_("find by words"), max_length=200, blank=True, default="")
    step_reuse = models.CharField(_("steps left out"), max_length=6, choices=StepReuse, blank=True, default="")

    state = models.CharField(_("state"), max_length=9, choices=GenerationState, default=GenerationState.QUEUED)
    failure = models.CharField(max_length=20, choices=FailureCode, blank=True)
    failure_detail = models.CharField(max_length=300, blank=True)
    verdict = models.JSONField(default=dict)

    billing = models.CharField(max_length=7, choices=Billing)
    price = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001 - absent is not empty
    request_digest = models.CharField(max_length=64)

    deadline = models.DateTimeField(null=True, blank=True)
    webhook = models.ForeignKey(Webhook, models.SET_NULL, null=True, blank=True, related_name="+")
    token = models.ForeignKey(AccessToken, models.SET_NULL, null=True, blank=True, related_name="generations")
    repeats = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="repeated_by")
    attempt = models.PositiveIntegerField(default=0)
    postponed = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(null=True, blank=True)
    place = models.PositiveIntegerField(null=True, blank=True)
    place_seconds = models.FloatField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    cancel_asked = models.BooleanField(default=False)
    steps_taken = models.PositiveIntegerField(default=0)
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
            models.CheckConstraint(name="generation_step_reuse_known", condition=Q(step_reuse__in=StepReuse.values)),
            models.CheckConstraint(
                name="generation_task_has_its_images",
                condition=Q(task__in=[Task.TEXT_TO_IMAGE, Task.SOUND], image__isnull=True, mask__isnull=True)
                | Q(task__in=[Task.IMAGE_TO_IMAGE, Task.EDITING, Task.UPSCALE], image__isnull=False, mask__isnull=True)
                | Q(task=Task.INPAINTING, image__isnull=False, mask__isnull=False)
                | (Q(task=Task.INPAINTING, image__isnull=False) & ~Q(search="")),
            ),
            models.CheckConstraint(
                name="generation_searches_to_fill", condition=Q(search="") | Q(task=Task.INPAINTING)
            ),
            models.CheckConstraint(
                name="generation_has_its_size",
                condition=Q(task=Task.SOUND, seconds__isnull=False, width=None, height=None, guidance=None, prompt="")
                | (
                    ~Q(task=Task.SOUND)
                    & Q(width__isnull=False, height__isnull=False, guidance__isnull=False, seconds=None, label="")
                ),
            ),
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
            models.Index(fields=["token", "-created_at"], name="generation_by_token"),
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
    def is_sound(self) -> bool:
        return self.task == Task.SOUND

    @property
    def title(self) -> str:
        """The prompt or label; without one what was done, or which sound it is."""
        if self.is_sound:
            return self.label or gettext("Sound %(seed)d") % {"seed": self.seed}
        return self.prompt.strip() or str(Task(self.task).label)

    @property
    def steps_total(self) -> int:
        return self.steps_taken * self.count

    @property
    def words(self) -> str:
        """All that the safety policy judges."""
        return " ".join(text for text in (self.prompt or self.label, self.search) if text)

    @property
    def found_by(self) -> "GenerationFinder | None":
        return self.finder if self.search else None

    @property
    def grants_of_use(self) -> list[str]:
        """Under which grants of use an organisation draws: of the model, of LoRAs, of the finder."""
        finder = self.found_by
        found = [
            self.grant_of_use,
            *(use.grant_of_use for use in self.loras.all()),
            finder.grant_of_use if finder else "",
        ]
        return [grant for grant in found if grant]

    @property
    def must_search(self) -> bool:
        """Whether the mask is still to be found."""
        return self.search != "" and self.mask_id is None

    @property
    def parameters(self) -> dict[str, Any]:
        """What asks for the same pictures again; the images by their ids, which only their owner can use. A mask that
        was found is given then, and not searched for again."""
        version = {"model": self.model_name, "revision": self.commit, "task": self.task}
        if self.is_sound:
            asked = {"label": self.label, "seed": self.seed, "steps": self.steps, "seconds": self.seconds}
            return version | asked | {"count": self.count, **self._of_the_task}
        return version | {
            "prompt": self.prompt,
            "negative_prompt": self.negative_prompt,
            "seed": self.seed,
            "steps": self.steps,
            "guidance": self.guidance,
            "width": self.width,
            "height": self.height,
            "count": self.count,
            **self._of_the_task,
        }

    @property
    def _of_the_task(self) -> dict[str, Any]:
        """What only some requests have."""
        may_be = (self.finder.parameters if self.must_search else {}) | {
            "scheduler": self.scheduler or None,
            "step_reuse": self.step_reuse or None,
            "strength": self.strength,
            "image_guidance": self.image_guidance,
            "noise_level": self.noise_level,
            "image": self.image_id,
            "mask": self.mask_id,
            "loras": [use.parameters for use in self.loras.all()] or None,
        }
        return {name: value for name, value in may_be.items() if value is not None}

    @property
    def preview_path(self) -> Path:
        return Path(settings.PICTURES_ROOT) / "previews" / f"{self.pk}.png"


class GenerationLora(models.Model):
    """A LoRA that a generation is drawn with: which version, how strongly, under which licence."""

    generation = models.ForeignKey(Generation, models.CASCADE, related_name="loras")
    position = models.PositiveIntegerField()
    repository = models.ForeignKey(Repository, models.SET_NULL, null=True, related_name="+")
    model_name = models.CharField(_("model"), max_length=140)
    commit = models.CharField(max_length=40)
    file = models.CharField(max_length=200)
    scale = models.FloatField(_("scale"))
    licence = models.CharField(_("licence"), max_length=100, blank=True)
    grant_of_use = models.CharField(max_length=100, blank=True)

    class Meta:
        verbose_name = _("LoRA of a generation")
        ordering = ["generation", "position"]
        constraints = [
            models.UniqueConstraint(fields=["generation", "position"], name="generation_lora_place"),
            models.UniqueConstraint(fields=["generation", "model_name"], name="generation_lora_once"),
        ]

    def __str__(self) -> str:
        return f"{self.model_name}@{self.commit}"

    @property
    def parameters(self) -> dict[str, Any]:
        return {"model": self.model_name, "revision": self.commit, "scale": self.scale}


class GenerationFinder(models.Model):
    """The model that finds what a generation searches for: which version, under which licence, for which part of the
    price. What it finds is made larger by `grow_mask` pixels on every side."""

    generation = models.OneToOneField(Generation, models.CASCADE, related_name="finder")
    grow_mask = models.PositiveSmallIntegerField(_("mask grown by"))
    repository = models.ForeignKey(Repository, models.SET_NULL, null=True, related_name="+")
    model_name = models.CharField(_("model"), max_length=140)
    commit = models.CharField(max_length=40)
    licence = models.CharField(_("licence"), max_length=100, blank=True)
    grant_of_use = models.CharField(max_length=100, blank=True)
    price = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("finder of a generation")

    def __str__(self) -> str:
        return f"{self.model_name}@{self.commit}"

    @property
    def parameters(self) -> dict[str, Any]:
        """What asks for the same search again."""
        return {
            "search": self.generation.search,
            "grow_mask": self.grow_mask,
            "finder": self.model_name,
            "finder_revision": self.commit,
        }


class Picture(models.Model):
    """One PNG under PICTURES_ROOT, or a sound: one WAV of so many `seconds`, and its spectrogram as PNG, whose size is
    its width and height. Private until its owner shows it.

    `drawn_sha256` is over the pixels before the watermark, whose number is `mark`; both are empty for older pictures,
    `mark` also for those too small to carry one. `reproduces`: whether the pixels are those of the picture it repeats.
    `credentials_failure` says why there are no content credentials.
    """

    id = models.CharField(primary_key=True, max_length=24, default=hex_id, editable=False)
    generation = models.ForeignKey(Generation, models.CASCADE, related_name="pictures")
    position = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    seconds = models.FloatField(null=True, blank=True)
    parameters = models.JSONField()
    drawn_sha256 = models.CharField(max_length=64, blank=True)
    mark = models.BigIntegerField(null=True, blank=True)
    credentials_failure = models.CharField(max_length=300, blank=True)
    reproduces = models.BooleanField(null=True, blank=True)
    is_public = models.BooleanField(_("public"), default=False)
    age = models.PositiveSmallIntegerField(_("from this age on"), default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("picture")
        ordering = ["generation", "position"]
        constraints = [models.UniqueConstraint(fields=["generation", "position"], name="picture_once")]
        indexes = [
            models.Index(fields=["-created_at"], name="picture_public", condition=Q(is_public=True)),
            models.Index(fields=["mark"], name="picture_mark", condition=Q(mark__isnull=False)),
            models.Index(fields=["sha256"], name="picture_sha256"),
            models.Index(fields=["drawn_sha256"], name="picture_drawn", condition=~Q(drawn_sha256="")),
        ]

    def __str__(self) -> str:
        return f"picture:{self.pk}"

    @property
    def path(self) -> Path:
        # The first eight digits are the time; the last two spread pictures over folders.
        return Path(settings.PICTURES_ROOT) / self.pk[-2:] / f"{self.pk}.{'wav' if self.is_sound else 'png'}"

    @property
    def image_path(self) -> Path:
        """What there is to see: of a sound its spectrogram."""
        return self.path.with_suffix(".png")

    @property
    def is_sound(self) -> bool:
        return self.seconds is not None

    def get_absolute_url(self) -> str:
        return f"/generations/{self.generation_id}/{self.position}.{'wav' if self.is_sound else 'png'}"

    @property
    def image_url(self) -> str:
        """The address of what there is to see."""
        return f"/generations/{self.generation_id}/{self.position}.png"
