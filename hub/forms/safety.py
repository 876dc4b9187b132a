"""Forms for reports and opt-out requests; the services decide."""

from django import forms
from django.utils.translation import gettext_lazy as _

from hub.enums import MatchKind, ReportKind


class LinesField(forms.CharField):
    """One value a line; empty lines do not count."""

    widget = forms.Textarea(attrs={"rows": 3})

    def clean(self, value: str) -> list[str]:
        return [line.strip() for line in super().clean(value).splitlines() if line.strip()]


class HoneypotMixin(forms.Form):
    """A field that people do not see and programs fill in."""

    website = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_website(self) -> str:
        if self.cleaned_data["website"]:
            raise forms.ValidationError(_("Leave the hidden field empty."))
        return ""


class ReportForm(HoneypotMixin):
    about = forms.CharField(
        label=_("What is it about?"),
        max_length=1000,
        help_text=_("The address of a model, data set, file or picture here."),
    )
    kind = forms.ChoiceField(label=_("What is wrong?"), choices=ReportKind.choices)
    paths = LinesField(
        label=_("Files"),
        required=False,
        help_text=_("One path a line; nothing for the whole repository."),
        max_length=20_000,
    )
    revision = forms.CharField(
        label=_("Branch, tag or commit"), required=False, max_length=300, help_text=_("Nothing for the newest state.")
    )
    statement = forms.CharField(
        label=_("Say what is wrong, and how you know"),
        widget=forms.Textarea,
        max_length=20_000,
        help_text=_("Staff read this. If they agree with it, the owner reads it too, without your name and address."),
    )
    contact = forms.EmailField(
        label=_("E-mail address for questions"),
        required=False,
        help_text=_("Only staff see it. You may stay anonymous."),
    )
    in_good_faith = forms.BooleanField(label=_("What I say is true as far as I know."))


class ObjectionForm(forms.Form):
    statement = forms.CharField(
        label=_("Why is the decision wrong?"), widget=forms.Textarea, max_length=20_000,
        help_text=_("Staff read this; who reported does too."),
    )  # fmt: skip


class DecisionForm(forms.Form):
    rule = forms.CharField(
        label=_("Rule"), required=False, max_length=200, help_text=_("What an upheld report rests on. Public.")
    )
    reason = forms.CharField(
        label=_("Reason"), required=False, widget=forms.Textarea, max_length=20_000,
        help_text=_("Public: name no people."),
    )  # fmt: skip
    is_whole = forms.BooleanField(label=_("Disable the whole repository"), required=False)
    paths = LinesField(label=_("Disable these files"), required=False, max_length=20_000)
    contents = LinesField(
        label=_("Disable these contents everywhere"), required=False, help_text=_("SHA-256 or git ids, one a line.")
    )


class OptOutForm(HoneypotMixin):
    statement = forms.CharField(
        label=_("Why is it yours to ask?"), widget=forms.Textarea, max_length=20_000,
        help_text=_("Those who keep the data set and staff read this, nobody else."),
    )  # fmt: skip
    contact = forms.EmailField(
        label=_("E-mail address for questions"),
        required=False,
        help_text=_("Only staff see it. You may stay anonymous."),
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        for kind in MatchKind:
            self.fields[f"match_{kind.value}"] = LinesField(
                label=MATCH_LABELS[kind], required=False, help_text=_("One a line."), max_length=100_000
            )
        self.order_fields(["website", *(f"match_{kind.value}" for kind in MatchKind), "statement", "contact"])

    def clean(self) -> dict:
        given = super().clean()
        given["matches"] = [
            (kind.value, value) for kind in MatchKind for value in given.get(f"match_{kind.value}") or []
        ]
        return given


MATCH_LABELS = {
    MatchKind.URL: _("Addresses of pages or files"),
    MatchKind.DOMAIN: _("Domains"),
    MatchKind.SHA256: _("SHA-256 of files"),
    MatchKind.TEXT: _("Texts that occur in it"),
    MatchKind.PATH: _("Paths in the data set"),
}


class AnswerForm(forms.Form):
    reason = forms.CharField(
        label=_("In your words"), widget=forms.Textarea, required=False, max_length=20_000, help_text=_("Public.")
    )
