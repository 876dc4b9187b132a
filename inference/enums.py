"""States of a generation with the one table of allowed moves, and who pays."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


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


# From running back to queued: the worker died, another one takes it up.
MOVES: dict[GenerationState, frozenset[GenerationState]] = {
    GenerationState.QUEUED: frozenset(
        [GenerationState.RUNNING, GenerationState.CANCELLED, GenerationState.FAILED, GenerationState.REFUSED]
    ),
    GenerationState.RUNNING: frozenset(
        [GenerationState.QUEUED, GenerationState.SUCCEEDED, GenerationState.FAILED, GenerationState.CANCELLED]
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


class FailureCode(TextChoices):
    """Why a generation ended without pictures; the sentence tells what to do."""

    MODEL_REFUSED = "model_refused", _("The model cannot be served. Tell its owner which part is the matter.")
    MODEL_GONE = "model_gone", _("The model is no longer there or no longer open to you. Choose another one.")
    BAD_PARAMETERS = "bad_parameters", _("The parameters do not fit this model. Change them and try again.")
    CREDITS_TOO_LOW = "credits_too_low", _("The credits were used up meanwhile. Buy credits and try again.")
    TOO_LONG = "too_long", _("It took longer than the time limit. Use fewer steps, a smaller size or fewer pictures.")
    LOST = "lost", _("The engine stopped three times while working on it. Try again later.")
    ENGINE = "engine", _("The engine failed. Nothing was billed; try again, and report it if it happens again.")
    POLICY = "policy", _("The prompt is against the safety policy of this site. Change the prompt.")
