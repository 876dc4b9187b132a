"""Forms of the hub; the services decide."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.enums import Role
from accounts.models import User
from accounts.principal import Principal
from accounts.selectors import namespace_named, namespaces_of
from hub.enums import Domain, RepositoryKind, Theme, Visibility
from hub.models import Webhook
from hub.models.collections import MAX_DESCRIPTION, MAX_NOTE, MAX_TITLE
from hub.selectors.collections import collections_to_fill


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


class WebhookForm(forms.Form):
    url = forms.CharField(
        label=_("Address"), max_length=2000, help_text=_("Events are posted to it. It must be on the public Internet.")
    )
    watched = forms.CharField(
        label=_("What to watch"),
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("One a line: a person or organisation, owner/name of a model, datasets/owner/name of a data set."),
    )
    repo = forms.BooleanField(label=_("repositories and their files"), required=False)
    discussion = forms.BooleanField(label=_("discussions and pull requests"), required=False)
    secret = forms.CharField(
        label=_("Secret"),
        max_length=200,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_("Sent along and used to sign, so that your server can tell that an event is from here."),
    )
    forget_secret = forms.BooleanField(label=_("Take the secret away"), required=False)

    def __init__(self, *args: object, is_new: bool = True, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        if is_new:
            del self.fields["forget_secret"]
        else:
            self.fields["secret"].help_text = _("Leave it empty to keep the one that is set.")

    @staticmethod
    def initial_of(webhook: Webhook) -> dict[str, object]:
        """What a webhook is set to; its secret is not shown again."""
        return {
            "url": webhook.url,
            "watched": "\n".join(_line_of(row.kind, row.name) for row in webhook.watched.all()),
        } | {domain.value: domain in webhook.domains for domain in Domain}

    def settings(self) -> dict[str, object]:
        chosen = self.cleaned_data
        lines = [line.strip() for line in chosen["watched"].splitlines()]
        return {
            "url": chosen["url"],
            "watched": [_watched_of(line) for line in lines if line],
            "domains": [domain.value for domain in Domain if chosen[domain.value]],
        }

    def new_secret(self) -> str | None:
        """None keeps the one that is set."""
        if self.cleaned_data["forget_secret"]:
            return ""
        return self.cleaned_data["secret"] or None


def _line_of(kind: str, name: str) -> str:
    return f"{RepositoryKind(kind).prefix}{name}" if kind in RepositoryKind.values else name


def _watched_of(line: str) -> tuple[str, str]:
    """What a line of the form names: kind and name."""
    if "/" not in line:
        found = namespace_named(line)
        return ("org" if found is not None and found.is_organisation else "user"), line
    for kind in RepositoryKind:
        if kind.prefix and line.startswith(kind.prefix):
            return kind.value, line.removeprefix(kind.prefix)
    return RepositoryKind.MODEL.value, line.removeprefix("models/")
