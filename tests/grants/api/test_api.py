import hashlib

import pytest
from django.test import Client
from django.utils import timezone

from grants.models import Award, Proposal, Round
from tests.factories import grants as make
from tests.factories.accounts import StaffFactory, UserFactory, bearer
from tests.factories.hub import repository

pytestmark = pytest.mark.django_db


@pytest.fixture
def post():
    def send(url, body, user):
        return Client().post(f"/api/grants/{url}", body, content_type="application/json", **bearer(user))

    return send


def body(**changes):
    return {"title": "Shapes", "abstract": make.ABSTRACT, "gpu_seconds": 600, "publishes_openly": True} | changes


def test_one_request_applies_is_decided_and_names_the_allocation(post):
    user, call = UserFactory(), make.call()
    response = post(f"calls/{call.slug}/proposals", body(), user)
    answer = response.json()
    award = Award.objects.get()
    assert response.status_code == 201
    assert (answer["state"], answer["outcome"]) == ("announced", "awarded")
    assert answer["decision"]["rule"]["name"] == "instant"
    assert answer["decision"]["inputs"]["asked_gpu_seconds"] == 600
    assert answer["decision"]["reasons"][0]["text"]
    assert (answer["award"]["reference"], answer["award"]["allocation"]) == (f"award:{award.pk}", award.allocation_id)
    assert Client().get(f"/api/grants/proposals/{answer['id']}", **bearer(user)).json() == answer


def test_the_same_key_applies_once(post):
    user, call = UserFactory(), make.call()
    first, second = (post(f"calls/{call.slug}/proposals", body(key="k"), user) for _time in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert Award.objects.count() == 1


def test_a_draft_is_changed_and_handed_in(post):
    user, call = UserFactory(), make.call()
    made = post(f"calls/{call.slug}/proposals", body(submit=False), user).json()
    assert made["state"] == "draft"
    url = f"/api/grants/proposals/{made['id']}"
    changed = Client().put(url, body(title="Better"), content_type="application/json", **bearer(user))
    assert changed.json()["title"] == "Better"
    assert post(f"proposals/{made['id']}/submit", {}, user).json()["state"] == "announced"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"title": 5}, 400),
        ({"title": None}, 400),
        ({"gpu_seconds": "600"}, 400),
        ({"gpu_seconds": True}, 400),
        ({"gpu_seconds": 2**63}, 400),
        ({"gpu_seconds": -1}, 400),
        ({"answers": ["x"]}, 400),
        ({"team": "x"}, 400),
        ({"team": ["nobody-here"]}, 400),
        ({"publishes_openly": "yes"}, 400),
        ({"namespace": "nobody-here"}, 404),
        ({"abstract": "a\x00b"}, 400),
    ],
)
def test_wrong_values_are_refused_with_a_sentence(post, change, status):
    response = post(f"calls/{make.call().slug}/proposals", body(**change), UserFactory())
    assert response.status_code == status
    assert response.json()["error"]
    assert not Proposal.objects.exists()


@pytest.mark.parametrize("raw", ["[]", "{", "5", "[" * 100_000])
def test_a_body_that_is_no_object_is_refused(raw):
    url = f"/api/grants/calls/{make.call().slug}/proposals"
    response = Client().post(url, raw, content_type="application/json", **bearer(UserFactory()))
    assert response.status_code == 400


def test_applying_for_somebody_else_is_refused(post):
    other = UserFactory()
    response = post(f"calls/{make.call().slug}/proposals", body(namespace=other.username), UserFactory())
    assert response.status_code == 403


def test_the_list_of_calls_has_what_an_applicant_needs():
    call = make.call(slug="spring", questions=[{"key": "data", "label": "Which data?"}])
    answer = Client().get("/api/grants/calls").json()["calls"]
    assert [row["slug"] for row in answer] == ["spring"]
    assert answer[0]["rule"]["version"] == 1
    assert answer[0]["remaining_gpu_seconds"] == call.remaining_gpu_seconds
    assert answer[0]["questions"][0]["key"] == "data"


