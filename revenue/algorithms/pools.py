"""From a period's revenue to everybody's amount: the share rule, sections 2, 5 and 6.

Pure and exact. All amounts are micros of one currency.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from revenue.algorithms.attribution import NOBODY, UNIT
from revenue.algorithms.rounding import largest_remainder

# SHA-256 of docs/reference/<name>.md. Another text is another rule, with a file of its own; closings keep theirs.
RULES = {
    "share-rule-v1": "a104e4a177b828db466f27f5e5a5d49aad2c56fde63ba95f08274e616106b60c",
    "share-rule-v2": "310e1959753b8ca53c49cfcd697f425eedaf43ffa6f259fc8ea16a51e0f415d6",
}
RULE_NAME = "share-rule-v2"
RULE_SHA256 = RULES[RULE_NAME]
POOL_DIVISOR = 10  # 10 % of net revenue
CAP_DIVISOR = 4  # nobody gets more than 25 % of the creators' half …
CAP_FROM = 4  # … once there are this many to share it …
COUNTS_FROM = 100  # … of whom each would get at least a hundredth (v2)
HOLDBACK_DAYS = 90  # shares become due this long after the closing

Weights = Mapping[tuple[str, int], int]  # (asset, person) -> parts of 10^12


@dataclass(frozen=True)
class Line:
    """One line of revenue: net micros, and who earned it."""

    key: int
    base: int
    weights: Weights


@dataclass(frozen=True)
class Pool:
    total: int
    creators: int
    awards: int


@dataclass(frozen=True)
class Allocation:
    """Where a pool goes. The parts sum to the pool.

    `parts` is (line, asset, person) -> micros; the person NOBODY is the award pool.
    `awards` is line -> micros: the awards' half, and what the cap left over.
    """

    pool: Pool
    parts: dict[tuple[int, str, int], int]
    awards: dict[int, int]

    def by_person(self) -> dict[int, int]:
        """Amounts of people; the award pool under NOBODY."""
        sums = {NOBODY: sum(self.awards.values())}
        for (_line, _asset, person), amount in self.parts.items():
            sums[person] = sums.get(person, 0) + amount
        return sums


def pool_of(net: int) -> Pool:
    """10 % of net revenue, rounded down; half to creators, half to awards, an odd micro to creators."""
    total = max(net, 0) // POOL_DIVISOR
    return Pool(total, total - total // 2, total // 2)


def allocate(lines: list[Line], *, rule: str = RULE_NAME) -> Allocation:
    """Share the pool of these lines: once over people, then each person's amount over their lines."""
    share = share_with_cap if rule == RULE_NAME else share_again_above_the_cap
    earned = {
        (line.key, asset, person): line.base * weight
        for line in lines
        for (asset, person), weight in line.weights.items()
    }
    pool = pool_of(sum(line.base for line in lines))
    totals: dict[int, int] = {}
    for (_line, _asset, person), value in earned.items():
        totals[person] = totals.get(person, 0) + value
    amounts, left_over = share(pool.creators, totals) if pool.creators else (dict.fromkeys(totals, 0), 0)
    own: dict[int, dict[tuple[int, str, int], int]] = {person: {} for person in totals}
    for place, value in earned.items():
        own[place[2]][place] = value
    parts: dict[tuple[int, str, int], int] = {}
    for person, amount in amounts.items():
        parts |= largest_remainder(amount, own[person]) if amount else {}
    bases = {line.key: line.base for line in lines}
    return Allocation(pool, parts, largest_remainder(pool.awards + left_over, bases))


def share_with_cap(total: int, weights: Mapping[int, int]) -> tuple[dict[int, int], int]:
    """Amounts by person, and what the cap left for nobody.

    With four people or more who would get a hundredth each, none gets more than a quarter; nobody else gains
    by it. What belongs to NOBODY is not capped.
    """
    amounts = largest_remainder(total, weights)
    people = {person: amount for person, amount in amounts.items() if person != NOBODY and amount}
    if sum(amount * COUNTS_FROM >= total for amount in people.values()) < CAP_FROM:
        return amounts, 0
    cap = total // CAP_DIVISOR
    above = {person: amount - cap for person, amount in people.items() if amount > cap}
    return amounts | dict.fromkeys(above, cap), sum(above.values())


def share_again_above_the_cap(total: int, weights: Mapping[int, int]) -> tuple[dict[int, int], int]:
    """The same by rule v1, for closings that were made by it.

    With four people or more, none gets more than a quarter; the excess is shared among the
    others in proportion, again and again. What belongs to NOBODY is neither capped nor raised.
    """
    amounts = largest_remainder(total, weights)
    people = {person: weight for person, weight in weights.items() if person != NOBODY and weight}
    cap = total // CAP_DIVISOR
    if len(people) < CAP_FROM or all(amounts[person] <= cap for person in people):
        return amounts, 0
    for_people = total - amounts.get(NOBODY, 0)
    capped = {person for person in people if amounts[person] > cap}
    while True:
        others = {person: weight for person, weight in people.items() if person not in capped}
        rest = for_people - cap * len(capped)
        shares = largest_remainder(rest, others) if others else {}
        over = {person for person, share in shares.items() if share > cap}
        if not over:
            amounts |= dict.fromkeys(capped, cap) | shares
            return amounts, 0 if others else rest
        capped |= over


def taken_back(amount: int, *, base: int, before: int, after: int) -> int:
    """How much of an allocated amount goes back when refunds of its line grow from `before` to `after`.

    Monotone, and exactly `amount` in total once the whole base is refunded.
    """
    return amount * after // base - amount * before // base


NO_LINEAGE: Weights = {("", NOBODY): UNIT}
