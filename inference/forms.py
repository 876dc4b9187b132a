"""What people fill in; the services decide."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.principal import Principal
from inference import selectors
from inference.algorithms.profiles import MAX_GUIDANCE, MAX_PICTURES, MAX_PROMPT, MAX_SEED, MAX_SIDE, MAX_STEPS
from inference.services.planning import Wanted

MODELS_SHOWN = 200


class StudioForm(forms.Form):
    """Empty numbers mean the model's own values."""

    model = forms.ChoiceField(
        label=_("Model"), help_text=_("With its licence. Private models of yours are in the list.")
    )
    prompt = forms.CharField(
        label=_("Prompt"),
        max_length=MAX_PROMPT,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("What to draw. It is used as you wrote it, never rewritten."),
    )
    negative_prompt = forms.CharField(
        label=_("Negative prompt"), max_length=MAX_PROMPT, required=False, help_text=_("What to keep away from.")
    )
    seed = forms.IntegerField(
        label=_("Seed"),
        min_value=0,
        max_value=MAX_SEED,
        required=False,
        help_text=_("The same seed gives the same picture. Empty: a new one is chosen and recorded."),
    )
    steps = forms.IntegerField(label=_("Steps"), min_value=1, max_value=MAX_STEPS, required=False)
    guidance = forms.FloatField(label=_("Guidance"), min_value=0, max_value=MAX_GUIDANCE, required=False)
    width = forms.IntegerField(label=_("Width"), min_value=1, max_value=MAX_SIDE, required=False)
    height = forms.IntegerField(label=_("Height"), min_value=1, max_value=MAX_SIDE, required=False)
    count = forms.IntegerField(label=_("Pictures"), min_value=1, max_value=MAX_PICTURES, initial=1)
    billed = forms.ModelChoiceField(label=_("Billed to"), queryset=None, empty_label=None)

    def __init__(self, *args: Any, principal: Principal, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        found = selectors.models_for(principal)[:MODELS_SHOWN]
        self.licences = {model.full_name: model.license for model in found}
        self.fields["model"].choices = [
            (name, f"{name} · {licence}" if licence else name) for name, licence in self.licences.items()
        ]
        assert principal.user is not None
        self.fields["billed"].queryset = selectors.payers_for(principal.user)
        self.fields["billed"].initial = principal.user.namespace

    def wanted(self) -> Wanted:
        names = ("prompt", "negative_prompt", "seed", "steps", "guidance", "width", "height", "count")
        return Wanted(**{name: self.cleaned_data[name] for name in names})

    def refuse(self, refusal: Any) -> None:
        """Show a service's refusal beside the field it is about."""
        field = refusal.context.get("field")
        self.add_error(field if field in self.fields else None, str(refusal))
