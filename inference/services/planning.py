"""What a request comes to before anything is written: model, version, LoRAs, parameters, price."""

import secrets
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from accounts.principal import Principal
from common.errors import NotFound
from hub.models import Repository
from hub.selectors.cards import licence_at
from inference import selectors
from inference.algorithms import pricing, sizes
from inference.algorithms.profiles import (
    MAX_GUIDANCE,
    MAX_IMAGE_GUIDANCE,
    MAX_NOISE_LEVEL,
    MAX_PICTURES,
    MAX_PROMPT,
    MAX_SEED,
    MAX_SIDE,
    MAX_STEPS,
    Profile,
)
from inference.enums import InputKind, StepReuse, Task
from inference.errors import Unprocessable
from inference.models import Generation, InputImage
from inference.services import enlarging
from inference.services.loras import LoraPlan, LoraWanted, loras_for, not_a_pipeline, version_named
from inference.services.planning_sounds import refuse_what_sounds, sound_parameters, sound_price
from inference.services.searching import SearchPlan, SearchWanted, search_for

LIMITS: dict[str, tuple[int, int | float]] = {
    "seed": (0, MAX_SEED),
    "steps": (1, MAX_STEPS),
    "guidance": (0, MAX_GUIDANCE),
    "width": (1, MAX_SIDE),
    "height": (1, MAX_SIDE),
    "count": (1, MAX_PICTURES),
    "strength": (0, 1),
    "image_guidance": (0, MAX_IMAGE_GUIDANCE),
    "noise_level": (0, MAX_NOISE_LEVEL),
}
# Without a word about it: redrawing stays near the image, filling draws all of the masked part anew.
STRENGTH = {Task.IMAGE_TO_IMAGE: 0.8, Task.INPAINTING: 1.0}
IMAGE_GUIDANCE = 1.5


@dataclass(frozen=True)
class Wanted:
    """What to draw, or to sound; None means the model's own value (a new seed for `seed`).

    Without a `task` it follows from what is given: a mask is filled, an image redrawn (or edited or
    enlarged, by a model that only does that). `scheduler` is the name of a sampler, empty for the model's
    own. A `ratio` of the sides keeps the number of pixels that the model is used to. Sounds have `seconds`
    and a `label`. A `search` takes the place of a mask.
    """

    prompt: str
    negative_prompt: str = ""
    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None
    width: int | None = None
    height: int | None = None
    count: int = 1
    task: str = ""
    scheduler: str = ""
    strength: float | None = None
    image_guidance: float | None = None
    noise_level: int | None = None
    image: InputImage | None = None
    mask: InputImage | None = None
    search: SearchWanted | None = None
    loras: tuple[LoraWanted, ...] = ()
    ratio: tuple[int, int] | None = None
    step_reuse: str = ""
    seconds: float | None = None
    label: str = ""

    def to_json(self) -> dict[str, Any]:
        """For digests: the images by their content."""
        images = {"image": self.image, "mask": self.mask}
        return (
            vars(self)
            | {name: image.sha256 if image else None for name, image in images.items()}
            | {"loras": [vars(lora) for lora in self.loras], "search": vars(self.search) if self.search else None}
        )


@dataclass(frozen=True)
class Plan:
    """Everything settled about a request, before anything is written."""

    repository: Repository
    commit: str
    licence: str
    parameters: dict[str, Any]
    price: int
    currency: str
    loras: tuple[LoraPlan, ...] = ()
    search: SearchPlan | None = None


def plan(
    principal: Principal,
    wanted: Wanted,
    *,
    model: str,
    revision: str = "main",
    currency: str = pricing.DEFAULT_CURRENCY,
) -> Plan:
    """Resolve model, version, LoRAs, parameters and price. Writes nothing.

    Raises the hub's refusals for models that are missing or hidden, and Unprocessable for
    parameters that mean nothing.
    """
    repository, commit = version_named(principal, model, revision, field="revision")
    profile = selectors.profile(repository, commit)
    if profile is None:
        raise not_a_pipeline(principal, repository)
    if currency not in pricing.RATES:
        raise Unprocessable(_("There is no price in this currency."), hint=_("Use eur or usd."), field="currency")
    parameters = _parameters(principal, repository, profile, wanted)
    if profile.sound is not None:
        price = sound_price(profile.sound, parameters, currency=currency)
        return Plan(repository, commit, licence_at(repository, commit), parameters, price, currency)
    loras = loras_for(principal, repository, commit, profile, wanted.loras)
    asked = {name: parameters[name] for name in ("task", "scheduler", "steps", "guidance")}
    asked |= {name: parameters[name] for name in ("strength", "image_guidance") if parameters[name] is not None}
    size = {name: parameters[name] for name in ("width", "height", "count")}
    price = pricing.price(currency=currency, rounds=pricing.rounds(profile, **asked), **size)
    search = None
    if wanted.search is not None and wanted.image is not None:
        search = search_for(principal, wanted.search, wanted.image, currency=currency)
        price += search.price
    return Plan(repository, commit, licence_at(repository, commit), parameters, price, currency, loras, search)


