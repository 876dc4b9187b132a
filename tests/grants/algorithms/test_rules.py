import hashlib
from pathlib import Path

import pytest

from grants.algorithms.rules import RULES

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: f"{rule.name}-{rule.version}")
def test_the_text_of_a_released_rule_never_changes(rule):
    assert hashlib.sha256((REFERENCE / rule.text).read_bytes()).hexdigest() == rule.text_sha256