def test_the_standard_track_by_api(post):
    staff, judge, user = StaffFactory(), UserFactory(), UserFactory()
    call = post(
        "calls",
        {
            "slug": "large",
            "title": "Large",
            "track": "standard",
            "flavor_class": "cpu-demo",
            "budget_gpu_seconds": 5000,
            "largest_gpu_seconds": 5000,
        },
        staff,
    )
    assert call.status_code == 201
    number = post("calls/large/proposals", body(), user).json()["id"]
    post(f"proposals/{number}/review", {}, staff)
    post(f"proposals/{number}/reviewers", {"reviewer": judge.username}, staff)
    review = Client().get("/api/grants/reviews", **bearer(judge)).json()["reviews"][0]
    answer = post(f"reviews/{review['id']}", {"score": 4, "text": "Clear and feasible plan."}, judge).json()
    assert (answer["state"], answer["score"]) == ("submitted", 4)
    post(f"proposals/{number}/discuss", {}, staff)
    decided = post(
        f"proposals/{number}/decide",
        {"outcome": "partly_awarded", "gpu_seconds": 300, "reasons": "Start small."},
        staff,
    ).json()
    assert decided["reviews"][0]["reviewer"] == judge.username
    post(f"proposals/{number}/announce", {}, staff)
    seen = Client().get(f"/api/grants/proposals/{number}", **bearer(user)).json()
    assert (seen["outcome"], seen["award"]["gpu_seconds"]) == ("partly_awarded", 300)
    assert seen["reviews"] == [
        {
            "number": 1,
            "version": 1,
            "state": "submitted",
            "score": 4,
            "text": "Clear and feasible plan.",
            "revisions": [],
        }
    ]


def test_a_conflict_is_declared_by_api(post):
    proposal, judge = make.in_review(), UserFactory()
    review = make.review(proposal, reviewer=judge)
    assert post(f"reviews/{review.pk}", {"conflict": "Old friends."}, judge).json()["state"] == "recused"
    assert post(f"reviews/{review.pk}", {"score": 5, "text": "x" * 30}, judge).status_code == 404


def test_a_review_is_accepted_declined_and_taken_back_by_api(post):
    proposal, judge, staff = make.in_review(), UserFactory(), StaffFactory()
    asking = {"reviewer": judge.username}
    for bad in ("soon", "2026-13-01", 5, "2020-01-01"):
        assert post(f"proposals/{proposal.pk}/reviewers", {**asking, "due_on": bad}, staff).status_code == 400
    assert post(f"proposals/{proposal.pk}/reviewers", {**asking, "due_on": "2999-01-01"}, staff).status_code == 200
    review = proposal.reviews.get()
    assert review.due_on.year == 2999
    accepted = post(f"reviews/{review.pk}", {"accept": True}, judge).json()
    assert (accepted["state"], accepted["due_on"]) == ("accepted", review.due_on.isoformat())
    assert post(f"proposals/{proposal.pk}/release", {"reviewer": judge.username}, judge).status_code == 404
    assert post(f"proposals/{proposal.pk}/release", {"reviewer": judge.username}, staff).status_code == 200
    make.review(proposal, reviewer=judge)
    assert post(f"reviews/{review.pk}", {"decline": "No time."}, judge).json()["state"] == "declined"


def test_a_version_answers_with_the_bytes_of_its_digest():
    proposal = make.submitted(make.standard_call())
    version = proposal.versions.get()
    answer = Client().get(f"/api/grants/proposals/{proposal.pk}/versions/1", **bearer(proposal.applicant))
    assert hashlib.sha256(answer.content).hexdigest() == version.digest
    assert answer.json() == version.content


def test_joining_leaving_and_copying_by_api(post):
    member, other = UserFactory(), UserFactory()
    proposal = make.draft(make.standard_call(), team=(member.username, other.username))
    url = f"proposals/{proposal.pk}"
    assert Client().get(f"/api/grants/{url}", **bearer(member)).status_code == 404
    states = {row["user"]: row["state"] for row in post(f"{url}/join", {}, member).json()["team"]}
    assert states == {member.username: "member", other.username: "invited"}
    assert post(f"{url}/join", {"accept": False}, other).json() == {"id": proposal.pk, "joined": False}
    assert post(f"{url}/leave", {}, member).json() == {"id": proposal.pk, "joined": False}
    copied = post(f"{url}/copy", {"call": make.call(slug="next").slug}, proposal.applicant)
    assert (copied.status_code, copied.json()["call"], copied.json()["state"]) == (201, "next", "draft")


