"""Gates and what those who want in are asked."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hub.algorithms.gate_forms import MAX_ANSWER, Question
from hub.enums import GateMode, OverduePolicy
from hub.models import Terms
from hub.services.gates import GateWish


class GateSettingsForm(forms.Form):
    """All about the gate; services/gates.py says what fits."""

    gated = forms.ChoiceField(label=_("Who gets the contents?"), choices=GateMode.choices)
    heading = forms.CharField(label=_("Heading"), max_length=200, required=False)
    prompt = forms.CharField(
        label=_("Text above the questions"),
        widget=forms.Textarea(attrs={"rows": 5}),
        required=False,
        help_text=_("Markdown is understood. What is empty here is taken from the card, if that has it."),
    )
    form = forms.CharField(
        label=_("Questions"),
        widget=forms.Textarea(attrs={"class": "mono", "spellcheck": "false"}),
        required=False,
        help_text=_("YAML as in extra_gated_fields of a card, one line each, such as “Company: text”."),
    )
    terms = forms.CharField(
        label=_("Terms to agree to"),
        widget=forms.Textarea(attrs={"rows": 5}),
        required=False,
        help_text=_("A changed text is a new version. Which one somebody agreed to, and when, is kept."),
    )
    button = forms.CharField(label=_("Words on the button"), max_length=100, required=False)
    deadline_days = forms.IntegerField(label=_("Days to answer a request"), min_value=1, max_value=365)
    overdue = forms.ChoiceField(label=_("What happens to a request after that?"), choices=OverduePolicy.choices)
    reapply_days = forms.IntegerField(
        label=_("Days until a rejected person may ask again"),
        min_value=0,
        max_value=365,
        help_text=_("With other answers they may ask again at once."),
    )
    writers_decide = forms.BooleanField(label=_("Writers may decide about requests, too"), required=False)

    @property
    def wish(self) -> GateWish:
        facts = {name: value for name, value in self.cleaned_data.items() if name != "gated"}
        return GateWish(**facts)


class AnswersForm(forms.Form):
    """The questions of a gate. Programs may send an answer under the question's own words."""

    def __init__(self, data: Any = None, *, questions: tuple[Question, ...], terms: Terms | None) -> None:
        self.questions = questions
        names = {f"q{number}": question for number, question in enumerate(questions)}
        if data is not None:
            data = data.copy()
            for name, question in names.items():
                if name not in data and question.label in data:
                    data[name] = data[question.label]
        super().__init__(data)
        for name, question in names.items():
            self.fields[name] = _field_of(question)
        if terms is not None:
            label = _("I have read the terms above (version %(number)s) and agree to them.")
            self.fields["agrees"] = forms.BooleanField(label=label % {"number": terms.version})

    @property
    def answers(self) -> dict[str, str | bool]:
        """By the words of the question."""
        given = {question.label: self.cleaned_data[f"q{i}"] for i, question in enumerate(self.questions)}
        return {label: value if isinstance(value, bool) else str(value or "") for label, value in given.items()}

    @property
    def agrees(self) -> bool:
        return self.cleaned_data.get("agrees", False)


class GrantForm(forms.Form):
    username = forms.CharField(label=_("User name"), max_length=42)


class ReasonForm(forms.Form):
    """One field for several buttons; the services say which of them need it."""

    use_required_attribute = False
    text = forms.CharField(label=_("Reason"), widget=forms.Textarea(attrs={"rows": 5}), max_length=5000)


def _field_of(question: Question) -> forms.Field:
    facts: dict[str, Any] = {"label": question.label, "required": question.is_required}
    match question.kind:
        case "checkbox":
            return forms.BooleanField(**facts)
        case "select":
            return forms.ChoiceField(choices=[("", "–"), *question.options], **facts)
        case "date_picker":
            return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}), **facts)
        case "country":
            return forms.CharField(
                widget=forms.TextInput(attrs={"autocomplete": "country-name"}), max_length=MAX_ANSWER, **facts
            )
        case _:
            return forms.CharField(max_length=MAX_ANSWER, **facts)
