"""What people fill in to get pictures; the services decide."""

import re
from functools import cached_property
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.principal import Principal
from inference import selectors
from inference.algorithms.canvas import Margins, Rectangle
from inference.algorithms.profiles import (
    DIFFUSION_SAMPLERS,
    FLOW_SAMPLERS,
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
from inference.algorithms.sounds import MAX_LABEL, SoundFacts
from inference.algorithms.uploads import MAX_BYTES
from inference.enums import StepReuse, Task
from inference.forms.choosing import LORA_ROWS, Choosing
from inference.models import InputImage
from inference.selectors.pictures import picture_named
from inference.services.canvas import Given
from inference.services.planning import LoraWanted, Wanted
from inference.services.searching import GROW_MASK, MAX_WORDS, MOST_GROWN, SearchWanted

SETTINGS = ("negative_prompt", "scheduler", "seed", "steps", "guidance", "width", "height", "step_reuse")
# Extending an image is filling the ground around it.
OUTPAINTING = "outpainting"
_BEFORE, _AFTER = (Task.TEXT_TO_IMAGE, Task.IMAGE_TO_IMAGE, Task.INPAINTING), (Task.EDITING, Task.UPSCALE, Task.SOUND)
MODES: dict[str, tuple[Task, Any]] = {task.value: (task, task.label) for task in _BEFORE}
MODES[OUTPAINTING] = (Task.INPAINTING, _("extend an image"))
MODES |= {task.value: (task, task.label) for task in _AFTER}
_IMAGES = {"accept": "image/png,image/jpeg,image/webp,image/gif"}
_SIZE = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})")


def _pixels(label: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=0, max_value=MAX_SIDE, required=False)


