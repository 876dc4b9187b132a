"""Money is an integer of micros: 10^-6 of the currency's major unit, for every currency."""

from dataclasses import dataclass
from decimal import Decimal

MICROS = 1_000_000

# Stripe's minor units per major unit, where it is not 100. Source: Stripe, "Supported currencies".
ZERO_DECIMAL = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"]
)


@dataclass(frozen=True)
class InexactAmount(Exception):
    """The amount has a part that the payment system cannot express."""

    micros: int
    currency: str

    def __str__(self) -> str:
        return f"{self.micros} micros is not a whole number of minor units of {self.currency}."


def micros_per_minor_unit(currency: str) -> int:
    return MICROS if currency.lower() in ZERO_DECIMAL else MICROS // 100


def to_minor_units(micros: int, currency: str) -> int:
    """Exact conversion for the payment system. Raises InexactAmount rather than rounding."""
    whole, rest = divmod(micros, micros_per_minor_unit(currency))
    if rest:
        raise InexactAmount(micros, currency)
    return whole


def from_minor_units(amount: int, currency: str) -> int:
    return amount * micros_per_minor_unit(currency)


def format_money(micros: int, currency: str, *, full: bool = False) -> str:
    """`12.50 EUR`; sub-cent parts are shown when there are any, or always with `full`."""
    value = Decimal(micros) / MICROS
    places = 0 if currency.lower() in ZERO_DECIMAL else 2
    if full or micros % micros_per_minor_unit(currency):
        places = 6
    return f"{value:,.{places}f} {currency.upper()}"
