"""A policy to be put in force, and the age somebody says they have."""

from django import forms
from django.utils.translation import gettext_lazy as _

from inference.algorithms.policy import MAX_LENGTH


class PolicyForm(forms.Form):
    text = forms.CharField(
        label=_("Policy, as JSON"),
        max_length=MAX_LENGTH,
        widget=forms.Textarea(attrs={"rows": 24, "spellcheck": "false", "class": "mono"}),
        help_text=_("Change the version, too. What is asked for from then on is judged by it."),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Everybody can read it on the page of the policy."),
    )


class AgeForm(forms.Form):
    """0 takes a statement back."""

    years = forms.IntegerField(min_value=0, max_value=99)
