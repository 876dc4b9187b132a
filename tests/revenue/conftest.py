"""Books with one closing of October, and the people who look at them."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from accounts.enums import TokenScope
from accounts.services.tokens import issue_token
from revenue.enums import SaleKind
from revenue.models import Statement
from revenue.services import blocks, months
from tests.factories import revenue as make

OCTOBER = datetime(2026, 10, 15, tzinfo=UTC)


@pytest.fixture
def world(db):
    maker, data_maker, stranger = make.person("maker"), make.person("collector"), make.person("stranger")
    buyer = make.customer("secret-company")
    graph = make.model_graph(maker, data_makers=(data_maker,))
    make.sale(buyer, graph=graph, gross=119 * make.UNIT, tax=19 * make.UNIT, fee=make.UNIT, at=OCTOBER)
    months.close_month(2026, 10)
    make.sale(buyer, kind=SaleKind.CREDITS)
    make.spend(buyer, graph=graph, amount=3 * make.UNIT)
    blocks.seal()
    return SimpleNamespace(
        people={"owner": maker, "stranger": stranger, "staff": make.staff().user},
        buyer=buyer,
        graph=graph,
        statement=Statement.objects.select_related("close").get(beneficiary=maker),
    )


@pytest.fixture
def as_who(client, world):
    """A client for anonymous, stranger, owner or staff, by session."""

    def become(who):
        if who != "anonymous":
            client.force_login(world.people[who])
        return client

    return become


@pytest.fixture
def token_of(world):
    """Headers with a new token of this person."""

    def headers(who, scope=TokenScope.WRITE):
        token = issue_token(world.people[who], name="test", scope=scope)
        return {"Authorization": f"Bearer {token}"}

    return headers
