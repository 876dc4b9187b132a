"""The Studio's form with one or two axes instead of a number of pictures."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from inference.algorithms import grids
from inference.algorithms.grids import Axis, BadValues
from inference.enums import Task
from inference.forms.studio import StudioForm

LABELS = {
    "steps": _("Steps"),
    "guidance": _("Guidance"),
    "seed": _("Seed"),
    "strength": _("Strength"),
    "lora_scale": _("Scale of the first LoRA"),
    "seconds": _("Seconds"),
    "scheduler": _("Scheduler"),
    "model": _("Model"),
    "words": _("Words of the prompt"),
}
OF_PICTURES = [name for name in grids.NAMES if name != "seconds"]
# Images come from a page of a picture; there is one picture or sound for each cell.
_LEFT_OUT = ("count", "image", "mask", "left", "right", "top", "bottom")
_LEFT_OUT += ("search", "finder", "grow_mask")
_LEFT_OUT += ("box_left", "box_top", "box_width", "box_height")
_VALUES = forms.Textarea(attrs={"rows": 2})


class ComparisonForm(StudioForm):
    """Of pictures or of sounds, as the chosen model makes them."""

    columns = forms.ChoiceField(label=_("Columns: what changes from left to right"))
    column_values = forms.CharField(
        label=_("Values of the columns"),
        widget=_VALUES,
        max_length=4000,
        help_text=_("Two to twelve, between commas or one a line. Of words, the first stands in the prompt."),
    )
    rows = forms.ChoiceField(label=_("Rows: what changes from top to bottom"), required=False)
    row_values = forms.CharField(label=_("Values of the rows"), widget=_VALUES, max_length=4000, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_sound = self.does(Task.SOUND)
        for name in (*_LEFT_OUT, *(() if self.is_sound else ("label", "seconds"))):
            self.fields.pop(name, None)  # some are not there where nothing finds by words
        choices = [(name, LABELS[name]) for name in (grids.OF_SOUNDS if self.is_sound else OF_PICTURES)]
        self.fields["columns"].choices = choices
        self.fields["rows"].choices = [("", _("no rows")), *choices]
        self.fields["prompt"].required = not self.is_sound
        if self.is_sound:
            self.fields["column_values"].help_text = _("Two to twelve, between commas or one a line.")
        self.fields["seed"].help_text = _("All have the same one. Empty: a new one is chosen and recorded.")

    def clean_task(self) -> str:
        """What was chosen with another model counts where this one does it, too."""
        task = self.cleaned_data["task"]
        return task if any(mode["is_offered"] for mode in self.modes if mode["value"] == task) else ""

    def clean_prompt(self) -> str:
        prompt: str = self.cleaned_data["prompt"]
        if prompt and self.is_sound:
            raise forms.ValidationError(_("This model makes sounds out of noise: a prompt would have no influence."))
        return prompt

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        given["column_axis"] = self._axis(given.get("columns"), "column_values")
        given["row_axis"] = self._axis(given.get("rows"), "row_values")
        return given

    def _axis(self, name: str | None, field: str) -> Axis | None:
        if not name:
            return None
        try:
            return grids.axis_of(name, self.cleaned_data.get(field) or "")
        except BadValues as error:
            if error.args[0]:
                self.add_error(field, _("“%(value)s” is no number that fits.") % {"value": error.args[0]})
            elif field not in self.errors:
                self.add_error(field, _("Give two to twelve different values."))
        return None
