"""Which licences let copies be offered."""

import pytest

from hub.algorithms.redistribution import Redistribution, licences_of, redistribution

ALLOWED, UNCLEAR, FORBIDDEN = Redistribution.ALLOWED, Redistribution.UNCLEAR, Redistribution.FORBIDDEN


@pytest.mark.parametrize(
    ("names", "verdict"),
    [
        (["apache-2.0"], ALLOWED),
        (["Apache-2.0 "], ALLOWED),
        (["cc-by-nd-4.0"], ALLOWED),
        (["openrail++"], ALLOWED),
        ([], UNCLEAR),
        (["other"], UNCLEAR),
        (["my-own"], UNCLEAR),
        (["mit", "unknown"], UNCLEAR),
        (["mit", "proprietary"], FORBIDDEN),
    ],
)
def test_the_strictest_counts(names, verdict):
    assert redistribution(names) is verdict


@pytest.mark.parametrize(
    ("info", "names"),
    [
        ({"cardData": {"license": "mit"}}, ["mit"]),
        ({"cardData": {"license": ["mit", 7]}}, ["mit"]),
        ({"cardData": {"license": "other", "license_name": "No-Redistribution"}}, ["no-redistribution"]),
        ({"cardData": {"license": "other", "license_name": "mit"}}, ["other"]),
        ({"tags": ["license:mit", "x"]}, ["mit"]),
        ({"cardData": None, "tags": None}, []),
    ],
)
def test_licences_of_what_a_hub_tells(info, names):
    assert licences_of(info) == names
