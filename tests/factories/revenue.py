"""People, lineages and money for tests."""

import itertools

from django.utils import timezone

from accounts.models import Namespace, User
from accounts.principal import Principal
from accounts.services.people import sign_up
from revenue.algorithms.attribution import Asset, AttributionGraph, Contributor, Parent
from revenue.enums import SaleKind
from revenue.services import credits as credits_service
from revenue.services import sales

UNIT = 1_000_000  # micros
_numbers = itertools.count(1)


def person(name: str = "", **fields) -> User:
    return sign_up(name or f"person{next(_numbers)}", password=None, **fields)


def customer(name: str = "") -> Namespace:
    return person(name or f"customer{next(_numbers)}").namespace


def staff() -> Principal:
    return Principal(user=person(f"staff{next(_numbers)}", is_staff=True))


def model_graph(*makers: User, data_makers: tuple[User, ...] = (), name: str = "lab/shapes") -> AttributionGraph:
    """A model, made by `makers` from a data set made by `data_makers` (when there are any)."""
    model, data = f"model:{name}@{'a' * 40}", f"dataset:{name}-data@{'b' * 40}"
    parents = (Parent(data, "dataset", 1),) if data_makers else ()

    def credit(people):
        return tuple(Contributor(user.pk, 1) for user in people)

    assets = [Asset(model, parents, credit(makers), "org:lab")]
    if data_makers:
        assets.append(Asset(data, (), credit(data_makers), "user:data"))
    return AttributionGraph(model, {asset.key: asset for asset in assets})


def sale(customer: Namespace, *, graph=None, kind=SaleKind.LICENCE, gross=100 * UNIT, reference="", **fields):
    values = {"tax": 0, "fee": 0, "currency": "eur", "at": timezone.now()} | fields
    return sales.record_sale(
        reference=reference or f"order:{next(_numbers)}",
        kind=kind,
        customer=customer,
        gross=gross,
        asset=graph and graph.root,
        graph=graph,
        **values,
    )


def spend(customer: Namespace, *, graph=None, amount=UNIT, key=""):
    return credits_service.spend(
        customer,
        amount=amount,
        currency="eur",
        key=key or f"generation:{next(_numbers)}",
        parts=[credits_service.Part(amount, graph)],
        memo="a picture",
    )
