"""Collections and their items."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.enums import Role
from accounts.models import User
from accounts.principal import Principal
from accounts.selectors import namespaces_of
from hub.enums import RepositoryKind, Theme, Visibility
from hub.models.collections import MAX_DESCRIPTION, MAX_NOTE, MAX_TITLE
from hub.selectors.collections import collections_to_fill


class CollectionForm(forms.Form):
    title = forms.CharField(label=_("Title"), max_length=MAX_TITLE)
    description = forms.CharField(label=_("What it is about"), max_length=MAX_DESCRIPTION, required=False)
    visibility = forms.ChoiceField(
        label=_("Who may see it?"),
        choices=[(Visibility.PUBLIC, _("everybody")), (Visibility.PRIVATE, _("only its owners"))],
        initial=Visibility.PUBLIC,
    )
    theme = forms.ChoiceField(label=_("Colour"), choices=Theme.choices)


class NewCollectionForm(CollectionForm):
    namespace = forms.ChoiceField(label=_("Owner"))

    def __init__(self, *args: object, user: User, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        names = namespaces_of(user, at_least=Role.WRITE)
        self.fields["namespace"].choices = [(namespace.name, namespace.name) for namespace in names]


class ItemForm(forms.Form):
    note = forms.CharField(label=_("Note"), max_length=MAX_NOTE, required=False)


class NewItemForm(forms.Form):
    kind = forms.ChoiceField(
        label=_("What is it?"),
        choices=[*RepositoryKind.choices, ("bucket", _("bucket")), ("collection", _("collection"))],
    )
    name = forms.CharField(label=_("Name"), max_length=200, help_text=_("As owner/name."))
    note = forms.CharField(label=_("Note"), max_length=MAX_NOTE, required=False)


class CollectForm(forms.Form):
    """Which of the collections that one may fill."""

    collection = forms.ChoiceField(label=_("Collection"))
    note = forms.CharField(label=_("Note"), max_length=MAX_NOTE, required=False)

    def __init__(self, *args: object, principal: Principal, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        rows = collections_to_fill(principal)
        self.fields["collection"].choices = [(row.slug, f"{row.namespace.name} / {row.title}") for row in rows]
