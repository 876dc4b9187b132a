"""Who earned a unit of revenue: from the asset that was sold, back through what it was made of.

The share rule, sections 3 and 4 (docs/reference/share-rule-v2.md; the same in v1). Pure integers: one unit of
revenue is 10^12 parts, and every split is exact, so the weights of a line sum to 10^12.
"""

from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any

from revenue.algorithms.rounding import largest_remainder

UNIT = 10**12
MAX_DEPTH = 6  # generations; what reaches the last one stays there
KEEP_DIVISOR = 2  # an asset keeps one half, its parents get the other
ROOTS_FLOOR = UNIT // 5  # base models and data sets together, at least 20 %
NOBODY = 0  # the "person" behind an asset without contributors: the community award pool


class GraphInvalid(ValueError):
    """The lineage cannot be followed: a cycle, a missing asset, or a weight that is no weight."""


@dataclass(frozen=True)
class Contributor:
    """A person and their points in the credits of one version."""

    user_id: int
    points: int


@dataclass(frozen=True)
class Parent:
    """Something an asset was made of. `kind` is dataset, finetune, adapter, merge, distilled, quantized…"""

    key: str
    kind: str
    weight: int


@dataclass(frozen=True)
class Asset:
    """One version of a model or data set. `key` is "model:ns/name@sha" or "dataset:ns/name@sha".

    `owner` names the beneficial owner: assets of one owner in a row count as one.
    """

    key: str
    parents: tuple[Parent, ...]
    contributors: tuple[Contributor, ...]
    owner: str


@dataclass(frozen=True)
class AttributionGraph:
    """The lineage of one asset as it stood when something was sold. Raises GraphInvalid."""

    root: str
    assets: dict[str, Asset]

    def __post_init__(self) -> None:
        if self.root not in self.assets:
            raise GraphInvalid(f"The graph lacks its root {self.root}.")
        for key, asset in self.assets.items():
            _check_asset(key, asset, self.assets)
        try:
            TopologicalSorter({k: [p.key for p in a.parents] for k, a in self.assets.items()}).prepare()
        except CycleError as error:
            raise GraphInvalid(f"The lineage goes in a circle: {' → '.join(error.args[1])}.") from error

    def to_json(self) -> dict[str, Any]:
        """Lists and numbers only, in one order, so that equal graphs have equal hashes."""
        assets = [
            {
                "key": asset.key,
                "owner": asset.owner,
                "parents": sorted([parent.key, parent.kind, parent.weight] for parent in asset.parents),
                "contributors": sorted([person.user_id, person.points] for person in asset.contributors),
            }
            for _key, asset in sorted(self.assets.items())
        ]
        return {"root": self.root, "assets": assets}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "AttributionGraph":
        assets = [
            Asset(
                key=entry["key"],
                parents=tuple(Parent(key, kind, weight) for key, kind, weight in entry["parents"]),
                contributors=tuple(Contributor(user_id, points) for user_id, points in entry["contributors"]),
                owner=entry["owner"],
            )
            for entry in value["assets"]
        ]
        return cls(value["root"], {asset.key: asset for asset in assets})


def attribute(graph: AttributionGraph) -> dict[tuple[str, int], int]:
    """The parts of one unit of revenue by (asset, person), summing to exactly 10^12.

    Assets without contributors stand under the person NOBODY (0).
    """
    weights: dict[tuple[str, int], int] = {}
    for key, amount in attribute_to_assets(graph).items():
        points: dict[int, int] = {}
        for person in graph.assets[key].contributors:
            points[person.user_id] = points.get(person.user_id, 0) + person.points
        shares = largest_remainder(amount, points) if sum(points.values()) else {NOBODY: amount}
        weights |= {(key, user_id): share for user_id, share in shares.items() if share}
    return weights


