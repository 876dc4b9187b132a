import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licensing.algorithms.tax import RATES, CountryNeeded, Tax, tax_on, vat_country

CENT = 10_000


@pytest.mark.parametrize(
    ("seller", "buyer", "vat_id", "tax"),
    [
        ("", "DE", "", Tax(0, 0, "none")),
        ("US", "", "", Tax(0, 0, "none")),
        ("DE", "DE", "DE123456789", Tax(19_000_000, 1900, "domestic")),
        ("DE", "FR", "FR12345678901", Tax(0, 0, "reverse_charge")),
        ("DE", "FR", "DE123456789", Tax(20_000_000, 2000, "destination")),
        ("DE", "FI", "", Tax(25_500_000, 2550, "destination")),
        ("DE", "US", "", Tax(0, 0, "export")),
    ],
)
def test_who_pays_what(seller, buyer, vat_id, tax):
    assert tax_on(100_000_000, unit=CENT, seller=seller, buyer=buyer, vat_id=vat_id) == tax


def test_the_country_is_needed_where_tax_is_due():
    with pytest.raises(CountryNeeded):
        tax_on(1, unit=CENT, seller="DE")


@pytest.mark.parametrize(
    ("vat_id", "country"),
    [("DE 123 456 789", "DE"), ("EL123456789", "GR"), ("de123456789", "DE"), ("US123", None), ("", None), ("DE", None)],
)
def test_the_form_of_a_vat_id(vat_id, country):
    assert vat_country(vat_id) == country


@settings(deadline=None)
@given(st.integers(1, 10**12), st.sampled_from(sorted(RATES)), st.sampled_from([CENT, 1_000_000]))
def test_tax_is_whole_units_and_never_half_a_unit_off(net, country, unit):
    tax = tax_on(net, unit=unit, seller=country, buyer=country)
    assert tax.amount % unit == 0
    assert abs(tax.amount * 10_000 - net * tax.rate) * 2 <= unit * 10_000
