"""Asking for a bulk token, and the list for everybody."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.principal import Principal
from hub.models import BulkGrant
from hub.services import bulk
from tests.factories import hub as make

pytestmark = pytest.mark.django_db

PURPOSE = "To measure how words of many languages are spread."


def test_a_person_asks_uses_and_ends_it(client):
    ada = make.person("ada")
    client.force_login(ada)

    asked = client.post("/settings/bulk", {"purpose": PURPOSE}).content.decode()
    again = client.get("/settings/bulk").content.decode()
    grant = BulkGrant.objects.get()

    assert "<code>hf_" in asked
    assert "<code>hf_" not in again
    assert PURPOSE in again
    assert client.post(f"/settings/bulk/{grant.pk}/end").status_code == 302
    grant.token.refresh_from_db()
    assert not grant.holds


def test_too_short_a_purpose_is_told(client):
    client.force_login(make.person("ada"))

    assert "20" in client.post("/settings/bulk", {"purpose": "x"}).content.decode()
    assert not BulkGrant.objects.exists()


@pytest.mark.parametrize("who", [None, "eve"])
def test_nobody_ends_that_of_somebody_else(client, who):
    grant, _text = bulk.ask(PURPOSE, by=Principal(user=make.person("ada")))
    eve = make.person("eve")
    if who:
        client.force_login(eve)

    assert client.post(f"/settings/bulk/{grant.pk}/end").status_code == (404 if who else 302)
    grant.token.refresh_from_db()
    assert grant.holds


def test_everybody_sees_what_was_allowed_but_not_to_whom(client):
    grant, _text = bulk.ask(PURPOSE, by=Principal(user=make.person("adalovelace")))
    bulk.reserve(grant.token, 12_000_000)

    page = client.get("/bulk").content.decode()

    assert PURPOSE in page
    assert "12.0 MB" in page or "12 MB" in page or "11.4" in page
    assert "adalovelace" not in page


def test_one_and_three_grants_cost_the_same(client):
    counts = []
    client.get("/bulk")
    for number in (1, 2):
        for _ in range(number):
            bulk.ask(PURPOSE, by=Principal(user=make.person()))
        with CaptureQueriesContext(connection) as found:
            client.get("/bulk")
        counts.append(len(found))
    assert counts[0] == counts[1]
