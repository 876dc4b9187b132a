"""Forms of the hub; the services decide."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.enums import Role
from accounts.models import User
from accounts.selectors import namespaces_of
from hub.enums import RepositoryKind, Visibility


class NewRepositoryForm(forms.Form):
    kind = forms.ChoiceField(
        label=_("What is it?"),
        choices=[(RepositoryKind.MODEL, _("a model")), (RepositoryKind.DATASET, _("a data set"))],
    )
    namespace = forms.ChoiceField(label=_("Owner"))
    name = forms.CharField(label=_("Name"), max_length=96, help_text=_("Letters, digits, hyphens, dots, underscores."))
    visibility = forms.ChoiceField(
        label=_("Who may see it?"),
        choices=[(Visibility.PUBLIC, _("everybody")), (Visibility.PRIVATE, _("only its owners"))],
    )

    def __init__(self, *args: object, user: User, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        names = namespaces_of(user, at_least=Role.WRITE)
        self.fields["namespace"].choices = [(namespace.name, namespace.name) for namespace in names]


class SettingsForm(forms.Form):
    visibility = forms.ChoiceField(
        label=_("Who may see it?"),
        choices=[(Visibility.PUBLIC, _("everybody")), (Visibility.PRIVATE, _("only its owners"))],
    )


class DeleteForm(forms.Form):
    full_name = forms.CharField(label=_("Type the full name to confirm"), max_length=140)


class NewDiscussionForm(forms.Form):
    title = forms.CharField(label=_("Title"), min_length=3, max_length=200)
    text = forms.CharField(label=_("What is it about?"), widget=forms.Textarea, help_text=_("Markdown is understood."))


class CommentForm(forms.Form):
    text = forms.CharField(
        label=_("Your comment"), widget=forms.Textarea, required=False, help_text=_("Markdown is understood.")
    )
