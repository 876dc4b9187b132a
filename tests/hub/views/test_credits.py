import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub.enums import Matter
from hub.models import Dispute
from hub.services import crediting, disputes, repositories, versions
from tests.factories import hub as make
from tests.factories.accounts import StaffFactory, UserFactory
from tests.hub.services.test_crediting import ORCID
from tests.hub.services.test_versions import publish

pytestmark = pytest.mark.django_db
by = make.as_principal


@pytest.fixture
def people():
    return {name: UserFactory(username=name) for name in ("ada", "bob", "eve")}


@pytest.fixture
def version(people):
    model = make.repository(people["ada"], "model")
    claims = {"credits": [{"user": "ada"}, {"user": "bob"}, {"name": "Grace", "orcid": ORCID}]}
    made = publish(model, people["ada"], provenance=claims)
    crediting.answer(made.credits.get(user=people["bob"]), accept=True, by=by(people["bob"]))
    return made


def as_who(client, people, who):
    if who == "staff":
        client.force_login(StaffFactory())
    elif who != "anonymous":
        client.force_login(people[who])


@pytest.mark.parametrize(
    ("who", "edit", "missing", "wrong"),
    [
        ("anonymous", 302, 302, 302),
        ("eve", 403, 200, 403),
        ("bob", 403, 200, 200),
        ("ada", 200, 200, 200),
        ("staff", 403, 200, 200),
    ],
)
def test_who_may_open_which_page(client, people, version, who, edit, missing, wrong):
    as_who(client, people, who)
    credit = version.credits.get(user=people["bob"])
    assert client.get("/ada/model/credits").status_code == edit
    assert client.get("/ada/model/disputes/new?matter=missing").status_code == missing
    assert client.get(f"/ada/model/disputes/new?matter=wrong&credit={credit.pk}").status_code == wrong
    assert client.get("/ada/model/lineage").status_code == 200


def test_an_orcid_is_shown_with_its_mark_only_when_it_is_confirmed(client, people, version):
    bob = people["bob"]
    bob.orcid = "0000-0001-5109-3700"
    bob.save()
    assert "ORCID ✓" not in client.get("/ada/model/lineage").content.decode()
    bob.orcid_verified_at = timezone.now()
    bob.save()
    html = client.get("/ada/model/lineage").content.decode()
    assert "0000-0001-5109-3700" in html
    assert html.count("ORCID ✓") == 1
    assert "(as given by the author)" in html


def test_the_form_writes_the_list_in_order(client, people, version):
    client.force_login(people["ada"])
    rows = [("ada", "", "", "1", "2"), ("", "Grace", ORCID, "1", "3"), ("eve", "", "", "4", "1")]
    sent = {"form-TOTAL_FORMS": "4", "form-INITIAL_FORMS": "3", "form-3-points": "1", "form-3-ORDER": ""}
    for number, (user, name, orcid, points, order) in enumerate(rows):
        sent |= {
            f"form-{number}-user": user, f"form-{number}-name": name, f"form-{number}-orcid": orcid,
            f"form-{number}-points": points, f"form-{number}-ORDER": order, f"form-{number}-roles": ["software"],
        }  # fmt: skip
    answer = client.post("/ada/model/credits", sent)
    assert answer.status_code == 302, answer.content.decode()
    repository = version.repository
    repository.refresh_from_db()
    made = versions.record_version(repository, repository.head, user=people["ada"])
    assert [(one.user.username, one.points, one.state) for one in made.credits.order_by("position")] == [
        ("eve", 4, "asked"),
        ("ada", 1, "accepted"),
    ]
    assert made.mentions.get().roles == ["software"]
    html = client.post("/ada/model/credits", sent | {"form-0-user": "nobody"}).content.decode()
    assert "Nobody here is called nobody." in html


def test_a_dispute_from_opening_to_settlement(client, people, version):
    client.force_login(people["eve"])
    answer = client.post("/ada/model/disputes/new?matter=missing", {"reason": "I labelled it."})
    dispute = Dispute.objects.get()
    assert answer.headers["Location"] == f"/disputes/{dispute.pk}"
    client.force_login(people["ada"])
    page = f"/disputes/{dispute.pk}"
    sent = {"act": "answer", "text": "True.", "proposal": "ada 2 software\nbob\neve 1 data-curation"}
    assert client.post(page, sent | {"proposal": "ada 2 dancing"}).status_code == 200
    assert client.post(page, sent).status_code == 302
    assert "Agree with the proposal" in client.get(page).content.decode()
    for name in ("ada", "bob", "eve"):
        client.force_login(people[name])
        assert client.post(page, {"act": "agree"}).status_code == 302
    dispute.refresh_from_db()
    assert dispute.state == "settled"
    client.logout()
    html = client.get("/ada/model/lineage").content.decode()
    assert "As a dispute corrected them" in html
    assert client.get("/disputes/999").status_code == 404


@pytest.fixture
def disputed(people, version):
    return disputes.open_dispute(version, Matter.MISSING, reason="I labelled it.", by=by(people["eve"]))


