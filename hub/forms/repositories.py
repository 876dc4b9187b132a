"""Repositories: made, copied, imported, set, deleted."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.enums import Role
from accounts.models import User
from accounts.selectors import namespaces_of
from hub.enums import ImportSchedule, RepositoryKind, Visibility

_WHO_SEES = [(Visibility.PUBLIC, _("everybody")), (Visibility.PRIVATE, _("only its owners"))]
_WHO_SEES_NEW = [("", _("as its owner has it for new repositories")), *_WHO_SEES]


class _OwnedForm(forms.Form):
    """For something new under a name that the person may write to."""

    namespace = forms.ChoiceField(label=_("Owner"))

    def __init__(self, *args: object, user: User, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        names = list(namespaces_of(user, at_least=Role.WRITE))
        self.fields["namespace"].choices = [(namespace.name, namespace.name) for namespace in names]
        private = [one.name for one in names if one.organisation and one.organisation.is_private_by_default]
        if private:
            told = _("New repositories of %(names)s are private if you do not choose.") % {"names": ", ".join(private)}
            self.fields["visibility"].help_text = told


class NewRepositoryForm(_OwnedForm):
    kind = forms.ChoiceField(
        label=_("What is it?"),
        choices=[(RepositoryKind.MODEL, _("a model")), (RepositoryKind.DATASET, _("a data set"))],
    )
    name = forms.CharField(label=_("Name"), max_length=96, help_text=_("Letters, digits, hyphens, dots, underscores."))
    visibility = forms.ChoiceField(label=_("Who may see it?"), choices=_WHO_SEES_NEW, required=False)
    field_order = ("kind", "namespace", "name", "visibility")


class DuplicateForm(_OwnedForm):
    name = forms.CharField(label=_("Name"), max_length=96)
    visibility = forms.ChoiceField(
        label=_("Who may see it?"),
        choices=[("", _("whoever sees the original, or fewer if its owner has it so")), *_WHO_SEES],
        required=False,
    )


class StatementForm(forms.Form):
    """Why copies are allowed where the licence does not clearly say so."""

    statement = forms.CharField(
        label=_("Why may you copy it?"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        help_text=_("In a sentence or two: where its licence or its author allows copies. What you say is kept."),
    )


class ImportForm(_OwnedForm):
    source = forms.CharField(
        label=_("Source"),
        max_length=500,
        help_text=_("The address of its page, or its name as owner/name or datasets/owner/name."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    name = forms.CharField(
        label=_("Name here"), max_length=96, required=False, help_text=_("Empty: the name that it has there.")
    )
    revision = forms.CharField(
        label=_("Revision"),
        max_length=250,
        required=False,
        help_text=_("Empty: everything, with history, branches and tags. A branch, tag or commit: only its files."),
    )
    visibility = forms.ChoiceField(
        label=_("Who may see it?"),
        choices=_WHO_SEES_NEW,
        required=False,
        help_text=_("A copy of something private or gated is always private."),
    )
    schedule = forms.ChoiceField(
        label=_("How often?"),
        choices=ImportSchedule.choices,
        help_text=_("A mirror follows every change of its source."),
    )
    token = forms.CharField(
        label=_("Access token for the source"),
        max_length=500,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_("Only for what is private or gated there. It is kept encrypted and never shown."),
    )
    statement = forms.CharField(
        label=_("Why may you copy it?"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        required=False,
        help_text=_("Needed only where the card names no licence, or one that we do not know. What you say is kept."),
    )
    field_order = ("source", "namespace", "name", "revision", "visibility", "schedule", "token", "statement")


class SettingsForm(forms.Form):
    visibility = forms.ChoiceField(label=_("Who may see it?"), choices=_WHO_SEES)
    discussions = forms.ChoiceField(
        label=_("Discussions"),
        choices=[("open", _("open to whoever sees it")), ("closed", _("closed; what was said stays"))],
        required=False,
    )

    @property
    def changes(self) -> dict[str, object]:
        """For the service."""
        chosen = self.cleaned_data
        has_discussions = {"open": True, "closed": False}.get(chosen["discussions"])
        return {"visibility": chosen["visibility"], "has_discussions": has_discussions}


class DeleteForm(forms.Form):
    full_name = forms.CharField(label=_("Type the full name to confirm"), max_length=140)
