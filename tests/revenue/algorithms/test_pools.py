import hashlib
from pathlib import Path

from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from revenue.algorithms.attribution import NOBODY, UNIT
from revenue.algorithms.pools import (
    RULE_NAME,
    RULE_SHA256,
    Line,
    allocate,
    pool_of,
    share_again_above_the_cap,
    share_with_cap,
    taken_back,
)
from revenue.algorithms.rounding import largest_remainder

amounts = st.integers(0, 10**13)


@st.composite
def lines(draw, *, size=8, people=8):
    result = []
    for key in range(draw(st.integers(1, size))):
        points = draw(
            st.dictionaries(
                st.tuples(st.sampled_from(["model:a", "dataset:b"]), st.integers(0, people)),
                st.integers(1, 100),
                min_size=1,
                max_size=6,
            )
        )
        result.append(Line(key + 1, draw(amounts), largest_remainder(UNIT, points)))
    return result


def test_the_rule_text_is_the_one_that_statements_name():
    text = Path(settings.PROJECT) / "docs" / "reference" / f"{RULE_NAME}.md"
    assert hashlib.sha256(text.read_bytes()).hexdigest() == RULE_SHA256


@given(st.integers(-(10**12), 10**15))
def test_the_pool_is_a_tenth_and_halves_differ_by_one_micro_at_most(net):
    pool = pool_of(net)
    assert pool.total == (net // 10 if net > 0 else 0)
    assert pool.creators + pool.awards == pool.total
    assert pool.creators - pool.awards in {0, 1}


@given(lines())
def test_nothing_of_a_pool_is_lost(lines):
    allocation = allocate(lines)
    people = allocation.by_person()
    assert sum(people.values()) == allocation.pool.total
    assert people[NOBODY] >= allocation.pool.awards
    assert all(amount >= 0 for amount in [*allocation.parts.values(), *allocation.awards.values()])


@given(lines(), st.randoms())
def test_the_order_of_lines_does_not_matter(lines, random):
    assert allocate(random.sample(lines, len(lines))) == allocate(lines)


def counting(total, amounts):
    return [person for person, amount in amounts.items() if person != NOBODY and amount and amount * 100 >= total]


@given(lines())
def test_nobody_gets_more_than_a_quarter_when_four_share(lines):
    allocation = allocate(lines)
    total = allocation.pool.creators
    earned = {}
    for line in lines:
        for (_asset, person), weight in line.weights.items():
            earned[person] = earned.get(person, 0) + line.base * weight
    plain = largest_remainder(total, earned) if total else {}
    got = allocation.by_person()
    if len(counting(total, plain)) >= 4:
        assert all(amount <= total // 4 for person, amount in got.items() if person != NOBODY)
    assert all(got.get(person, 0) <= amount for person, amount in plain.items() if person != NOBODY)


@given(st.integers(0, 10**12), st.dictionaries(st.integers(1, 50), st.integers(1, 10**6), min_size=1, max_size=20))
def test_the_cap_makes_no_money_and_nobody_gains_by_it(total, weights):
    amounts, left_over = share_with_cap(total, weights)
    assert sum(amounts.values()) + left_over == total
    plain = largest_remainder(total, weights)
    cap = total // 4
    capped = len(counting(total, plain)) >= 4
    assert amounts == {person: min(amount, cap) if capped else amount for person, amount in plain.items()}


@given(st.integers(10**4, 10**9))
def test_some_cents_of_three_others_change_nobodys_part(total):
    """A stranger once brought three accounts that had earned next to nothing, and took half of a month with them."""
    honest = {1: 3 * 10**9, 2: 10**9}
    alone, _left = share_with_cap(total, honest)
    amounts, left_over = share_with_cap(total, honest | {3: 1, 4: 1, 5: 1})
    assert left_over == 0
    assert sum(amounts[person] for person in (3, 4, 5)) <= 3
    assert all(abs(amounts[person] - alone[person]) <= 3 for person in honest)


def test_what_is_above_the_cap_is_for_nobody():
    assert share_with_cap(100, {1: 97, 2: 1, 3: 1, 4: 1}) == ({1: 25, 2: 1, 3: 1, 4: 1}, 72)
    assert share_with_cap(1000, {1: 973, 2: 9, 3: 9, 4: 9}) == ({1: 973, 2: 9, 3: 9, 4: 9}, 0)


def test_three_people_share_without_a_cap():
    assert share_with_cap(100, {1: 98, 2: 1, 3: 1}) == ({1: 98, 2: 1, 3: 1}, 0)


@given(st.integers(0, 10**12), st.dictionaries(st.integers(1, 50), st.integers(1, 10**6), min_size=1, max_size=20))
def test_by_the_first_rule_the_cap_moved_money_and_made_none(total, weights):
    amounts, left_over = share_again_above_the_cap(total, weights)
    assert sum(amounts.values()) + left_over == total
    assert left_over <= max(total % 4, 3) if len(weights) >= 4 else left_over == 0
    plain = largest_remainder(total, weights)
    if len(weights) >= 4:
        assert all(amounts[person] >= min(plain[person], total // 4) - 1 for person in weights)


def test_closings_of_the_first_rule_are_checked_by_it():
    line = Line(1, 100_000, {("model:a", 1): UNIT - 3, ("model:b", 2): 1, ("model:c", 3): 1, ("model:d", 4): 1})
    assert allocate([line], rule="share-rule-v1").by_person()[2] == 1250
    assert allocate([line]).by_person()[1] == 5000


@given(lines(), lines())
def test_what_one_customer_uses_changes_no_other_customers_weights(one, other):
    """Without the cap, the amounts of a line move by rounding only when another customer's lines come in."""
    moved = [Line(line.key + 100, line.base, line.weights) for line in other]
    together, alone = allocate([*one, *moved]), allocate(one)
    exact = {
        (line.key, asset, person): line.base * weight // UNIT // 20
        for line in one
        for (asset, person), weight in line.weights.items()
    }
    people = {person for line in [*one, *moved] for _asset, person in line.weights if person != NOBODY}
    if len(people) < 4:
        for place, amount in exact.items():
            assert abs(together.parts.get(place, 0) - amount) <= 3
            assert abs(alone.parts.get(place, 0) - amount) <= 3


@given(lines(people=3), st.integers(1, 3))
def test_a_buyer_who_is_also_every_creator_loses_95_cents_of_a_unit(lines, _person):
    """Whoever buys from themselves gets back a twentieth at most, however many names they use."""
    allocation = allocate(lines)
    net = sum(line.base for line in lines)
    back = sum(amount for person, amount in allocation.by_person().items() if person != NOBODY)
    assert back <= net / 20 + 1


@given(amounts, st.integers(1, 10**12), st.lists(st.integers(1, 10**12), max_size=6))
def test_refunds_in_steps_take_back_everything_once(amount, base, steps):
    before, taken = 0, 0
    for step in [*steps, base]:
        after = min(base, before + step)
        part = taken_back(amount, base=base, before=before, after=after)
        assert part >= 0
        before, taken = after, taken + part
    taken += taken_back(amount, base=base, before=before, after=base)
    assert taken == amount


def test_half_goes_to_the_creators_of_model_and_data_set():
    allocation = allocate([Line(1, 1_000_000_000, {("model:m", 7): UNIT // 2, ("dataset:d", 8): UNIT // 2})])
    assert allocation.parts == {(1, "model:m", 7): 25_000_000, (1, "dataset:d", 8): 25_000_000}
    assert allocation.awards == {1: 50_000_000}
