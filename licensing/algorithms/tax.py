"""Value added tax on what is sold here, from a table. Not tax advice; have it reviewed before use.

The seller is the site's operator. Not registered anywhere (no country): no tax. Registered in the
European Union: buyers of the same country pay its rate; companies elsewhere in the Union with a VAT id
account for it themselves (reverse charge); others there pay their own country's rate; exports are free.
Rates: European Commission, standard rates as of 2026-01, in hundredths of a percent.
"""

import re
from dataclasses import dataclass

RATES = {
    "AT": 2000, "BE": 2100, "BG": 2000, "HR": 2500, "CY": 1900, "CZ": 2100, "DE": 1900, "DK": 2500, "EE": 2400,
    "ES": 2100, "FI": 2550, "FR": 2000, "GR": 2400, "HU": 2700, "IE": 2300, "IT": 2200, "LT": 2100, "LU": 1700,
    "LV": 2100, "MT": 1800, "NL": 2100, "PL": 2300, "PT": 2300, "RO": 2100, "SE": 2500, "SI": 2200, "SK": 2300,
}  # fmt: skip
_VAT_ID = re.compile(r"(?P<country>[A-Z]{2})[A-Z0-9+*]{2,12}")
_VAT_PREFIX = {"EL": "GR"}  # Greece writes its VAT ids with EL


class CountryNeeded(Exception):
    """Tax depends on where the buyer is, and that is not known."""


@dataclass(frozen=True)
class Tax:
    """`rate` in hundredths of a percent, `amount` in the unit of the price; `rule` for the invoice."""

    amount: int
    rate: int
    rule: str  # none, domestic, reverse_charge, destination, export


def vat_country(vat_id: str) -> str | None:
    """The country of a VAT id by its form; None when it has not the form of one. Existence is not checked."""
    match = _VAT_ID.fullmatch(vat_id.replace(" ", "").replace(".", "").upper())
    if match is None:
        return None
    country = _VAT_PREFIX.get(match["country"], match["country"])
    return country if country in RATES else None


def tax_on(net: int, *, unit: int, seller: str, buyer: str = "", vat_id: str = "") -> Tax:
    """Tax on `net` micros, rounded half up to whole `unit`s (micros per minor unit of the currency).

    `seller` and `buyer` are ISO 3166 country codes; raises CountryNeeded.
    """
    if not seller or seller not in RATES:
        return Tax(0, 0, "none")
    if not buyer:
        raise CountryNeeded
    if buyer == seller:
        return _at(net, unit, RATES[seller], "domestic")
    if buyer not in RATES:
        return Tax(0, 0, "export")
    if vat_country(vat_id) == buyer:
        return Tax(0, 0, "reverse_charge")
    return _at(net, unit, RATES[buyer], "destination")


def _at(net: int, unit: int, rate: int, rule: str) -> Tax:
    return Tax((2 * net * rate + 10_000 * unit) // (2 * 10_000 * unit) * unit, rate, rule)
