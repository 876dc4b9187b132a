"""Forms for people; the services decide."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from accounts.models import Namespace
from common.quantities import format_gpu_seconds
from grants.enums import Outcome, SubjectKind
from grants.models import Call, Proposal
from grants.services.proposals import Text

_LONG = forms.Textarea(attrs={"rows": 6})


class ProposalForm(forms.Form):
    """A call's questions beside those that every call asks. A draft needs only its title."""

    key = forms.CharField(widget=forms.HiddenInput, required=False, max_length=100)
    holder = forms.ChoiceField(label=_("Apply as"), help_text=_("This name will own the award."))
    title = forms.CharField(label=_("Title"), max_length=150)
    abstract = forms.CharField(
        label=_("Abstract"),
        max_length=5000,
        widget=_LONG,
        help_text=_("What you want to make, with which data, and what others can do with it. Public if awarded."),
    )
    asked_gpu_seconds = forms.IntegerField(label=_("GPU-seconds"), min_value=1)
    team = forms.CharField(
        label=_("Team"),
        required=False,
        help_text=_("User names, separated by commas. Each must sign before the proposal is handed in."),
    )
    publishes_openly = forms.BooleanField(label=_("I will publish the result openly on this site."), required=False)

    def __init__(self, call: Call, names: list[Namespace], *args: Any, draft: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.call, self.draft = call, draft
        self.fields["holder"].choices = [(name.name, name.name) for name in names]
        self.fields["asked_gpu_seconds"].help_text = _now(
            "3600 are one GPU-hour. This call gives at most %(most)s."
        ) % {"most": f"{call.largest_gpu_seconds} ({format_gpu_seconds(call.largest_gpu_seconds)})"}
        for question in call.questions:
            self.fields[f"q_{question['key']}"] = forms.CharField(
                label=question["label"],
                help_text=question["help"],
                required=question["required"],
                max_length=question["most_characters"],
                widget=_LONG,
            )
        self.order_fields(["key", "holder", "title", "abstract", *self._questions()])
        if draft:
            for name in set(self.fields) - {"title", "holder"}:
                self.fields[name].required = False

    def _questions(self) -> list[str]:
        return [f"q_{question['key']}" for question in self.call.questions]

    def clean(self) -> dict[str, Any]:
        """What the rule of an instant call would decline is better said before it is handed in."""
        data = super().clean() or {}
        if self.draft or not self.call.is_instant:
            return data
        if (data.get("asked_gpu_seconds") or 0) > self.call.largest_gpu_seconds:
            self.add_error("asked_gpu_seconds", _("This is more than the call gives. Ask for less."))
        if "abstract" in data and len(data["abstract"]) < self.call.least_abstract_characters:
            self.add_error(
                "abstract",
                _now("Write at least %(least)d characters.") % {"least": self.call.least_abstract_characters},
            )
        if not data.get("publishes_openly"):
            self.add_error("publishes_openly", _("This call funds open work only."))
        return data

    def text(self) -> Text:
        data = self.cleaned_data
        return Text(
            title=data["title"],
            abstract=data["abstract"],
            asked_gpu_seconds=data["asked_gpu_seconds"] or 0,
            publishes_openly=data["publishes_openly"],
            answers={question["key"]: data[f"q_{question['key']}"] for question in self.call.questions},
            team=tuple(name.strip() for name in data["team"].split(",") if name.strip()),
        )


def initial_of(proposal: Proposal) -> dict[str, Any]:
    """What the form shows when a draft is opened again."""
    return {
        "holder": proposal.holder.name,
        "title": proposal.title,
        "abstract": proposal.abstract,
        "asked_gpu_seconds": proposal.asked_gpu_seconds or None,
        "publishes_openly": proposal.publishes_openly,
        "team": ", ".join(proposal.team.values_list("user__username", flat=True)),
        **{f"q_{key}": answer for key, answer in proposal.answers.items()},
    }


class ReviewForm(forms.Form):
    score = forms.TypedChoiceField(
        label=_("Score"),
        coerce=int,
        choices=[
            (5, _("5: fund it before others")),
            (4, _("4: good")),
            (3, _("3: acceptable")),
            (2, _("2: weak")),
            (1, _("1: do not fund it")),
        ],
    )
    text = forms.CharField(
        label=_("Review"),
        min_length=20,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 10}),
        help_text=_("The applicant reads it after the decision, without your name."),
    )


class ConflictForm(forms.Form):
    reason = forms.CharField(label=_("What is the conflict?"), max_length=300, help_text=_("Only staff read it."))


class ReviewerForm(forms.Form):
    reviewer = forms.CharField(label=_("User name"), max_length=42)


class ReturnForm(forms.Form):
    reason = forms.CharField(label=_("What to change"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))


class DecisionForm(forms.Form):
    outcome = forms.ChoiceField(label=_("Outcome"), choices=Outcome.choices)
    gpu_seconds = forms.IntegerField(label=_("GPU-seconds"), min_value=0, required=False)
    reasons = forms.CharField(
        label=_("Reasons"), max_length=5000, widget=_LONG, help_text=_("The applicant reads them.")
    )


class ReportForm(forms.Form):
    text = forms.CharField(
        label=_("Report"),
        max_length=10_000,
        widget=_LONG,
        help_text=_("What was made, and where it is published. Public."),
    )


class ClosingForm(forms.Form):
    closes_at = forms.DateTimeField(
        label=_("Closes (UTC)"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    reason = forms.CharField(label=_("Why"), max_length=300, help_text=_("Everybody can read it."))


class NominationForm(forms.Form):
    kind = forms.ChoiceField(label=_("Kind"), choices=SubjectKind.choices)
    name = forms.CharField(
        label=_("Name"), max_length=100, help_text=_("Such as “ada/shapes”; of a proposal, its number.")
    )
    why = forms.CharField(label=_("Why, in one line"), max_length=280)
    gpu_seconds = forms.IntegerField(label=_("GPU-seconds"), min_value=1, help_text=_("3600 are one GPU-hour."))
