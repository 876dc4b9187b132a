"""What a request for sounds comes to: a label, a seed, steps and seconds, and nothing that would have no influence."""

import secrets
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from inference.algorithms import pricing
from inference.algorithms.profiles import MAX_PICTURES, MAX_SEED, MAX_STEPS, Profile
from inference.algorithms.sounds import MAX_LABEL, SoundFacts
from inference.enums import Task
from inference.errors import Unprocessable

if TYPE_CHECKING:
    from inference.services.planning import Wanted

_OF_PICTURES = (
    *("negative_prompt", "guidance", "width", "height", "strength", "image_guidance"),
    *("noise_level", "scheduler", "loras"),
)


def sound_parameters(profile: Profile, sound: SoundFacts, wanted: "Wanted") -> dict[str, Any]:
    """The columns of a generation. Raises Unprocessable."""
    _refuse_what_draws(wanted)
    _check_label(wanted.label)
    numbers: dict[str, int | float] = {
        "seed": secrets.randbelow(MAX_SEED) if wanted.seed is None else wanted.seed,
        "steps": profile.steps if wanted.steps is None else wanted.steps,
        "seconds": float(sound.seconds if wanted.seconds is None else wanted.seconds),
        "count": wanted.count,
    }
    _check_numbers(numbers, sound)
    nothing = dict.fromkeys(("guidance", "width", "height", "strength", "image_guidance", "image", "mask"))
    words = {"prompt": "", "negative_prompt": "", "label": wanted.label, "scheduler": ""}
    asked = {"task": Task.SOUND, "step_reuse": wanted.step_reuse, "steps_taken": numbers["steps"]}
    return nothing | words | asked | numbers


def sound_price(sound: SoundFacts, parameters: dict[str, Any], *, currency: str) -> int:
    samples = sound.computed(parameters["seconds"])
    return pricing.sound_price(currency=currency, samples=samples, steps=parameters["steps"], count=parameters["count"])


def refuse_what_sounds(task: Task, wanted: "Wanted") -> None:
    """Pictures have no seconds, and their words are a prompt. Raises Unprocessable."""
    for field in ("seconds", "label"):
        if getattr(wanted, field):
            raise _takes_no(field, task)


def _refuse_what_draws(wanted: "Wanted") -> None:
    if wanted.prompt:
        raise Unprocessable(
            _("This model makes sounds out of noise: a prompt would have no influence."),
            hint=_("Leave it out. A label can be kept with the sound: send it as label."),
            field="prompt",
        )
    for field in _OF_PICTURES:
        if getattr(wanted, field) not in (None, "", ()):
            raise _takes_no(field, Task.SOUND)
    if wanted.ratio is not None:
        raise _takes_no("aspect_ratio", Task.SOUND)


def _takes_no(field: str, task: Task) -> Unprocessable:
    message = _("This task takes no %(field)s.") % {"field": field}
    return Unprocessable(message, hint=_("The task: %s.") % task.label, field=field)


def _check_label(label: str) -> None:
    if len(label) > MAX_LABEL or not label.isprintable():
        raise Unprocessable(
            _("A label is one line of at most %(most)d characters.") % {"most": MAX_LABEL},
            hint=_("Shorten it, or leave it out: it has no influence on the sound."),
            field="label",
        )


def _check_numbers(numbers: dict[str, int | float], sound: SoundFacts) -> None:
    limits: dict[str, tuple[float, float]] = {
        "seed": (0, MAX_SEED),
        "steps": (1, MAX_STEPS),
        "seconds": (sound.shortest, sound.longest),
        "count": (1, MAX_PICTURES),
    }
    for field, (least, most) in limits.items():
        if not least <= numbers[field] <= most:
            raise Unprocessable(
                _("%(field)s must lie between %(least)s and %(most)s.")
                % {"field": field, "least": f"{least:.10g}", "most": f"{most:.10g}"},
                hint=_("Change it and try again."),
                field=field,
            )
