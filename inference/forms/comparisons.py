"""The Studio's form with one or two axes instead of a number of pictures."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from inference import selectors
from inference.algorithms import grids
from inference.algorithms.grids import Axis, BadValues
from inference.forms.studio import StudioForm

LABELS = {
    "steps": _("Steps"),
    "guidance": _("Guidance"),
    "seed": _("Seed"),
    "strength": _("Strength"),
    "lora_scale": _("Scale of the first LoRA"),
    "scheduler": _("Scheduler"),
    "model": _("Model"),
    "words": _("Words of the prompt"),
}
CHOICES = [(name, LABELS[name]) for name in grids.NAMES]
# Images come from a page of a picture; there is one picture for each cell.
_LEFT_OUT = ("count", "image", "mask", "left", "right", "top", "bottom")
_LEFT_OUT += ("label", "seconds")
_LEFT_OUT += ("box_left", "box_top", "box_width", "box_height")
_VALUES = forms.Textarea(attrs={"rows": 2})


class ComparisonForm(StudioForm):
    tags = selectors.IMAGE_TAGS

    columns = forms.ChoiceField(label=_("Columns: what changes from left to right"), choices=CHOICES)
    column_values = forms.CharField(
        label=_("Values of the columns"),
        widget=_VALUES,
        max_length=4000,
        help_text=_("Two to twelve, between commas or one a line. Of words, the first stands in the prompt."),
    )
    rows = forms.ChoiceField(
        label=_("Rows: what changes from top to bottom"), required=False, choices=[("", _("no rows")), *CHOICES]
    )
    row_values = forms.CharField(label=_("Values of the rows"), widget=_VALUES, max_length=4000, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in _LEFT_OUT:
            del self.fields[name]
        self.fields["prompt"].required = True
        self.fields["seed"].help_text = _("All pictures have the same one. Empty: a new one is chosen and recorded.")

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
