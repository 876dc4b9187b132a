"""Forms for people; the services decide."""

import re
from decimal import Decimal, InvalidOperation

from django import forms
from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.enums import Role
from accounts.selectors import namespaces_of
from common.money import MICROS
from licensing.algorithms.countries import countries
from licensing.enums import RevenueBand, Use
from licensing.services.offers import CURRENCIES, MAX_TERMS, Conditions
from licensing.services.quotes import Answers

_CURRENCIES = [(name, name.upper()) for name in CURRENCIES]


class MoneyField(forms.CharField):
    """An amount as people write it, with a point or a comma before the cents; cleaned to whole micros."""

    default_error_messages = {"bad": _("Write an amount such as 250 or 49.90.")}

    def clean(self, value):
        text = super().clean(value)
        try:
            micros = Decimal(_with_point(text.replace(" ", ""))) * MICROS
        except InvalidOperation as error:
            raise forms.ValidationError(self.error_messages["bad"], code="bad") from error
        if not micros.is_finite() or abs(micros) > 10**15 or micros != int(micros):
            raise forms.ValidationError(self.error_messages["bad"], code="bad")
        return int(micros)


def _with_point(text: str) -> str:
    """“12,34” means 12.34; “1,234” could mean two things and is left to be refused."""
    return re.sub(r"^(-?\d+),(\d{1,2})$", r"\1.\2", text)


class OfferForm(forms.Form):
    title = forms.CharField(label=_("Title"), max_length=120, help_text=_("Such as “Commercial use, one year”."))
    price = MoneyField(label=_("Price before tax"), widget=forms.TextInput(attrs={"inputmode": "decimal"}))
    currency = forms.ChoiceField(label=_("Currency"), choices=_CURRENCIES)
    term_days = forms.IntegerField(label=_("Term in days"), min_value=1, max_value=36_500, initial=365)
    seats = forms.IntegerField(
        label=_("Seats"), min_value=0, initial=0, help_text=_("How many people may use it; 0 means any number.")
    )
    use = forms.ChoiceField(label=_("It may be used"), choices=Use.choices, initial=Use.PRODUCT)
    revenue_band = forms.ChoiceField(
        label=_("For companies with a revenue of"), choices=RevenueBand.choices, initial=RevenueBand.ANY
    )
    territory = forms.CharField(
        label=_("Territory"),
        required=False,
        help_text=_("Two-letter country codes, such as DE FR; leave it empty for the whole world."),
    )
    later_versions = forms.BooleanField(
        label=_("Versions published later during the term are covered."), required=False, initial=True
    )
    terms_text = forms.CharField(
        label=_("Terms"),
        max_length=MAX_TERMS,
        widget=forms.Textarea(attrs={"rows": 14}),
        help_text=_("The exact words that buyers agree to. They cannot be changed later; make a new offer instead."),
    )
    add_required_text = forms.BooleanField(
        label=_("Add the text that upstream licences require."), required=False, initial=False
    )

    def conditions(self) -> Conditions:
        data = self.cleaned_data
        return Conditions(
            price=data["price"],
            currency=data["currency"],
            term_days=data["term_days"],
            seats=data["seats"],
            use=Use(data["use"]),
            territory=tuple(data["territory"].upper().replace(",", " ").split()),
            revenue_band=RevenueBand(data["revenue_band"]),
            later_versions=data["later_versions"],
        )


class HolderForm(forms.Form):
    """Who buys: one of the names that the person administers."""

    holder = forms.ChoiceField(label=_("For"))
    country = forms.ChoiceField(label=_("Country"), required=False)
    vat_id = forms.CharField(
        label=_("VAT id"), max_length=20, required=False, help_text=_("Of a company in the European Union.")
    )

    def __init__(self, user, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.holders = {name.name: name for name in namespaces_of(user, at_least=Role.ADMIN)}
        self.fields["holder"].choices = [(name, holder.full_name) for name, holder in self.holders.items()]
        self.fields["country"].choices = [("", "—"), *countries(get_language() or "en").items()]
        self.fields["country"].required = bool(settings.TAX_COUNTRY)
        if not settings.TAX_COUNTRY:
            del self.fields["vat_id"]

    def namespace(self):
        return self.holders[self.cleaned_data["holder"]]


class QuoteForm(HolderForm):
    revenue_band = forms.ChoiceField(label=_("Yearly revenue of the company"), choices=RevenueBand.choices)
    seats = forms.IntegerField(label=_("People who will use it"), min_value=1, initial=1)
    use = forms.ChoiceField(label=_("It will be used"), choices=Use.choices)
    field_order = ["holder", "revenue_band", "seats", "use", "country", "vat_id"]

    def answers(self) -> Answers:
        data = self.cleaned_data
        return Answers(
            revenue_band=RevenueBand(data["revenue_band"]),
            seats=data["seats"],
            use=Use(data["use"]),
            country=data["country"],
            vat_id=data.get("vat_id", ""),
        )


class AcceptanceForm(forms.Form):
    terms_sha256 = forms.CharField(widget=forms.HiddenInput, max_length=64)
    authority = forms.BooleanField(label=_("I have read these terms, and I may agree to them on behalf of the buyer."))


class CreditForm(HolderForm):
    amount = MoneyField(label=_("Amount"), widget=forms.TextInput(attrs={"inputmode": "decimal"}))
    currency = forms.ChoiceField(label=_("Currency"), choices=_CURRENCIES)
    field_order = ["holder", "amount", "currency", "country", "vat_id"]

    def __init__(self, user, *args, pack=None, **kwargs):
        """With a `pack` the amount is the site's, and what stands in its field does not count."""
        super().__init__(user, *args, **kwargs)
        if pack is not None:
            self.fields["amount"] = forms.CharField(label=_("Amount"), required=False)
            self.fields["currency"].required = False
        if not settings.TAX_COUNTRY:
            del self.fields["country"]


class DecisionForm(forms.Form):
    note = forms.CharField(
        label=_("What the decision rests on"), max_length=500, widget=forms.Textarea(attrs={"rows": 3})
    )


class VerifyForm(forms.Form):
    certificate = forms.CharField(
        label=_("Certificate"),
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        help_text=_("The whole text of the .jws file."),
    )