def test_a_round_by_api(post):
    staff, member, nominator, owner = StaffFactory(), UserFactory(), UserFactory(), UserFactory()
    make.flavor()
    make.fill_pool(1_000_000)
    opened = post(
        "rounds",
        {
            "slug": "spring",
            "title": "Spring",
            "currency": "usd",
            "budget": 1_000_000,
            "flavor": "cpu-demo",
            "closes_at": (timezone.now() + timezone.timedelta(days=1)).isoformat(),
            "cap_permille": 1000,
            "least_scores": 1,
        },
        staff,
    )
    assert opened.status_code == 201
    for user in (member, UserFactory()):
        assert post("rounds/spring/panel", {"user": user.username}, staff).status_code == 200
    made = repository(owner)
    nominated = post(
        "rounds/spring/nominations",
        {"kind": "model", "name": made.full_name, "why": "It is good.", "gpu_seconds": 3600},
        nominator,
    ).json()
    assert nominated["subject"] == f"model:{made.full_name}"
    assert nominated["state"] == "asked"
    assert Client().get("/api/grants/rounds/spring").json()["nominations"] == []
    assert post(f"nominations/{nominated['id']}/answer", {"answer": "confirm"}, staff).status_code == 404
    assert post(f"nominations/{nominated['id']}/answer", {"answer": "what"}, owner).status_code == 400
    assert post(f"nominations/{nominated['id']}/answer", {"answer": "confirm"}, owner).json()["state"] == "confirmed"
    assert post(f"nominations/{nominated['id']}/score", {"score": 5}, member).json()["score"] == 5
    assert post(f"nominations/{nominated['id']}/score", {"score": 5}, nominator).status_code == 403
    assert post("rounds/spring/panel", {"user": owner.username}, staff).json()["code"] == "panel_stands"
    assert post("rounds/spring/decide", {}, staff).json()["code"] == "round_open"
    make.close(Round.objects.get())
    first, second = (post("rounds/spring/decide", {}, staff).json() for _time in range(2))
    assert first == second
    assert first["decision"]["recomputes"] is True
    assert first["nominations"][0]["award"]["amount"] == 72_000
    won = Client().get("/api/grants/awards", **bearer(owner)).json()["awards"][0]
    assert (won["currency"], won["source"]["kind"], won["allocation"]) == (
        "usd",
        "round",
        Award.objects.get().allocation_id,
    )
    assert (
        post("rounds/spring/nominations", {"kind": "proposal", "name": 1, "why": "x", "gpu_seconds": 1}, owner).json()[
            "code"
        ]
        == "round_closed"
    )


def test_closings_move_by_api(post):
    round_, call, staff = make.community_round(), make.call(), StaffFactory()
    for kind, row in [("rounds", round_), ("calls", call)]:
        url, later = f"{kind}/{row.slug}/closing", (timezone.now() + timezone.timedelta(days=9)).isoformat()
        assert post(url, {"closes_at": later, "reason": "More time."}, UserFactory()).status_code == 403
        assert post(url, {"closes_at": later}, staff).status_code == 400
        assert post(url, {"closes_at": later, "reason": "More time."}, staff).json()["open"] is True
        told = post(url, {"closes_at": "now", "reason": "It was a test."}, staff).json()
        assert told["open"] is False
        assert [row["reason"] for row in told["changes"]] == ["It was a test.", "More time."]
        assert told["changes"][0]["by"] == staff.username


def test_more_budget_by_api_serves_the_waiting_list(post):
    call = make.call(slug="tiny", budget_gpu_seconds=100)
    waiting = [make.submitted(call, asked_gpu_seconds=100) for _number in range(2)][1]
    answer = Client().get(f"/api/grants/proposals/{waiting.pk}", **bearer(waiting.applicant)).json()
    assert (answer["outcome"], answer["waiting_list_place"]) == ("waiting_list", 1)
    assert post("calls/tiny/budget", {"gpu_seconds": 100}, StaffFactory()).json()["decided"] == [waiting.pk]


def test_long_lists_have_pages():
    user = UserFactory()
    call = make.call()
    for _number in range(101):
        make.draft(call, applicant=user)
    first = Client().get("/api/grants/proposals", **bearer(user))
    assert len(first.json()["proposals"]) == 100
    assert 'rel="next"' in first["Link"]
    assert len(Client().get("/api/grants/proposals?p=1", **bearer(user)).json()["proposals"]) == 1
