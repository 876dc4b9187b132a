"""Forms for people; the services decide."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Namespace, User
from accounts.selectors import active_user_named
from common.quantities import format_gpu_seconds
from grants.enums import ON_THE_TEAM, Outcome, SubjectKind
from grants.models import Call, Proposal
from grants.selectors.calls import open_calls
from grants.selectors.proposals import outcomes_open
from grants.services.limits import broken_limits
from grants.services.proposals import Text
from grants.services.reviews import CHANGE_DAYS, MOST_CHANGE_DAYS, REVIEW_DAYS

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
        help_text=_(
            "User names, separated by commas. Each is invited, and must accept and sign before it is handed in."
        ),
    )
    publishes_openly = forms.BooleanField(label=_("I will publish the result openly on this site."), required=False)

    def __init__(self, call: Call, names: list[Namespace], *args: Any, draft: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.call, self.draft = call, draft
        self.fields["holder"].choices = [(name.name, name.name) for name in names]
        self.fields["asked_gpu_seconds"].help_text = gettext(
            "3600 are one GPU-hour. This call gives from %(least)s to %(most)s."
        ) % {
            "least": f"{call.smallest_gpu_seconds} ({format_gpu_seconds(call.smallest_gpu_seconds)})",
            "most": f"{call.largest_gpu_seconds} ({format_gpu_seconds(call.largest_gpu_seconds)})",
        }
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
        """What would be refused or declined is better said before it is handed in."""
        data = super().clean() or {}
        if self.draft:
            return data
        broken = broken_limits(
            self.call,
            asked_gpu_seconds=data.get("asked_gpu_seconds") or 0,
            abstract=data.get("abstract", ""),
            publishes_openly=bool(data.get("publishes_openly")),
        )
        for field, sentence in broken:
            if field not in self.errors:
                self.add_error(field, sentence)
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
        "team": ", ".join(proposal.team.filter(state__in=ON_THE_TEAM).values_list("user__username", flat=True)),
        **{f"q_{key}": answer for key, answer in proposal.answers.items()},
    }


class ReviewForm(forms.Form):
    score = forms.TypedChoiceField(
        label=_("Score"),
        coerce=int,
        choices=[
            ("", _("choose")),
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


class NoTimeForm(forms.Form):
    reason = forms.CharField(
        label=_("Why not?"), max_length=300, required=False, help_text=_("Only staff read it. No conflict is implied.")
    )


class ReviewerForm(forms.Form):
    reviewer = forms.CharField(label=_("User name"), max_length=42)
    due_on = forms.DateField(
        label=_("Review due on"), required=False, widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["due_on"].initial = timezone.localdate() + timedelta(days=REVIEW_DAYS)

    def clean_reviewer(self) -> User:
        name = self.cleaned_data["reviewer"]
        found = active_user_named(name)
        if found is None:
            raise forms.ValidationError(gettext("There is nobody called %(name)s.") % {"name": name})
        return found


class ReleaseForm(forms.Form):
    review = forms.IntegerField(widget=forms.HiddenInput)


class ReturnForm(forms.Form):
    reason = forms.CharField(label=_("What to change"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
    days = forms.IntegerField(
        label=_("Days for the changes"), min_value=1, max_value=MOST_CHANGE_DAYS, initial=CHANGE_DAYS
    )


class CopyForm(forms.Form):
    """Where the copy goes: any open call, the same one first."""

    call = forms.ModelChoiceField(Call.objects.none(), label=_("For the call"), empty_label=None)

    def __init__(self, proposal: Proposal, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["call"].queryset = open_calls()
        self.fields["call"].initial = proposal.call_id


class DecisionForm(forms.Form):
    outcome = forms.ChoiceField(label=_("Outcome"), choices=Outcome.choices)
    gpu_seconds = forms.IntegerField(
        label=_("GPU-seconds, when partly awarded"),
        min_value=1,
        required=False,
        help_text=_("“Awarded” gives all that was asked for."),
    )
    reasons = forms.CharField(
        label=_("Reasons"),
        max_length=5000,
        widget=_LONG,
        help_text=_("The applicant reads them; those of an award everybody does."),
    )

    def __init__(self, proposal: Proposal, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.proposal = proposal
        outcomes = outcomes_open(proposal) or list(Outcome)
        self.fields["outcome"].choices = [("", _("choose")), *((one.value, one.label) for one in outcomes)]
        if outcomes == [Outcome.DECLINED]:
            del self.fields["gpu_seconds"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("outcome") == Outcome.PARTLY_AWARDED and not data.get("gpu_seconds") and not self.errors:
            self.add_error("gpu_seconds", _("Say how many GPU-seconds are given."))
        if not self.errors:
            # All that was asked unless a number stands there, and nothing unless it is an award.
            data["outcome"] = Outcome(data["outcome"])
            amount = data.get("gpu_seconds") or self.proposal.asked_gpu_seconds
            data["amount"] = amount if data["outcome"].gives else 0
        return data


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