def attribute_to_assets(graph: AttributionGraph) -> dict[str, int]:
    """The parts of one unit by asset, with the floor for roots applied."""
    families = _Families(graph)
    seller = graph.assets[graph.root].owner
    kept: dict[str, int] = {}
    roots: set[str] = set()
    flow = {graph.root: UNIT}
    for depth in range(MAX_DEPTH + 1):
        passed_on: dict[str, int] = {}
        for head, amount in flow.items():
            outside = families.outside(head)
            stays = amount if not outside or depth == MAX_DEPTH else amount - amount // KEEP_DIVISOR
            # What the seller made is no work of others, even where others built upon it in between.
            if not outside and depth and not (seller and graph.assets[head].owner == seller):
                roots |= families.inside(head).keys()
            _add(kept, largest_remainder(stays, families.inside(head)))
            if amount > stays:
                _add(passed_on, largest_remainder(amount - stays, outside))
        flow = passed_on
    return _raise_roots({key: amount for key, amount in kept.items() if amount}, roots)


class _Families:
    """Neighbouring assets of one owner are one family: it keeps one half, however long its chain is."""

    def __init__(self, graph: AttributionGraph) -> None:
        self.graph = graph

    def inside(self, head: str) -> dict[str, int]:
        return self._split[head][0]

    def outside(self, head: str) -> dict[str, int]:
        return self._split[head][1]

    @cached_property
    def _split(self) -> dict[str, tuple[dict[str, int], dict[str, int]]]:
        """Per asset: how its family shares what it keeps, and which other families made it, in parts of 10^12."""
        assets = self.graph.assets
        order = TopologicalSorter({key: [parent.key for parent in asset.parents] for key, asset in assets.items()})
        split: dict[str, tuple[dict[str, int], dict[str, int]]] = {}
        for key in order.static_order():
            asset = assets[key]
            own = {p: w for p, w in _weights(asset).items() if asset.owner and assets[p].owner == asset.owner}
            foreign = {p: w for p, w in _weights(asset).items() if p not in own}
            # Own parents that lead to nobody else take nothing from those who are somebody else.
            routes = foreign | {p: w for p, w in own.items() if split[p][1]}
            outside: dict[str, int] = {}
            for parent, part in largest_remainder(UNIT if routes else 0, routes).items():
                _add(outside, largest_remainder(part, split[parent][1]) if parent in own else {parent: part})
            inside = {key: UNIT - UNIT // KEEP_DIVISOR if own else UNIT}
            for parent, part in largest_remainder(UNIT - inside[key], own).items():
                _add(inside, largest_remainder(part, split[parent][0]))
            split[key] = (inside, outside)
        return split


def _weights(asset: Asset) -> dict[str, int]:
    weights: dict[str, int] = {}
    for parent in asset.parents:
        _add(weights, {parent.key: parent.weight})
    return weights


def _add(sums: dict[str, int], parts: dict[str, int]) -> None:
    for key, part in parts.items():
        sums[key] = sums.get(key, 0) + part


def _raise_roots(shares: dict[str, int], roots: set[str]) -> dict[str, int]:
    """Roots below their floor are lifted to it, the others make room in proportion."""
    of_roots = {key: amount for key, amount in shares.items() if key in roots}
    if not of_roots or sum(of_roots.values()) >= ROOTS_FLOOR:
        return shares
    others = {key: amount for key, amount in shares.items() if key not in roots}
    return largest_remainder(ROOTS_FLOOR, of_roots) | largest_remainder(UNIT - ROOTS_FLOOR, others)


def _check_asset(key: str, asset: Asset, assets: dict[str, Asset]) -> None:
    if asset.key != key:
        raise GraphInvalid(f"{asset.key} is filed under {key}.")
    for parent in asset.parents:
        if parent.key not in assets:
            raise GraphInvalid(f"{key} names the parent {parent.key}, which the graph lacks.")
        if parent.weight <= 0:
            raise GraphInvalid(f"The weight of {parent.key} in {key} must be positive.")
    if any(person.points < 0 or person.user_id <= 0 for person in asset.contributors):
        raise GraphInvalid(f"The credits of {key} hold negative points or a nameless person.")
