"""The pages of gated repositories."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.enums import Role
from accounts.principal import Principal
from hub.models import AccessRequest, Gate, Repository
from hub.services import access, gates, repositories
from hub.services.gates import GateWish
from tests.factories import hub as make
from tests.factories.accounts import MembershipFactory, OrganisationFactory, UserFactory
from tests.hub.gated import bring, scene

pytestmark = pytest.mark.django_db

PEOPLE = ["anonymous", "stranger", "pending", "rejected", "accepted", "member", "writer", "owner", "staff"]


@pytest.fixture
def found():
    return scene()


def log_in(client, found, who):
    if user := found.people.get(who):
        client.force_login(user)


@pytest.mark.parametrize("who", PEOPLE)
def test_the_card_says_what_to_do(client, found, who):
    log_in(client, found, who)

    text = client.get("/lab/gated").content.decode()

    assert ("Log in to ask for access" in text) == (who == "anonymous")
    assert ("Ask for access</button>" in text) == (who in {"stranger", "rejected"})
    assert ("to be answered by" in text) == (who == "pending")
    assert ("Not now" in text) == (who == "rejected")
    assert ("You were given access" in text) == (who == "accepted")
    assert ('href="/lab/gated/access"' in text) == (who == "owner")


def test_asking_on_the_page(client, found):
    owner = found.by("owner")
    form = "Company: text\nUse:\n  type: select\n  options: [Research]\nI agree: checkbox\nSince: date_picker"
    gates.set_gate(found.repository, GateWish(form=form, terms="Be kind.", button="Let me in"), by=owner)
    client.force_login(found.people["stranger"])
    page = client.get("/lab/gated").content.decode()
    empty = client.post("/lab/gated/ask-access", {})

    asked = client.post(
        "/lab/gated/ask-access",
        {"Company": "Northwind", "q1": "Research", "q2": "on", "Since": "2026-11-01", "agrees": "on"},
    )

    assert "Let me in" in page
    assert "Be kind." in page
    assert empty.status_code == 200
    assert empty.content.decode().count('class="errors"') == 5
    assert asked["Location"] == "/lab/gated"
    request = AccessRequest.objects.get(user=found.people["stranger"])
    assert request.answers == {"Company": "Northwind", "Use": "Research", "I agree": True, "Since": "2026-11-01"}
    assert request.terms.version == 1


def test_asking_needs_a_log_in(client, found):
    assert client.post("/lab/gated/ask-access")["Location"].startswith("/login")
    client.force_login(found.people["pending"])
    again = client.post("/lab/gated/ask-access", {})
    assert "waiting" in again.content.decode()


@pytest.mark.parametrize("who", PEOPLE)
def test_the_list_is_for_those_who_decide(client, found, who):
    log_in(client, found, who)
    status = {"anonymous": 302, "owner": 200}.get(who, 403)

    assert client.get("/lab/gated/access").status_code == status
    granted = client.post("/lab/gated/access/grant", {"username": found.people["stranger"].username})
    assert granted.status_code == (403 if status == 403 else 302)
    is_in = AccessRequest.objects.filter(user=found.people["stranger"], state="accepted").exists()
    assert is_in == (who == "owner")


@pytest.mark.parametrize("who", PEOPLE)
def test_a_request_is_seen_by_its_person_and_those_who_decide(client, found, who):
    log_in(client, found, who)
    row = AccessRequest.objects.get(user=found.people["pending"])
    status = {"anonymous": 302, "pending": 200, "owner": 200, "staff": 200}.get(who, 404)

    answer = client.get(f"/lab/gated/access/{row.pk}")

    assert answer.status_code == status
    text = answer.content.decode()
    for button, people in {
        "accept": {"owner"}, "reject": {"owner"}, "withdraw": {"pending"}, "put-back": set(), "appeal": set()
    }.items():  # fmt: skip
        assert (f'value="{button}"' in text) == (who in people), button


def test_decisions_by_buttons(client, found):
    row = AccessRequest.objects.get(user=found.people["pending"])
    address = f"/lab/gated/access/{row.pk}"

    def act(who, **data):
        client.force_login(found.people[who])
        answer = client.post(f"{address}/act", data, follow=True)
        row.refresh_from_db()
        return row.state, answer.content.decode()

    assert "Say why." in act("owner", act="reject")[1]
    assert act("owner", act="reject", text="Tell us more")[0] == "rejected"
    assert act("pending", act="appeal", text="I did")[0] == "appealed"
    assert act("staff", act="reject", text="Not enough")[0] == "rejected"
    state, text = act("owner", act="accept", text="After all")
    assert state == "accepted"
    for words in ("Tell us more", "I did", "Not enough", "After all"):
        assert words in text
    assert act("owner", act="put-back")[0] == "pending"
    assert act("pending", act="withdraw")[0] == "withdrawn"
    client.force_login(found.people["owner"])
    assert client.post(f"{address}/act", {"act": "dance"}).status_code == 404
    client.force_login(found.people["stranger"])
    assert client.post(f"{address}/act", {"act": "accept"}).status_code == 404


def queries(client, address):
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(address)
    assert answer.status_code == 200
    return len(captured), answer.content.decode()


def test_lists_ask_the_database_equally_often_for_one_and_three_rows(client):
    owner, eve = UserFactory(username="ada"), UserFactory(username="eve")
    by = Principal(user=owner)
    lab = OrganisationFactory(name="lab", admin=owner)
    made = [repositories.create_repository(lab.namespace, f"r{i}", kind="model", by=by) for i in range(3)]
    for repository in made:
        repositories.update_settings(repository, by=by, gated="manual")
    addresses = {"ada": ["/lab/r0/access", "/settings/access"], "eve": ["/settings/access"]}
    counts = []
    for step in range(2):
        rows = [Repository.objects.get(name=f"r{i}") for i in ([0] if step == 0 else [1, 2])]
        for repository in rows:
            bring(repository, eve, "pending", by=by)
        if step:
            for _more in range(2):
                bring(Repository.objects.get(name="r0"), UserFactory(), "pending", by=by)
        found = []
        for who, pages in addresses.items():
            client.force_login({"ada": owner, "eve": eve}[who])
            found += [queries(client, page)[0] for page in pages]
        counts.append(found)

    assert counts[0] == counts[1]
    assert queries(client, "/settings/access")[1].count("lab/r") == 2 * 3


def test_the_settings_page_sets_up_a_gate(client, found):
    client.force_login(found.people["owner"])
    facts = {"gated": "auto", "form": "Why: text", "terms": "Be kind.", "deadline_days": "5", "overdue": "accept",
             "reapply_days": "0", "writers_decide": "on"}  # fmt: skip
    page = client.get("/lab/gated/settings")

    bad = client.post("/lab/gated/settings", facts | {"form": "Why: video"})
    good = client.post("/lab/gated/settings", facts)

    assert "extra_gated_fields" in page.content.decode()
    assert "no known kind" in bad.content.decode()
    assert good["Location"] == "/lab/gated/settings"
    gate = Gate.objects.get()
    assert (gate.form, gate.deadline_days, gate.overdue, gate.writers_decide) == ("Why: text", 5, "accept", True)
    assert Repository.objects.get().gated == "auto"
    assert "Be kind." in client.get("/lab/gated/settings").content.decode()
    for who in ("writer", "stranger", "staff"):
        client.force_login(found.people[who])
        assert client.post("/lab/gated/settings", facts | {"gated": "open"}).status_code == 403


def test_discussions_are_closed_and_opened(client, found):
    client.force_login(found.people["owner"])
    client.post("/lab/gated/settings", {"visibility": "public", "discussions": "closed"})
    assert "/lab/gated/discussions" not in client.get("/lab/gated").content.decode()
    refused = client.post("/lab/gated/discussions/new", {"title": "Hello", "text": "x"})
    assert "Discussions are closed" in refused.content.decode()

    client.post("/lab/gated/settings", {"visibility": "public", "discussions": "open"})
    assert client.post("/lab/gated/discussions/new", {"title": "Hello", "text": "x"}).status_code == 302


def test_the_duplicate_page(client, found):
    client.force_login(found.people["accepted"])
    page = client.get("/lab/gated/duplicate")
    made = client.post("/lab/gated/duplicate", {"namespace": "accepted", "name": "copy", "visibility": "private"})
    again = client.post("/lab/gated/duplicate", {"namespace": "accepted", "name": "copy"})

    assert page.status_code == 200
    assert made["Location"] == "/accepted/copy"
    assert "already created" in again.content.decode()
    assert "Duplicated from" in client.get("/accepted/copy").content.decode()
    client.force_login(found.people["stranger"])
    assert client.get("/lab/gated/duplicate").status_code == 403


def test_where_new_repositories_are_private_is_told(client):
    owner, writer = UserFactory(username="ada"), UserFactory()
    lab = OrganisationFactory(name="lab", admin=owner)
    MembershipFactory(organisation=lab, user=writer, role=Role.WRITE)
    client.force_login(writer)
    assert client.post("/organisations/lab/settings", {"is_private_by_default": "on"}).status_code == 403
    client.force_login(owner)
    client.post("/organisations/lab/settings", {"is_private_by_default": "on"})

    page = client.get("/new").content.decode()
    client.post("/new", {"kind": "model", "namespace": "lab", "name": "one"})
    client.post("/new", {"kind": "model", "namespace": "lab", "name": "two", "visibility": "public"})
    client.post("/new", {"kind": "model", "namespace": "ada", "name": "three"})

    assert "New repositories of lab are private" in page
    assert list(Repository.objects.order_by("pk").values_list("visibility", flat=True)) == [
        "private", "public", "public"
    ]  # fmt: skip
    client.post("/organisations/lab/settings", {})
    lab.refresh_from_db()
    assert not lab.is_private_by_default


def test_an_open_repository_asks_nothing(client):
    make.repository(UserFactory(username="ada"), "open")
    client.force_login(UserFactory())

    assert "Ask for access" not in client.get("/ada/open").content.decode()
    assert "You have access" in client.post("/ada/open/ask-access", {}).content.decode()
    assert not AccessRequest.objects.exists()
    assert access.settle_overdue() == 0
