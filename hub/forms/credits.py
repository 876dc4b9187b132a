"""Credits and disputes about them."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.algorithms import orcid
from hub.algorithms.provenance import CreditClaim
from hub.enums import CreditRole
from hub.selectors.credits import users_named
from hub.services.disputes import Line


class CreditForm(forms.Form):
    """One contributor: somebody here by user name, or somebody else by name and ORCID iD."""

    user = forms.CharField(label=_("User name"), max_length=42, required=False)
    name = forms.CharField(label=_("or name"), max_length=200, required=False)
    orcid = forms.CharField(label=_("and ORCID iD"), max_length=60, required=False)
    roles = forms.MultipleChoiceField(
        label=_("Roles"), choices=CreditRole.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    points = forms.IntegerField(label=_("Points"), min_value=1, max_value=1_000_000, initial=1)

    def clean_orcid(self) -> str:
        text = str(self.cleaned_data["orcid"])
        found = orcid.normalised(text)
        if text and not found:
            raise forms.ValidationError(_("This is not an ORCID iD."))
        return found

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("user") and not cleaned.get("name") and not cleaned.get("DELETE"):
            raise forms.ValidationError(_("Give a user name, or a name."))
        return cleaned

    @property
    def claim(self) -> CreditClaim:
        facts = self.cleaned_data
        outside = {} if facts["user"] else {"name": facts["name"], "orcid": facts["orcid"]}
        return CreditClaim(facts["user"], tuple(facts["roles"]), facts["points"], **outside)


CreditFormSet = forms.formset_factory(CreditForm, extra=1, can_order=True, can_delete=True, max_num=100)


class DisputeForm(forms.Form):
    reason = forms.CharField(label=_("What is wrong, and how do you know?"), max_length=5000, widget=forms.Textarea)


class DisputeAnswerForm(forms.Form):
    text = forms.CharField(label=_("Answer"), max_length=5000, widget=forms.Textarea)
    proposal = forms.CharField(
        label=_("How the credits should read"),
        help_text=_("In order, one person a line: user name, points, then roles, for example “ada 2 software”."),
        max_length=5000,
        required=False,
        widget=forms.Textarea,
    )

    def clean_proposal(self) -> list[Line]:
        rows = [row.replace(",", " ").split() for row in str(self.cleaned_data["proposal"]).splitlines() if row.strip()]
        people = {user.username.lower(): user for user in users_named([row[0] for row in rows])}
        lines = []
        for name, *rest in rows:
            if name.lower() not in people:
                raise forms.ValidationError(_("Nobody here is called %(name)s.") % {"name": name})
            points = int(rest.pop(0)) if rest and rest[0].isascii() and rest[0].isdigit() else 1
            unknown = [role for role in rest if role not in CreditRole.values]
            if unknown:
                raise forms.ValidationError(_("%(name)s is no role.") % {"name": unknown[0]})
            lines.append(Line(people[name.lower()], tuple(rest), points))
        return lines
