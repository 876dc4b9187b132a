"""Filters of one's own history and of the gallery: addresses that can be kept."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.principal import Principal
from inference.enums import GenerationState
from inference.selectors.history import models_used


class DayInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class HistoryForm(forms.Form):
    text = forms.CharField(label=_("Words of the prompt or label"), required=False, max_length=200)
    model = forms.ChoiceField(label=_("Model"), required=False)
    state = forms.ChoiceField(label=_("State"), required=False, choices=[("", _("any")), *GenerationState.choices])
    since = forms.DateField(label=_("From"), required=False, widget=DayInput)
    until = forms.DateField(label=_("To"), required=False, widget=DayInput)

    def __init__(self, *args: Any, principal: Principal, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = models_used(principal)
        self.fields["model"].choices = [("", _("any")), *((name, name) for name in names)]


class GalleryForm(forms.Form):
    text = forms.CharField(label=_("Words of the prompt or label"), required=False, max_length=200)
    order = forms.ChoiceField(
        label=_("Sort"), required=False, choices=[("new", _("newest first")), ("liked", _("most liked first"))]
    )
    model = forms.CharField(required=False, max_length=140, widget=forms.HiddenInput)
