"""What a deployment must not have."""

import pytest
from django.core.checks import run_checks

from common import checks
from hub import checks as hub_checks


@pytest.mark.parametrize(
    ("setting", "check", "number"),
    [
        ("IMPORTS_FROM_LOOPBACK", checks.imports_stay_outside, "wellspring.E011"),
        ("WEBHOOKS_TO_LOOPBACK", checks.webhooks_stay_outside, "wellspring.E010"),
    ],
)
def test_in_production_nobody_reaches_this_machine(settings, setting, check, number):
    setattr(settings, setting, True)
    settings.ENVIRONMENT = "development"
    assert check() == []

    settings.ENVIRONMENT = "production"
    assert [found.id for found in check()] == [number]
    assert number in {found.id for found in run_checks()}

    setattr(settings, setting, False)
    assert check() == []


def test_sources_of_imports_without_encryption_are_warned_of(settings):
    settings.ENVIRONMENT = "production"
    settings.IMPORT_SOURCES = ["https://hub.example"]
    assert hub_checks.imports_are_encrypted() == []

    settings.IMPORT_SOURCES = ["https://hub.example", "http://plain.example"]
    (found,) = hub_checks.imports_are_encrypted()
    assert (found.id, "http://plain.example" in found.msg) == ("wellspring.W003", True)