@pytest.mark.parametrize(
    ("who", "is_public", "is_gone", "status"),
    [
        *((who, True, False, 200) for who in ("anonymous", "stranger", "eve", "bob", "ada", "staff")),
        *((who, False, False, 200) for who in ("eve", "bob", "ada", "staff")),
        *((who, False, True, 200) for who in ("eve", "bob", "ada", "staff")),
        ("anonymous", False, False, 404),
        ("anonymous", False, True, 404),
        ("stranger", False, False, 404),
        ("stranger", False, True, 404),
    ],
)
def test_a_dispute_outlives_its_repository_for_those_whom_it_concerns(
    client, people, version, disputed, who, is_public, is_gone, status
):
    people["stranger"] = UserFactory()
    if not is_public:
        type(version.repository).objects.update(visibility="private")
    if is_gone:
        repositories.delete(type(version.repository).objects.get(), by=by(people["ada"]))
    as_who(client, people, who)

    answer = client.get(f"/disputes/{disputed.pk}")
    assert answer.status_code == status
    assert ("I labelled it." in answer.content.decode()) == (status == 200)
    old = client.get(f"/ada/model/disputes/{disputed.pk}")
    assert (old.status_code, old.headers["Location"]) == (301, f"/disputes/{disputed.pk}")
    assert client.post(f"/disputes/{disputed.pk}", {"act": "withdraw"}).status_code == {
        ("eve", 200): 302,
    }.get((who, status), status)


def test_a_dispute_ends_also_without_its_repository(client, people, version, disputed):
    repositories.delete(version.repository, by=by(people["ada"]))
    client.force_login(people["bob"])
    sent = {"act": "answer", "text": "True.", "proposal": "ada 2 software\nbob\neve 1 data-curation"}
    assert client.post(f"/disputes/{disputed.pk}", sent).status_code == 302

    client.force_login(StaffFactory())
    assert "model:ada/model v1" in client.get("/disputes").content.decode()
    client.post(f"/disputes/{disputed.pk}", {"act": "uphold", "reason": "The log shows it."})
    disputed.refresh_from_db()
    assert disputed.state == "upheld"
    assert [row.user.username for row in disputed.corrections.all()] == ["ada", "bob", "eve"]


def test_the_list_has_what_concerns_me_only(client, people, disputed):
    for name, count in (("eve", 1), ("bob", 1), ("ada", 1)):
        client.force_login(people[name])
        assert client.get("/disputes").content.decode().count(f'href="/disputes/{disputed.pk}"') == count
    client.force_login(UserFactory())
    assert "Nothing that concerns you is disputed." in client.get("/disputes").content.decode()
    client.logout()
    assert client.get("/disputes").status_code == 302


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_takes_the_same_number_of_queries(client, people, version, count, django_assert_num_queries):
    for _number in range(count):
        disputes.open_dispute(version, Matter.MISSING, reason="Me too.", by=by(UserFactory()))
    client.force_login(people["ada"])
    with django_assert_num_queries(4):
        client.get("/disputes")


def test_a_claim_by_orcid_leads_to_the_question(client, people, version):
    eve = people["eve"]
    eve.orcid, eve.orcid_verified_at = ORCID, timezone.now()
    eve.save()
    client.force_login(eve)
    assert "Is it you?" in client.get("/eve").content.decode()
    client.post(f"/credits/mentions/{version.mentions.get().pk}/claim")
    html = client.get("/eve").content.decode()
    assert "Do you agree?" in html
    assert "Is it you?" not in html


def test_a_claim_in_a_private_repository_is_not_told(client, people, version):
    type(version.repository).objects.update(visibility="private")
    client.force_login(people["eve"])
    assert client.post(f"/credits/mentions/{version.mentions.get().pk}/claim").status_code == 404


def test_a_source_denies_on_its_page(client, people):
    base = make.repository(people["ada"], "base")
    publish(base, people["ada"])
    child = make.repository(people["bob"], "child")
    made = publish(child, people["bob"], content="2", provenance={"base_models": [{"id": "ada/base"}]})
    edge = made.edges.get()
    client.force_login(people["eve"])
    assert client.post(f"/lineage/{edge.pk}/deny").status_code == 403
    client.force_login(people["ada"])
    client.post(f"/lineage/{edge.pk}/deny")
    assert "denied by the source" in client.get("/bob/child/lineage").content.decode()


def test_the_page_takes_the_same_queries_for_one_row_and_for_three(client, people):
    counts = []
    for number in (1, 3):
        owner = UserFactory()
        model = make.repository(owner, "counted")
        others = [UserFactory() for _one in range(number)]
        claims = {
            "credits": [{"user": one.username} for one in others] + [{"name": f"N{n}"} for n in range(number)],
            "base_models": [{"id": f"else/where{n}"} for n in range(number)],
        }
        made = publish(model, owner, provenance=claims)
        for one in others:
            disputes.open_dispute(made, Matter.ORDER, reason="So.", by=by(one))
            child = make.repository(one, "child")
            publish(child, one, content="2", provenance={"base_models": [{"id": model.full_name}]})
        client.get("/")
        with CaptureQueriesContext(connection) as queries:
            html = client.get(f"/{model.full_name}/lineage").content.decode()
        assert html.count("/disputes/") == number
        counts.append(len(queries))
    assert counts[0] == counts[1]
