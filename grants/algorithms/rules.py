"""Every version of every rule that ever decided, so that old decisions can be recomputed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from grants.algorithms import community, instant


@dataclass(frozen=True)
class Rule:
    """`recompute` takes the inputs as stored and gives the verdict as stored."""

    name: str
    version: int
    text: str
    text_sha256: str
    recompute: Callable[[dict[str, Any]], Any]


def _instant(inputs: dict[str, Any]) -> dict[str, Any]:
    return instant.decide(instant.InstantInputs.from_json(inputs)).to_json()


def _community(inputs: dict[str, Any]) -> list[dict[str, Any]]:
    return [result.to_json() for result in community.decide(community.CommunityInputs.from_json(inputs))]


_RULES = [
    Rule(instant.RULE_NAME, instant.RULE_VERSION, instant.RULE_TEXT, instant.RULE_TEXT_SHA256, _instant),
    Rule(community.RULE_NAME, community.RULE_VERSION, community.RULE_TEXT, community.RULE_TEXT_SHA256, _community),
]
RULES: dict[tuple[str, int], Rule] = {(rule.name, rule.version): rule for rule in _RULES}
