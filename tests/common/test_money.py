import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.money import InexactAmount, format_money, from_minor_units, to_minor_units
from common.quantities import format_gpu_seconds


@given(st.integers(-(10**12), 10**12), st.sampled_from(["eur", "usd", "jpy", "krw"]))
def test_minor_units_survive_the_round_trip(amount, currency):
    assert to_minor_units(from_minor_units(amount, currency), currency) == amount


def test_a_part_of_a_cent_is_refused_not_rounded():
    with pytest.raises(InexactAmount, match="10001 micros"):
        to_minor_units(10_001, "eur")


@pytest.mark.parametrize(
    ("micros", "currency", "text"),
    [
        (12_500_000, "eur", "12.50 EUR"),
        (1, "eur", "0.000001 EUR"),
        (5_000_000, "jpy", "5 JPY"),
        (-10_000, "usd", "-0.01 USD"),
    ],
)
def test_money_reads_exactly(micros, currency, text):
    assert format_money(micros, currency) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (61, "1 min 01 s"), (7500, "2 h 05 min"), (4000, "1 h 06 min 40 s"), (-90, "-1 min 30 s")],
)
def test_gpu_seconds_read_well(seconds, text):
    assert format_gpu_seconds(seconds) == text
