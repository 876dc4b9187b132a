"""Forms for people; the services decide."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.enums import OAuthScope, Permission, Role, TokenScope
from accounts.models import User
from accounts.selectors import namespaces_of
from accounts.services.tokens import Limits


class LogInForm(AuthenticationForm):
    username = forms.CharField(
        label=_("User name"), widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True})
    )


class SignUpForm(forms.Form):
    username = forms.CharField(
        label=_("User name"),
        max_length=42,
        help_text=_("Also the address of your models and data sets. It cannot be changed later."),
        widget=forms.TextInput(attrs={"autocomplete": "username"}),
    )
    full_name = forms.CharField(
        label=_("Full name"),
        max_length=100,
        required=False,
        help_text=_("Shown with your work; leave it empty to stay with the user name."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = forms.EmailField(label=_("E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "email"}))
    password = forms.CharField(
        label=_("Password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 8 characters."),
    )


NO_END = ""
LIFETIMES = [("7", _("7 days")), ("30", _("30 days")), ("90", _("90 days")), ("365", _("a year"))]


class LimitsForm(forms.Form):
    """What a token may spend on pictures; empty means no bound of its own."""

    budget = forms.DecimalField(
        label=_("Budget a month"),
        min_value=0,
        max_digits=12,
        decimal_places=2,
        required=False,
        help_text=_("On pictures. Requests beyond it are refused; empty: no bound but the credits."),
    )
    currency = forms.ChoiceField(label=_("Currency"), choices=[("eur", "EUR"), ("usd", "USD")], required=False)
    per_minute = forms.IntegerField(
        label=_("Pictures a minute"),
        min_value=1,
        max_value=100_000,
        required=False,
        help_text=_("Empty: no bound."),
    )

    @property
    def limits(self) -> Limits:
        budget = self.cleaned_data["budget"]
        micros = None if budget is None else int(budget * 1_000_000)
        return Limits(micros, self.cleaned_data["currency"] or "eur", self.cleaned_data["per_minute"])


class TokenForm(LimitsForm):
    """What stands between scope and lifetime matters for chosen permissions only."""

    name = forms.CharField(label=_("Name"), max_length=60, help_text=_("What it is for, such as “laptop”."))
    scope = forms.ChoiceField(
        label=_("It may"),
        choices=[
            (TokenScope.READ, _("read what I may read")),
            (TokenScope.WRITE, _("read and change everything I may")),
            (TokenScope.FINE, _("do what I choose below")),
        ],
        widget=forms.RadioSelect,
        initial=TokenScope.FINE,
    )
    permissions = forms.MultipleChoiceField(
        label=_("Permissions"), choices=Permission.choices, widget=forms.CheckboxSelectMultiple, required=False
    )
    everywhere = forms.ChoiceField(
        label=_("Where?"),
        choices=[("yes", _("everywhere I may")), ("no", _("only in these places"))],
        widget=forms.RadioSelect,
        initial="yes",
        required=False,
    )
    namespaces = forms.MultipleChoiceField(label=_("Names"), widget=forms.CheckboxSelectMultiple, required=False)
    repositories = forms.CharField(
        label=_("Repositories and buckets"),
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
        help_text=_("One a line, such as model:ada/tiny, dataset:ada/words or bucket:ada/logs."),
    )
    lifetime = forms.ChoiceField(
        label=_("It works for"),
        choices=[*LIFETIMES, ("date", _("until the day below")), (NO_END, _("as long as I want"))],
        required=False,
        initial="90",
    )
    until = forms.DateField(label=_("Last day"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = namespaces_of(user)
        self.fields["namespaces"].choices = [(namespace.name, namespace.name) for namespace in names]

    def clean_repositories(self) -> list[str]:
        return self.cleaned_data["repositories"].split()

    def clean(self) -> dict[str, Any]:
        chosen = super().clean() or {}
        if chosen.get("lifetime") == "date" and not chosen.get("until"):
            self.add_error("until", _("Choose the last day."))
        is_fine = chosen.get("scope") == TokenScope.FINE
        places = [*chosen.get("namespaces", []), *chosen.get("repositories", [])]
        if is_fine and not chosen.get("permissions"):
            self.add_error("permissions", _("Choose at least one permission."))
        if is_fine and chosen.get("everywhere") == "no" and not places:
            self.add_error("namespaces", _("Choose at least one name or repository."))
        return chosen

    @property
    def expires_at(self) -> datetime | None:
        lifetime = self.cleaned_data["lifetime"]
        if lifetime == "date":
            return datetime.combine(self.cleaned_data["until"] + timedelta(days=1), time(), tzinfo=UTC)
        return timezone.now() + timedelta(days=int(lifetime)) if lifetime else None


class ApplicationForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=60, help_text=_("People see it when they are asked."))
    owner = forms.ChoiceField(label=_("Owner"))
    homepage = forms.URLField(label=_("Home page"), required=False, assume_scheme="https")
    is_public = forms.ChoiceField(
        label=_("Can it keep a secret?"),
        choices=[("no", _("yes, it runs on a server")), ("yes", _("no, it runs in a browser or on people’s machines"))],
        initial="no",
    )
    redirect_uris = forms.CharField(
        label=_("Addresses to come back to"),
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
        help_text=_("One a line, compared letter by letter."),
    )
    scopes = forms.MultipleChoiceField(
        label=_("It may ask to"),
        choices=OAuthScope.choices,
        widget=forms.CheckboxSelectMultiple,
        initial=[OAuthScope.OPENID, OAuthScope.PROFILE],
    )
    logs_in_devices = forms.BooleanField(label=_("It logs in devices by a code"), required=False)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = namespaces_of(user, at_least=Role.ADMIN)
        self.fields["owner"].choices = [(namespace.name, namespace.name) for namespace in names]

    def clean_redirect_uris(self) -> list[str]:
        return self.cleaned_data["redirect_uris"].split()


class ChangeApplicationForm(ApplicationForm):
    """Owner and kind stay what they are."""

    owner = None
    is_public = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        forms.Form.__init__(self, *args, **kwargs)


class DeviceForm(forms.Form):
    user_code = forms.CharField(
        label=_("Code"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
        help_text=_("The device shows it, such as BCDF-GHJK."),
    )


class OrcidForm(forms.Form):
    orcid = forms.CharField(label=_("ORCID iD"), max_length=60, required=False)


class OrganisationForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=42)
    full_name = forms.CharField(label=_("Full name"), max_length=100, required=False)


class OrganisationSettingsForm(forms.Form):
    is_private_by_default = forms.BooleanField(
        label=_("New repositories are private unless somebody says otherwise"), required=False
    )


class MemberForm(forms.Form):
    username = forms.CharField(label=_("User name"), max_length=42)
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)


class PublisherForm(forms.Form):
    """Claims come as lines `name: value`."""

    issuer = forms.CharField(
        label=_("Issuer"),
        max_length=300,
        initial="https://token.actions.githubusercontent.com",
        help_text=_("The service that runs your builds and signs who they are."),
    )
    claims = forms.CharField(
        label=_("Claims that must match"),
        widget=forms.Textarea(attrs={"rows": 4, "placeholder": "repository: ada/training\nenvironment: release"}),
        help_text=_("One a line, as name: value. Name at least the repository of the build."),
    )
    audience = forms.CharField(
        label=_("Audience"), max_length=300, required=False, help_text=_("Leave it empty for the address of this site.")
    )

    def clean_claims(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for line in self.cleaned_data["claims"].splitlines():
            name, colon, value = line.partition(":")
            if line.strip() and not (colon and name.strip() and value.strip()):
                raise forms.ValidationError(_("“%(line)s” is not of the form name: value."), params={"line": line})
            if line.strip():
                found[name.strip()] = value.strip()
        return found
