"""What can be asked for, states of a generation with the one table of allowed moves, and who pays."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Task(TextChoices):
    """What a model is asked to do. Which of them it does, its files say."""

    TEXT_TO_IMAGE = "text_to_image", _("draw from words")
    IMAGE_TO_IMAGE = "image_to_image", _("redraw an image")
    INPAINTING = "inpainting", _("fill the masked part of an image")
    EDITING = "editing", _("edit an image by instruction")
    UPSCALE = "upscale", _("enlarge an image")
    SOUND = "sound", _("make a sound")

    @property
    def needs_image(self) -> bool:
        return self not in {Task.TEXT_TO_IMAGE, Task.SOUND}

    @property
    def needs_mask(self) -> bool:
        return self == Task.INPAINTING

    @property
    def needs_words(self) -> bool:
        """Elsewhere the image says enough, or words are not heard."""
        return self not in {Task.IMAGE_TO_IMAGE, Task.UPSCALE, Task.SOUND}


class InputKind(TextChoices):
    """What an uploaded image is for."""

    IMAGE = "image", _("image")
    MASK = "mask", _("mask")


class GenerationState(TextChoices):
    QUEUED = "queued", _("waiting")
    RUNNING = "running", _("running")
    SUCCEEDED = "succeeded", _("ready")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")
    REFUSED = "refused", _("refused")

    @property
    def is_final(self) -> bool:
        return not MOVES[self]


# From running back to queued: the worker died or its engine was full; another one takes it up.
MOVES: dict[GenerationState, frozenset[GenerationState]] = {
    GenerationState.QUEUED: frozenset(
        [GenerationState.RUNNING, GenerationState.CANCELLED, GenerationState.FAILED, GenerationState.REFUSED]
    ),
    GenerationState.RUNNING: frozenset(
        [
            GenerationState.QUEUED,
            GenerationState.SUCCEEDED,
            GenerationState.FAILED,
            GenerationState.CANCELLED,
            GenerationState.REFUSED,
        ]
    ),
    GenerationState.SUCCEEDED: frozenset(),
    GenerationState.FAILED: frozenset(),
    GenerationState.CANCELLED: frozenset(),
    GenerationState.REFUSED: frozenset(),
}

UNFINISHED = [state for state in GenerationState if not state.is_final]


class Billing(TextChoices):
    """What a generation is paid with."""

    FREE = "free", _("daily free allowance")
    CREDITS = "credits", _("credits")


class StepReuse(TextChoices):
    """Steps whose denoiser is not asked: faster, and another picture."""

    NONE = "", _("compute every step")
    LIGHT = "light", _("leave out one step in three")
    STRONG = "strong", _("leave out every second step")


class FailureCode(TextChoices):
    """Why a generation ended without pictures; the sentence tells what to do."""

    MODEL_REFUSED = "model_refused", _("The model cannot be served. Tell its owner which part is the matter.")
    MODEL_GONE = "model_gone", _("The model is no longer there or no longer open to you. Choose another one.")
    LICENCE_ENDED = (
        "licence_ended",
        _("The licence for commercial use ended meanwhile. Nothing was billed; buy one from the model's page."),
    )
    BAD_PARAMETERS = "bad_parameters", _("The parameters do not fit this model. Change them and try again.")
    CREDITS_TOO_LOW = "credits_too_low", _("The credits were used up meanwhile. Buy credits and try again.")
    TOO_LONG = "too_long", _("It took longer than the time limit. Use fewer steps, a smaller size or fewer pictures.")
    EXPIRED = "expired", _("The deadline passed before it was ready. Nothing was billed; allow more time.")
    LOST = "lost", _("The engine stopped three times while working on it. Try again later.")
    ENGINE = "engine", _("The engine failed. Nothing was billed; try again, and report it if it happens again.")
    NOTHING_FOUND = (
        "nothing_found",
        _("Nothing of that name was found in the image. Nothing was billed; say it in other words, or give a mask."),
    )
    UNCHECKED = "unchecked", _("The classifier that looks at pictures failed. Nothing was billed; try again later.")
    FLAGGED = (
        "flagged",
        _("The model's own safety checker blacked out a picture. Nothing was billed; change the prompt or the seed."),
    )
    TAKEN_AWAY = (
        "taken_away",
        _("It came out as a picture that was taken away after a report. Nothing was billed; change prompt or seed."),
    )
    POLICY = "policy", _("It is against the safety policy of this site. Change the prompt.")
