"""The pages of webhooks."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from common.services import outbox
from hub.models import Webhook, WebhookDelivery
from hub.services import deliveries, webhooks
from tests.factories import hub as make
from tests.support.receiver import receiving

pytestmark = pytest.mark.django_db
FIELDS = {
    "url": "https://hooks.example.org/x",
    "watched": "ada\nlab\nada/tiny\n\ndatasets/ada/shapes",
    "repo": "on",
    "secret": "hush",
}


@pytest.fixture
def ada(client):
    person = make.person("ada")
    client.force_login(person)
    return person


def page(client, address):
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_somebody_makes_changes_and_deletes_a_webhook(client, ada):
    address = client.post("/settings/webhooks", FIELDS)["Location"]
    webhook = Webhook.objects.get()
    assert address == f"/settings/webhooks/{webhook.key}"
    watched = [(row.kind, row.name) for row in webhook.watched.order_by("id")]
    assert watched == [("user", "ada"), ("user", "lab"), ("model", "ada/tiny"), ("dataset", "ada/shapes")]
    html = page(client, address)
    assert "hush" not in html
    assert "datasets/ada/shapes" in html
    assert FIELDS["url"] in page(client, "/settings/webhooks")

    client.post(address, FIELDS | {"secret": "", "watched": "ada", "discussion": "on"})
    webhook.refresh_from_db()
    assert (webhook.domains, webhooks.secret_of(webhook)) == (["repo", "discussion"], "hush")
    client.post(address, FIELDS | {"secret": "", "forget_secret": "on"})
    webhook.refresh_from_db()
    assert webhooks.secret_of(webhook) == ""
    client.post(f"{address}/act", {"act": "disable"})
    assert "disabled" in page(client, address)
    client.post(f"{address}/act", {"act": "enable"})
    assert client.post(f"{address}/act", {"act": "delete"})["Location"] == "/settings/webhooks"
    assert Webhook.objects.count() == 0


@pytest.mark.parametrize(
    "fields", [{"url": "http://10.0.0.1/"}, {"watched": "a/b/c/d"}, {"repo": ""}, {"secret": "naïve"}, {"watched": " "}]
)
def test_what_is_wrong_is_said_beside_the_form(client, ada, fields):
    answer = client.post("/settings/webhooks", FIELDS | fields)
    assert answer.status_code == 200
    assert 'class="errors"' in answer.content.decode()
    assert Webhook.objects.count() == 0


def test_nobody_sees_the_webhooks_of_others(client, ada):
    webhook = webhooks.create(by=make.as_principal(ada), url=FIELDS["url"], watched=[("user", "ada")], domains=["repo"])
    address = f"/settings/webhooks/{webhook.key}"
    for person in (make.person(), make.person(is_staff=True)):
        client.force_login(person)
        assert client.get(address).status_code == 404
        assert client.post(f"{address}/act", {"act": "delete"}).status_code == 404
        assert client.post(f"{address}/deliveries/{'0' * 24}").status_code == 404
    client.logout()
    assert client.get(address).status_code == 302


def test_deliveries_are_shown_and_sent_again(client, ada, settings):
    settings.WEBHOOKS_TO_LOOPBACK = True
    with receiving() as server:
        webhook = webhooks.create(
            by=make.as_principal(ada), url=server.url, watched=[("user", "ada")], domains=["repo"]
        )
        address = f"/settings/webhooks/{webhook.key}"
        assert "Nothing was sent yet." in page(client, address)
        make.repository(ada, "tiny")
        while outbox.relay():
            pass
        for pk in deliveries.due():
            deliveries.deliver(pk)
        html = page(client, address)
        assert "ada/tiny" in html
        assert "create repo" in html
        assert "delivered" in html
        row = WebhookDelivery.objects.earliest("id")
        client.post(f"{address}/deliveries/{row.key}")
        assert deliveries.deliver(row.pk)
        assert len(server.posted) == 3
        client.post(f"{address}/act", {"act": "disable"})
        again = client.post(f"{address}/deliveries/{row.key}", follow=True)
        assert "The webhook is disabled." in again.content.decode()


@pytest.mark.parametrize("which", ["list", "one"])
def test_more_rows_need_no_more_queries(client, ada, which):
    by = make.as_principal(ada)
    webhook = webhooks.create(by=by, url=FIELDS["url"], watched=[("user", "ada")], domains=["repo"])
    address = "/settings/webhooks" if which == "list" else f"/settings/webhooks/{webhook.key}"

    def add():
        make.repository(ada)
        while outbox.relay():
            pass
        webhooks.create(by=by, url=FIELDS["url"], watched=[("user", "ada")], domains=["repo"])

    def count():
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        return len(queries)

    add()
    one = count()
    add()
    add()
    assert count() == one
