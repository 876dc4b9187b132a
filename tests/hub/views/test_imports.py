"""The pages of imports."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub.models import Import
from hub.services import imports
from tests.factories import hub as make

pytestmark = pytest.mark.django_db
FIELDS = {"source": "https://huggingface.co/grace/tiny", "namespace": "ada", "schedule": "none", "token": "hf_secret"}


@pytest.fixture
def ada(client):
    person = make.person("ada")
    client.force_login(person)
    return person


def page(client, address):
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_somebody_imports_pauses_goes_on_and_cancels(client, ada):
    address = client.post("/import", FIELDS)["Location"]
    found = Import.objects.get()
    assert address == f"/settings/imports/{found.key}"
    html = page(client, address)
    assert "queued" in html
    assert "hf_secret" not in html
    assert 'http-equiv="refresh"' in html
    assert "every 2s" in page(client, f"{address}/live")
    for act, state in [("pause", "paused"), ("run", "queued"), ("cancel", "cancelled")]:
        client.post(f"{address}/act", {"act": act})
        found.refresh_from_db()
        assert found.state == state
        assert state in page(client, address)
    client.post(f"{address}/act", {"act": "schedule", "schedule": "weekly"})
    found.refresh_from_db()
    assert found.schedule == "weekly"
    assert "grace/tiny" in page(client, "/settings/imports")


def test_an_unclear_licence_asks_for_a_statement(client, ada):
    found = imports.create("grace/tiny", ada.namespace, by=make.as_principal(ada))
    Import.objects.filter(pk=found.pk).update(state="paused", reason="licence-unclear", licence="other")
    address = f"/settings/imports/{found.key}"
    assert "Say why copies are allowed" in page(client, address)

    client.post(f"{address}/act", {"act": "confirm", "statement": "no"})
    found.refresh_from_db()
    assert found.state == "paused"
    client.post(f"{address}/act", {"act": "confirm", "statement": "The author allows copies in the paper."})

    found.refresh_from_db()
    assert (found.state, found.statement) == ("queued", "The author allows copies in the paper.")


def test_a_copy_says_where_it_is_from(client, ada):
    repository = make.repository(ada, "tiny")
    found = imports.create("grace/tiny", ada.namespace, "other", by=make.as_principal(ada))
    Import.objects.filter(pk=found.pk).update(repository=repository, source_commit="a" * 40, copied_at=timezone.now())
    client.logout()

    assert "Imported from" in page(client, "/ada/tiny")
    told = client.get("/api/models/ada/tiny").json()["importedFrom"]
    assert (told["url"], told["commit"], told["by"]) == ("https://huggingface.co/grace/tiny", "a" * 40, "ada")


@pytest.mark.parametrize(
    "fields", [{"source": "x y"}, {"namespace": "bob"}, {"schedule": "hourly"}, {"statement": "no"}]
)
def test_forms_say_what_is_wrong(client, ada, fields):
    answer = client.post("/import", FIELDS | fields)

    assert answer.status_code == 200
    assert 'class="errors"' in answer.content.decode()
    assert Import.objects.count() == 0


def test_strangers_see_nothing(client, ada):
    found = imports.create("grace/tiny", ada.namespace, by=make.as_principal(ada))
    client.force_login(make.person("bob"))
    address = f"/settings/imports/{found.key}"

    assert client.get(address).status_code == 404
    assert client.get(f"{address}/live").status_code == 404
    assert client.post(f"{address}/act", {"act": "cancel"}).status_code == 404
    client.logout()
    assert client.get(address).status_code == 302
    assert client.get("/import").status_code == 302


def test_the_list_costs_the_same_for_one_and_three(client, ada):
    counts = []
    for number in range(3):
        imports.create(f"grace/tiny{number}", ada.namespace, by=make.as_principal(ada))
        if number in {0, 2}:
            with CaptureQueriesContext(connection) as queries:
                page(client, "/settings/imports")
            counts.append(len(queries))

    assert counts[0] == counts[1]
