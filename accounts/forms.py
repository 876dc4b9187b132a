"""Forms for people; the services decide."""

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.utils.translation import gettext_lazy as _

from accounts.enums import Role, TokenScope


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


class TokenForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=60, help_text=_("What it is for, such as “laptop”."))
    scope = forms.ChoiceField(
        label=_("It may"),
        choices=[
            (TokenScope.READ, _("read what I may read")),
            (TokenScope.WRITE, _("read and change everything I may")),
        ],
    )


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