class StudioForm(Choosing):
    """Empty numbers mean the model's own values."""

    model = forms.ChoiceField(
        label=_("Model"), help_text=_("With its licence. Private models of yours are in the list.")
    )
    task = forms.ChoiceField(
        label=_("What to do"), required=False, choices=[(mode, label) for mode, (_task, label) in MODES.items()]
    )
    image = forms.FileField(label=_("Image to draw from"), required=False, widget=forms.FileInput(attrs=_IMAGES))
    mask = forms.FileField(
        label=_("Mask as a file"),
        required=False,
        widget=forms.FileInput(attrs=_IMAGES),
        help_text=_("As large as the image; white is drawn anew."),
    )
    search = forms.CharField(
        label=_("Find by words"),
        max_length=MAX_WORDS,
        required=False,
        help_text=_("What is drawn anew, such as: red circle. The part that is found is shown with the result."),
    )
    finder = forms.ChoiceField(label=_("Found by"), required=False)
    grow_mask = forms.IntegerField(
        label=_("Grown by, in pixels"),
        min_value=0,
        max_value=MOST_GROWN,
        required=False,
        widget=forms.NumberInput(attrs={"placeholder": GROW_MASK}),
    )
    box_left, box_top = _pixels(_("From the left")), _pixels(_("From above"))
    box_width, box_height = _pixels(_("Width")), _pixels(_("Height"))
    left, right, top, bottom = _pixels(_("Left")), _pixels(_("Right")), _pixels(_("Above")), _pixels(_("Below"))
    strength = forms.FloatField(
        label=_("Strength"),
        min_value=0,
        max_value=1,
        required=False,
        help_text=_("How far it may go from the image: 0 keeps it, 1 ignores it."),
    )
    image_guidance = forms.FloatField(
        label=_("Image guidance"),
        min_value=0,
        max_value=MAX_IMAGE_GUIDANCE,
        required=False,
        help_text=_("How much stays as it is."),
    )
    noise_level = forms.IntegerField(
        label=_("Noise level"),
        min_value=0,
        max_value=MAX_NOISE_LEVEL,
        required=False,
        help_text=_("How noisy the image is made before it is enlarged: more hides its flaws, and changes more."),
    )
    prompt = forms.CharField(
        label=_("Prompt"),
        max_length=MAX_PROMPT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("What to draw; an image can do without. It is used as you wrote it, never rewritten."),
    )
    negative_prompt = forms.CharField(
        label=_("Negative prompt"), max_length=MAX_PROMPT, required=False, help_text=_("What to keep away from.")
    )
    label = forms.CharField(
        label=_("Label"),
        max_length=MAX_LABEL,
        required=False,
        help_text=_(
            "Kept with the sound, under which you find it again. It has no influence: the model hears no words."
        ),
    )
    seed = forms.IntegerField(
        label=_("Seed"),
        min_value=0,
        max_value=MAX_SEED,
        required=False,
        help_text=_("The same seed gives the same result. Empty: a new one is chosen and recorded."),
    )
    steps = forms.IntegerField(label=_("Steps"), min_value=1, max_value=MAX_STEPS, required=False)
    guidance = forms.FloatField(label=_("Guidance"), min_value=0, max_value=MAX_GUIDANCE, required=False)
    scheduler = forms.ChoiceField(label=_("Scheduler"), required=False)
    step_reuse = forms.ChoiceField(
        label=_("Steps left out"),
        required=False,
        choices=StepReuse.choices,
        help_text=_("Faster, and not the same picture: the answer of the step before is taken again. The price stays."),
    )
    width = forms.IntegerField(label=_("Width"), min_value=1, max_value=MAX_SIDE, required=False)
    height = forms.IntegerField(label=_("Height"), min_value=1, max_value=MAX_SIDE, required=False)
    seconds = forms.FloatField(label=_("Seconds"), min_value=0, required=False)
    count = forms.IntegerField(label=_("How many"), min_value=1, max_value=MAX_PICTURES, initial=1)
    billed = forms.ModelChoiceField(label=_("Billed to"), queryset=None, empty_label=None)
    # The picture whose parameters the form began with: it is credited.
    remix_of = forms.CharField(required=False, max_length=24, widget=forms.HiddenInput)
    # A picture of this site as the image; images that were given before; the size that the browser saw.
    picture = forms.CharField(required=False, max_length=24, widget=forms.HiddenInput)
    image_id = forms.CharField(required=False, max_length=24, widget=forms.HiddenInput)
    mask_id = forms.CharField(required=False, max_length=24, widget=forms.HiddenInput)
    image_size = forms.CharField(required=False, max_length=12, widget=forms.HiddenInput)

    def __init__(self, *args: Any, principal: Principal, is_estimate: bool = False, **kwargs: Any) -> None:
        """As an estimate it takes images that are still to come for granted."""
        super().__init__(*args, **kwargs)
        self.principal, self.is_estimate = principal, is_estimate
        self.add_models()
        self.doing = selectors.models_by_task(self.found)
        if not self.initial.get("model"):
            self.initial["model"] = self._usual_model()
        self.add_loras()
        self.add_finders()
        self.fields["scheduler"].choices = [("", _("the model's own")), *((name, name) for name in self.samplers)]
        assert principal.user is not None
        self.fields["billed"].queryset = selectors.payers_for(principal.user)
        self.fields["billed"].initial = principal.user.namespace
        if self.profile is not None:
            self._show_own_values(self.profile)

    def _usual_model(self) -> str:
        """The newest one that does what was asked for, else one that draws from words: not what came last."""
        wanted = MODES.get(str(self.initial.get("task")), MODES[Task.TEXT_TO_IMAGE])[0]
        usual = self.doing.get(wanted) or self.doing.get(Task.TEXT_TO_IMAGE)
        return usual.full_name if usual else ""

    def _show_own_values(self, profile: Profile) -> None:
        """What the model takes where nothing is written."""
        names = ("steps",) if profile.sound else ("steps", "guidance", "width", "height")
        for name in names:
            self.fields[name].widget.attrs["placeholder"] = f"{getattr(profile, name):g}"
        if profile.sound is not None:
            self._show_length(profile.sound)

    def _show_length(self, sound: SoundFacts) -> None:
        field = self.fields["seconds"]
        field.widget.attrs |= {"placeholder": f"{sound.seconds:.4g}", "step": "any"}
        field.help_text = _("From %(least)s to %(most)s.") % {
            "least": f"{sound.shortest:.4g}",
            "most": f"{sound.longest:.4g}",
        }

    @property
    def can_search(self) -> bool:
        return "search" in self.fields

    @cached_property
    def profile(self) -> Profile | None:
        """Of the chosen model, or of the first one."""
        name = self["model"].value() or ""
        model = next((one for one in self.found if one.full_name == name), self.found[0] if self.found else None)
        return None if model is None else selectors.profile(model, model.head)

    def does(self, task: Task) -> bool:
        """The chosen model."""
        return self.profile is not None and task in self.profile.tasks

    def with_model_that_does(self) -> Any:
        """What was sent, with the newest model that does the chosen task."""
        data = self.data.copy()
        other = self.doing.get(MODES.get(str(data.get("task")), MODES[Task.TEXT_TO_IMAGE])[0])
        if other is not None:
            data["model"] = other.full_name
        return data

    @property
    def samplers(self) -> tuple[str, ...]:
        return self.profile.samplers if self.profile else (*DIFFUSION_SAMPLERS, *FLOW_SAMPLERS)

    @property
    def modes(self) -> list[dict[str, Any]]:
        """What can be done, in which the model's own limits show: one of those it does is chosen. Of the others each
        names the model that would do it."""
        tasks = self.profile.tasks if self.profile else tuple(Task)
        chosen = self["task"].value() or Task.TEXT_TO_IMAGE.value
        offered = [mode for mode, (task, _label) in MODES.items() if task in tasks]
        if chosen not in offered and offered:
            chosen = offered[0]
        return [
            {
                "value": mode,
                "label": label,
                "is_offered": mode in offered,
                "is_chosen": mode == chosen,
                "other": None if mode in offered else self.doing.get(task),
            }
            for mode, (task, label) in MODES.items()
        ]

    @property
    def lora_rows(self) -> list[tuple[Any, Any]]:
        return [(self[f"lora_{row}"], self[f"scale_{row}"]) for row in LORA_ROWS]

    @property
    def has_settings(self) -> bool:
        """Whether something is written, or wrong, among what is folded away."""
        return any(self[name].value() not in (None, "") or self[name].errors for name in SETTINGS)

    @property
    def has_loras(self) -> bool:
        return any(lora.value() for lora, _scale in self.lora_rows)

    @property
    def given_address(self) -> str:
        """Where the image is that the form holds already."""
        if key := self["image_id"].value():
            return reverse("api_generation_input", args=[key])
        picture = picture_named(self.principal, str(self["picture"].value() or ""))
        return picture.get_absolute_url() if picture else ""

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        mode = given.get("task") or self._usual_mode()
        given["mode"], given["task"] = mode, MODES[mode][0]
        if not self.is_estimate:
            self._require_images(given)
            if given["task"].needs_words and not (given.get("prompt") or "").strip() and "prompt" not in self.errors:
                self._need("prompt", _("Say what to draw."))
        return given

    def _usual_mode(self) -> str:
        """Without a choice the model's first task."""
        return next((mode["value"] for mode in self.modes if mode["is_chosen"]), Task.TEXT_TO_IMAGE.value)

    def _require_images(self, given: dict[str, Any]) -> None:
        if given["task"].needs_image and not any(given.get(name) for name in ("image", "picture", "image_id")):
            self._need("image", _("Choose an image."))
        if given["mode"] == OUTPAINTING and not self.margins:
            self._need("left", _("Say how many pixels are added on which side."))
        has_mask = self._rectangle or any(given.get(name) for name in ("mask", "mask_id", "search"))
        if given["mode"] == Task.INPAINTING and not has_mask:
            self._need("mask", self._ways_to_a_mask)

    @property
    def _ways_to_a_mask(self) -> Any:
        if self.can_search:
            return _("Paint what is drawn anew, say what to find, choose a mask, or give a rectangle.")
        return _("Paint what is drawn anew, choose a mask, or give a rectangle.")

    def _need(self, field: str, message: Any) -> None:
        """Beside the field, or above a form that leaves it out."""
        self.add_error(field if field in self.fields else None, message)

    @property
    def margins(self) -> Margins:
        if self.cleaned_data.get("mode") != OUTPAINTING:
            return Margins()
        return Margins(**{side: self.cleaned_data.get(side) or 0 for side in ("left", "top", "right", "bottom")})

    @property
    def _rectangle(self) -> Rectangle | None:
        sides = {name: self.cleaned_data.get(f"box_{name}") or 0 for name in ("left", "top", "width", "height")}
        return Rectangle(**sides) if sides["width"] and sides["height"] else None

    def given(self) -> Given:
        """A new image makes an earlier mask void."""
        data = self.cleaned_data
        image = data["image"].read(MAX_BYTES + 1) if data.get("image") else None
        return Given(
            image=image,
            image_id=data.get("image_id", ""),
            picture=picture_named(self.principal, data.get("picture", "")),
            mask=data["mask"].read(MAX_BYTES + 1) if data.get("mask") else None,
            mask_id="" if image else data.get("mask_id", ""),
            rectangle=self._rectangle,
        )

    def kept(self, **images: InputImage) -> None:
        """Hold on to images that were kept, for when the form is shown again."""
        self.data = self.data.copy()
        for name, image in images.items():
            self.data[f"{name}_id"] = image.pk
            self.data["picture"] = ""

    @property
    def size_of_image(self) -> tuple[int, int] | None:
        """As the browser saw it."""
        match = _SIZE.fullmatch(self.cleaned_data.get("image_size") or "")
        return (int(match[1]), int(match[2])) if match else None

    def wanted(self) -> Wanted:
        """Without the images."""
        data = self.cleaned_data
        if data["task"] == Task.SOUND:
            return self._wanted_sound()
        names = ("seed", "steps", "guidance", "width", "height")
        numbers = {name: data.get(name) for name in names} | {"count": data.get("count") or 1}
        if data["task"] in {Task.IMAGE_TO_IMAGE, Task.INPAINTING}:
            numbers["strength"] = data.get("strength")
        if data["mode"] == Task.INPAINTING and data.get("search"):
            numbers["search"] = SearchWanted(
                data["search"], finder=data.get("finder") or "", grow_mask=data.get("grow_mask")
            )
        if data["task"] == Task.EDITING:
            numbers["image_guidance"] = data.get("image_guidance")
        if data["task"] == Task.UPSCALE:
            numbers["noise_level"] = data.get("noise_level")
        return Wanted(
            prompt=data.get("prompt") or ("–" if self.is_estimate else ""),
            negative_prompt=data.get("negative_prompt") or "",
            task=data["task"],
            scheduler=data.get("scheduler") or "",
            step_reuse=data.get("step_reuse") or "",
            loras=self._loras(),
            **numbers,
        )

    def _wanted_sound(self) -> Wanted:
        """Without what the form holds of pictures, and does not show."""
        data = self.cleaned_data
        numbers = {name: data.get(name) for name in ("seed", "steps", "seconds")} | {"count": data.get("count") or 1}
        words = {name: data.get(name) or "" for name in ("label", "step_reuse")}
        return Wanted(prompt="", task=Task.SOUND, **words, **numbers)

    def _loras(self) -> tuple[LoraWanted, ...]:
        chosen = [(self.cleaned_data.get(f"lora_{row}"), self.cleaned_data.get(f"scale_{row}")) for row in LORA_ROWS]
        return tuple(LoraWanted(name, 1.0 if scale is None else scale) for name, scale in chosen if name)

    def refuse(self, refusal: Any) -> None:
        """Show a service's refusal beside the field it is about."""
        field = {"loras": "lora_1"}.get(refusal.context.get("field"), refusal.context.get("field"))
        self.add_error(field if field in self.fields else None, str(refusal))