def same_again(principal: Principal, generation: Generation) -> Wanted:
    """What made these pictures, to be asked for once more.

    Raises Unprocessable when it needs an image that belongs to somebody else.
    """
    facts = {"prompt": ""} | generation.parameters
    for name in ("model", "revision", "loras", "search", "grow_mask", "finder", "finder_revision"):
        facts.pop(name, None)
    if generation.must_search:
        used = generation.finder
        facts["search"] = SearchWanted(generation.search, used.model_name, used.commit, used.grow_mask)
    for name in ("image", "mask"):
        if facts.get(name):
            facts[name] = input_named(principal, facts[name], name)
    uses = [LoraWanted(use.model_name, use.scale, use.commit) for use in generation.loras.all()]
    return Wanted(**facts, loras=tuple(uses))


def input_named(principal: Principal, key: str, field: str) -> InputImage:
    """One's own given image. Raises Unprocessable: that somebody else's exists is not told."""
    try:
        return selectors.input_for(principal, key)
    except NotFound as refusal:
        raise Unprocessable(
            _("There is no such image among yours."), hint=_("Give the image itself."), field=field
        ) from refusal


def _parameters(principal: Principal, repository: Repository, profile: Profile, wanted: Wanted) -> dict[str, Any]:
    """The wish with the model's own values in its gaps, checked: the columns of a generation."""
    task = _task(repository, profile, wanted)
    _check_images(principal, task, wanted)
    _check_step_reuse(wanted)
    if profile.sound is not None:
        return sound_parameters(profile, profile.sound, wanted)
    refuse_what_sounds(task, wanted)
    _check_texts(task, profile, wanted)
    _check_sampler(profile, wanted)
    width, height = _size(task, profile, wanted)
    numbers: dict[str, int | float] = {
        "seed": secrets.randbelow(MAX_SEED) if wanted.seed is None else wanted.seed,
        "steps": profile.steps if wanted.steps is None else wanted.steps,
        "guidance": _guidance(profile, wanted),
        "width": width,
        "height": height,
        "count": wanted.count,
    }
    numbers |= _numbers_of_the_task(task, profile, wanted)
    _check_numbers(numbers, profile, fewest_steps=profile.fewest_steps(task, wanted.scheduler))
    strength = numbers.get("strength")
    taken = pricing.steps_taken(task=task, steps=int(numbers["steps"]), strength=strength or 0, is_flow=profile.is_flow)
    if strength is not None and int(numbers["steps"] * strength) < 1:
        raise Unprocessable(
            _("Steps times strength must be at least 1."), hint=_("Raise one of them."), field="strength"
        )
    return {
        "task": task,
        "prompt": wanted.prompt,
        "negative_prompt": wanted.negative_prompt,
        "scheduler": wanted.scheduler,
        "step_reuse": wanted.step_reuse,
        "strength": None,
        "image_guidance": None,
        "noise_level": None,
        "image": wanted.image,
        "mask": wanted.mask,
        "search": wanted.search.words.strip() if wanted.search else "",
        "steps_taken": taken,
        **numbers,
    }


def _check_step_reuse(wanted: Wanted) -> None:
    if wanted.step_reuse not in StepReuse.values:
        raise Unprocessable(
            _("step_reuse must be light or strong."), hint=_("Leave it out to compute every step."), field="step_reuse"
        )


def _task(repository: Repository, profile: Profile, wanted: Wanted) -> Task:
    """Asked for, or what follows from what is given. Raises Unprocessable for what the model does not do."""
    try:
        task = Task(wanted.task) if wanted.task else _task_of_what_is_given(profile, wanted)
    except ValueError as error:
        raise Unprocessable(
            _("There is no task %(task)s.") % {"task": wanted.task},
            hint=_("Use one of: %(tasks)s.") % {"tasks": ", ".join(Task.values)},
            field="task",
        ) from error
    if task not in profile.tasks:
        known = ", ".join(str(one.label) for one in profile.tasks) or _("nothing that is served here")
        raise Unprocessable(
            _("%(model)s does not do this: %(task)s.") % {"model": repository.full_name, "task": task.label},
            hint=_("It does: %(tasks)s.") % {"tasks": known},
            field="task",
            code="task_not_served",
        )
    return task


def _task_of_what_is_given(profile: Profile, wanted: Wanted) -> Task:
    if profile.sound is not None:
        return Task.SOUND
    if wanted.mask is not None or wanted.search is not None:
        return Task.INPAINTING
    if wanted.image is None:
        return Task.TEXT_TO_IMAGE
    known = (task for task in (Task.IMAGE_TO_IMAGE, Task.EDITING, Task.UPSCALE) if task in profile.tasks)
    return next(known, Task.IMAGE_TO_IMAGE)


