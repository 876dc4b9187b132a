from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from revenue.algorithms.attribution import (
    NOBODY,
    UNIT,
    Asset,
    AttributionGraph,
    Contributor,
    GraphInvalid,
    Parent,
    attribute,
    attribute_to_assets,
)
from tests.revenue.algorithms.oracle import exact_shares


def asset(key, *parents, owner="", people=()):
    return Asset(
        key,
        tuple(Parent(parent, "finetune", weight) for parent, weight in parents),
        tuple(Contributor(*person) for person in people),
        owner,
    )


def graph(root, *assets):
    return AttributionGraph(root, {entry.key: entry for entry in assets})


@st.composite
def graphs(draw):
    size = draw(st.integers(1, 9))
    assets = []
    for number in range(size):
        later = st.integers(number + 1, size - 1) if number + 1 < size else st.nothing()
        parents = draw(st.lists(later, max_size=3, unique=True)) if number + 1 < size else []
        assets.append(
            asset(
                f"model:a/{number}@{number}",
                *((f"model:a/{parent}@{parent}", draw(st.integers(1, 1000))) for parent in parents),
                owner=draw(st.sampled_from(["", "ada", "bo", "cy"])),
                people=draw(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 10)), max_size=3)),
            )
        )
    return graph(assets[0].key, *assets)


@given(graphs())
def test_the_weights_of_a_line_sum_to_one_unit(graph):
    weights = attribute(graph)
    assert sum(weights.values()) == UNIT
    assert all(weight > 0 for weight in weights.values())


@given(graphs())
def test_integers_agree_with_exact_fractions(graph):
    exact, shares = exact_shares(graph), attribute_to_assets(graph)
    assert sum(exact.values()) == 1
    for key, share in exact.items():
        assert abs(share * UNIT - shares.get(key, 0)) < 1000  # a billionth


@given(graphs(), st.randoms())
def test_the_order_of_assets_parents_and_people_does_not_matter(graph, random):
    def mixed(values):
        return tuple(random.sample(values, len(values)))

    assets = [
        Asset(a.key, mixed(a.parents), mixed(a.contributors), a.owner) for a in mixed(list(graph.assets.values()))
    ]
    assert attribute(AttributionGraph(graph.root, {a.key: a for a in assets})) == attribute(graph)


@given(graphs())
def test_json_holds_everything(graph):
    assert attribute(AttributionGraph.from_json(graph.to_json())) == attribute(graph)


@given(graphs(), st.integers(1, 4))
def test_cutting_a_model_into_an_own_chain_gains_nothing(graph, length):
    owner = graph.assets[graph.root].owner
    assume(owner)

    def earned(shares, assets):
        sums = {}
        for key, share in shares.items():
            sums[assets[key].owner] = sums.get(assets[key].owner, 0) + share
        return sums

    chain, below = [], graph.root
    for number in range(length):
        chain.append(asset(f"model:chain/{number}@0", (below, 1), owner=owner))
        below = chain[-1].key
    longer = AttributionGraph(below, graph.assets | {link.key: link for link in chain})
    assert earned(exact_shares(longer), longer.assets) == earned(exact_shares(graph), graph.assets)
    assert sum(attribute_to_assets(longer).values()) == UNIT


def test_what_the_seller_made_is_no_root_even_by_a_detour_over_others():
    """Found by the test above: the floor for the work of others was counted from the seller's own."""
    own = graph(
        "m",
        asset("m", ("base", 1), ("x", 1), owner="ada"),
        asset("x", ("y", 1)),
        asset("y", ("base", 1)),
        asset("base", owner="ada"),
    )
    shares = attribute_to_assets(own)
    assert shares["m"] + shares["base"] == UNIT * 5 // 8
    longer = AttributionGraph("n", own.assets | {"n": asset("n", ("m", 1), owner="ada")})
    again = attribute_to_assets(longer)
    assert again["n"] + again["m"] + again["base"] == UNIT * 5 // 8


@given(st.integers(1, 12))
def test_roots_get_a_fifth_however_far_away(length):
    assets = [asset(f"m{n}", (f"m{n + 1}", 1), owner=f"o{n}") for n in range(min(length, 6))]
    root = asset(f"m{len(assets)}", owner="base")
    shares = attribute_to_assets(graph("m0", *assets, root))
    assert shares[root.key] >= UNIT // 5


def test_one_half_stays_at_each_generation():
    shares = attribute_to_assets(
        graph("m", asset("m", ("b", 1), ("d", 3)), asset("b", ("e", 1)), asset("d"), asset("e"))
    )
    assert shares == {"m": UNIT // 2, "b": UNIT // 16, "e": UNIT // 16, "d": UNIT * 3 // 8}


def test_people_share_by_points_and_nameless_assets_go_to_the_award_pool():
    weights = attribute(graph("m", asset("m", ("d", 1), people=[(7, 3), (8, 1)]), asset("d")))
    assert weights == {("m", 7): UNIT * 3 // 8, ("m", 8): UNIT // 8, ("d", NOBODY): UNIT // 2}


def test_own_parents_take_nothing_from_others():
    """A data set of one's own beside somebody else's base model leaves that model its half."""
    shares = attribute_to_assets(
        graph(
            "m", asset("m", ("own", 9), ("base", 1), owner="ada"), asset("own", owner="ada"), asset("base", owner="bo")
        )
    )
    assert shares == {"m": UNIT // 4, "own": UNIT // 4, "base": UNIT // 2}


@pytest.mark.parametrize(
    ("root", "assets"),
    [
        ("m", [asset("m", ("n", 1)), asset("n", ("m", 1))]),
        ("m", [asset("m", ("m", 1))]),
        ("m", [asset("m", ("gone", 1))]),
        ("m", [asset("m", ("n", 0)), asset("n")]),
        ("m", [asset("m", people=[(1, -1)])]),
        ("m", [asset("m", people=[(0, 1)])]),
        ("x", [asset("m")]),
    ],
)
def test_lineage_that_cannot_be_followed_is_refused(root, assets):
    with pytest.raises(GraphInvalid):
        graph(root, *assets)


def test_a_wide_and_deep_lineage_is_quick():
    """Twelve layers of twenty, all connected: 20^12 paths, 4,800 edges."""
    layers = [[f"l{depth}n{n}" for n in range(20)] for depth in range(12)]
    assets = [asset("m", *((key, 1) for key in layers[0]))]
    for depth, layer in enumerate(layers):
        below = layers[depth + 1] if depth + 1 < len(layers) else []
        assets += [asset(key, *((parent, 1) for parent in below)) for key in layer]
    assert sum(attribute_to_assets(graph("m", *assets)).values()) == UNIT


def test_fractions_of_the_oracle_are_exact():
    assert exact_shares(graph("m", asset("m", ("d", 1)), asset("d"))) == {"m": Fraction(1, 2), "d": Fraction(1, 2)}
