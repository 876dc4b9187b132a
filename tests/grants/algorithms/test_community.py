from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from grants.algorithms.community import Candidate, CommunityInputs, decide
from grants.algorithms.verdicts import AWARDED, DECLINED, PARTLY_AWARDED

ROUND = CommunityInputs(
    budget=1_000_000, price=20, cap_permille=500, seats=2, least_scores=1, least_mean=3, candidates=()
)
candidates = st.lists(st.tuples(st.integers(1, 100_000), st.lists(st.integers(1, 5), max_size=4)), max_size=12).map(
    lambda rows: tuple(Candidate(number, asked, tuple(scores)) for number, (asked, scores) in enumerate(rows, 1))
)
inputs = st.builds(
    CommunityInputs,
    budget=st.integers(0, 5_000_000),
    price=st.integers(1, 1000),
    cap_permille=st.integers(1, 1000),
    seats=st.integers(0, 6),
    least_scores=st.integers(0, 3),
    least_mean=st.integers(0, 5),
    candidates=candidates,
)


def results(*rows, **changes):
    return {row.nomination: row for row in decide(replace(ROUND, candidates=rows, **changes))}


def test_the_higher_mean_comes_first_and_recusal_costs_nothing():
    found = results(Candidate(1, 1000, (4, 4, 4)), Candidate(2, 1000, (5,)))
    assert [found[2].rank, found[1].rank] == [1, 2]
    assert {row.outcome for row in found.values()} == {AWARDED}
    assert found[1].amount == 20_000


def test_the_cap_holds_and_capped_money_stays():
    found = results(Candidate(1, 30_000, (5,)), Candidate(2, 30_000, (4,)))
    assert [(row.outcome, row.gpu_seconds, row.reason.code) for row in found.values()] == [
        (PARTLY_AWARDED, 25_000, "capped"),
        (PARTLY_AWARDED, 25_000, "capped"),
    ]


def test_seats_means_and_scores_are_limits():
    found = results(
        Candidate(1, 10, (5,)),
        Candidate(2, 10, (5,)),
        Candidate(3, 10, (4,)),
        Candidate(4, 10, (2,)),
        Candidate(5, 10, ()),
    )
    assert [found[number].reason.code for number in range(1, 6)] == [
        "ranked",
        "ranked",
        "no_seat",
        "score_too_low",
        "too_few_scores",
    ]


def test_nobody_gets_anything_from_an_empty_budget():
    assert results(Candidate(1, 10, (5,)), budget=19)[1].reason.code == "round_spent"


@given(inputs)
def test_money_is_exact_and_bounded(values):
    rows = decide(values)
    cap = values.budget * values.cap_permille // 1000
    assert sorted(row.nomination for row in rows) == [row.nomination for row in values.candidates]
    assert sum(row.amount for row in rows) <= values.budget
    assert sum(row.amount > 0 for row in rows) <= values.seats
    for row in rows:
        assert row.amount == row.gpu_seconds * values.price
        assert row.amount <= cap
        assert (row.outcome == DECLINED) == (row.amount == 0)


@given(inputs, st.randoms())
def test_the_order_of_arrival_of_rows_does_not_matter(values, random):
    shuffled = list(values.candidates)
    random.shuffle(shuffled)
    ranked = [row for row in decide(values) if row.rank]
    assert [row for row in decide(replace(values, candidates=tuple(shuffled))) if row.rank] == ranked


@given(inputs)
def test_inputs_survive_storage(values):
    stored = values.to_json()
    stored["candidates"] = [{**row, "scores": list(row["scores"])} for row in stored["candidates"]]
    assert CommunityInputs.from_json(stored) == values