def _check_images(principal: Principal, task: Task, wanted: Wanted) -> None:
    _check_search(task, wanted)
    for field, image, needed, kind in (
        ("image", wanted.image, task.needs_image, InputKind.IMAGE),
        ("mask", wanted.mask, task.needs_mask and wanted.search is None, InputKind.MASK),
    ):
        if (image is not None) != needed:
            message = _("This task needs %(field)s.") if needed else _("This task takes no %(field)s.")
            raise Unprocessable(message % {"field": field}, hint=_("The task: %s.") % task.label, field=field)
        if image is not None and (image.owner_id != getattr(principal.user, "pk", None) or image.kind != kind):
            raise Unprocessable(_("There is no such image among yours."), hint=_("Give the image itself."), field=field)
    if wanted.image and wanted.mask and wanted.image.size_in_pixels != wanted.mask.size_in_pixels:
        raise Unprocessable(
            _("The mask is %(mask)s, the image %(image)s.")
            % {
                "mask": "×".join(map(str, wanted.mask.size_in_pixels)),
                "image": "×".join(map(str, wanted.image.size_in_pixels)),
            },
            hint=_("Give a mask of the same size."),
            field="mask",
        )


def _check_search(task: Task, wanted: Wanted) -> None:
    if wanted.search is None:
        return
    if not task.needs_mask:
        raise Unprocessable(
            _("This task takes no %(field)s.") % {"field": "search"},
            hint=_("The task: %s.") % task.label,
            field="search",
        )
    if wanted.mask is not None:
        raise Unprocessable(
            _("There is a mask, and words to find one by."), hint=_("Give one of them."), field="search"
        )


def _size(task: Task, profile: Profile, wanted: Wanted) -> tuple[int, int]:
    """Asked for, or the image's (as near as the model can), or the model's own."""
    width, height = profile.width, profile.height
    if task == Task.UPSCALE:
        return enlarging.size_of(profile, wanted.image, width=wanted.width, height=wanted.height)
    if wanted.image is not None and wanted.width is None and wanted.height is None:
        width, height = sizes.nearest(*wanted.image.size_in_pixels, unit=profile.unit, largest=profile.largest)
    elif wanted.ratio is not None:
        width, height = sizes.of_ratio(
            wanted.ratio, width=width, height=height, unit=profile.unit, largest=profile.largest
        )
    return (
        width if wanted.width is None else wanted.width,
        height if wanted.height is None else wanted.height,
    )


def _guidance(profile: Profile, wanted: Wanted) -> float:
    """Without any words there is nothing to guide to: computing each step twice would change nothing."""
    if wanted.guidance is not None:
        return float(wanted.guidance)
    has_words = wanted.prompt.strip() or wanted.negative_prompt.strip()
    return float(profile.guidance) if has_words else min(1.0, float(profile.guidance))


def _check_texts(task: Task, profile: Profile, wanted: Wanted) -> None:
    if task.needs_words and not wanted.prompt.strip():
        raise Unprocessable(_("The prompt is empty."), hint=_("Say what to draw."), field="prompt")
    for field, text in (("prompt", wanted.prompt), ("negative_prompt", wanted.negative_prompt)):
        if len(text) > MAX_PROMPT or "\x00" in text:
            raise Unprocessable(
                _("The text is longer than %(most)d characters, or holds one that is not allowed.")
                % {"most": MAX_PROMPT},
                hint=_("Shorten it."),
                field=field,
            )
    if wanted.negative_prompt and not profile.takes_negative_prompt:
        raise Unprocessable(_("This model takes no negative prompt."), hint=_("Leave it out."), field="negative_prompt")


def _check_sampler(profile: Profile, wanted: Wanted) -> None:
    if wanted.scheduler and wanted.scheduler not in profile.samplers:
        raise Unprocessable(
            _("This model cannot be sampled with %(name)s.") % {"name": wanted.scheduler[:40]},
            hint=_("Use one of: %(names)s. Without a name it uses its own.") % {"names": ", ".join(profile.samplers)},
            field="scheduler",
        )


def _numbers_of_the_task(task: Task, profile: Profile, wanted: Wanted) -> dict[str, int | float]:
    found: dict[str, int | float] = {}
    for field, given, usual in (
        ("strength", wanted.strength, STRENGTH.get(task)),
        ("image_guidance", wanted.image_guidance, IMAGE_GUIDANCE if task == Task.EDITING else None),
    ):
        if usual is not None:
            found[field] = float(usual if given is None else given)
        elif given is not None:
            raise Unprocessable(
                _("This task takes no %(field)s.") % {"field": field},
                hint=_("The task: %s.") % task.label,
                field=field,
            )
    return found | enlarging.noise_of(task, profile, wanted.noise_level)


def _check_numbers(numbers: dict[str, int | float], profile: Profile, *, fewest_steps: int) -> None:
    for field, number in numbers.items():
        least, most = LIMITS[field]
        if field == "steps":
            least = fewest_steps
        if field == "noise_level" and profile.noise_levels:
            most = profile.noise_levels[1]
        if field in {"width", "height"}:
            most = profile.largest
        if not least <= number <= most:
            raise Unprocessable(
                _("%(field)s must lie between %(least)s and %(most)s.")
                % {"field": field, "least": least, "most": most},
                hint=_("Change it and try again."),
                field=field,
            )
        if field in {"width", "height"} and number % profile.unit:
            raise Unprocessable(
                _("%(field)s must be a multiple of %(unit)d for this model.") % {"field": field, "unit": profile.unit},
                hint=_("Change it, or leave it out for the model's own size."),
                field=field,
            )
