"""Webhooks, and asking for bulk downloads."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.selectors import namespace_named
from hub.enums import Domain, RepositoryKind
from hub.models import Webhook


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


class BulkForm(forms.Form):
    purpose = forms.CharField(
        label=_("What do you need the data for?"),
        min_length=20,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Everybody can read this, without your name."),
    )
