"""Attribution again, with fractions and plain recursion: slow, exact, and written another way."""

from fractions import Fraction

from revenue.algorithms.attribution import AttributionGraph

Shares = dict[str, Fraction]


def exact_shares(graph: AttributionGraph) -> Shares:
    shares, roots = {}, set()

    def flow(head: str, amount: Fraction, depth: int) -> None:
        out = outside(graph, head)
        keeps = amount if not out or depth == 6 else amount / 2
        for key, part in inside(graph, head).items():
            shares[key] = shares.get(key, 0) + keeps * part
            if not out and depth and not same_owner(graph, graph.root, head):
                roots.add(key)
        if keeps < amount:
            for key, part in out.items():
                flow(key, amount / 2 * part, depth + 1)

    flow(graph.root, Fraction(1), 0)
    of_roots = sum(shares[key] for key in roots)
    if roots and of_roots < Fraction(1, 5):
        for key in shares:
            shares[key] *= Fraction(1, 5) / of_roots if key in roots else Fraction(4, 5) / (1 - of_roots)
    return shares


def inside(graph: AttributionGraph, head: str) -> Shares:
    own = {key: weight for key, weight in weights(graph, head).items() if same_owner(graph, head, key)}
    if not own:
        return {head: Fraction(1)}
    result = {head: Fraction(1, 2)}
    for parent, weight in own.items():
        for key, part in inside(graph, parent).items():
            result[key] = result.get(key, 0) + Fraction(1, 2) * Fraction(weight, sum(own.values())) * part
    return result


def outside(graph: AttributionGraph, head: str) -> Shares:
    routes = []
    for parent, weight in weights(graph, head).items():
        if not same_owner(graph, head, parent):
            routes.append((weight, {parent: Fraction(1)}))
        elif further := outside(graph, parent):
            routes.append((weight, further))
    result: Shares = {}
    for weight, parts in routes:
        for key, part in parts.items():
            result[key] = result.get(key, 0) + Fraction(weight, sum(weight for weight, _parts in routes)) * part
    return result


def weights(graph: AttributionGraph, key: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for parent in graph.assets[key].parents:
        found[parent.key] = found.get(parent.key, 0) + parent.weight
    return found


def same_owner(graph: AttributionGraph, one: str, other: str) -> bool:
    return bool(graph.assets[one].owner) and graph.assets[one].owner == graph.assets[other].owner
