import json

import pytest

from accounts.enums import TokenScope
from common.places import Places
from inference.api import waiting
from inference.models import Generation
from tests.factories.accounts import UserFactory, bearer
from tests.factories.inference import finish, generation, model

pytestmark = pytest.mark.django_db


def post(client, body, headers, **more):
    return client.post("/api/generations", json.dumps(body), content_type="application/json", **headers, **more)


def test_asking_is_answered_at_once_with_the_address_of_the_generation(client):
    person, repository = UserFactory(), model()
    body = {
        "model": repository.full_name,
        "prompt": "a red circle",
        "seed": 5,
        "steps": 3,
        "count": 2,
        "step_reuse": "light",
    }
    answer = post(client, body, bearer(person))
    made = Generation.objects.get()
    assert answer.status_code == 202
    assert answer["Location"] == f"http://127.0.0.1:8000/api/generations/{made.pk}"
    shown = answer.json()
    assert (shown["state"], shown["seed"], shown["steps"], shown["count"]) == ("queued", 5, 3, 2)
    assert shown["step_reuse"] == "light"
    assert (shown["price"], shown["billing"], shown["queue_position"]) == (0, "free", 1)
    assert shown["policy"]["allowed"] is True


def test_the_same_key_makes_one_generation(client):
    person, repository = UserFactory(), model()
    headers = bearer(person)
    body = {"model": repository.full_name, "prompt": "a red circle"}
    first = post(client, body, headers, HTTP_IDEMPOTENCY_KEY="abc").json()
    assert post(client, body, headers, HTTP_IDEMPOTENCY_KEY="abc").json()["id"] == first["id"]
    assert post(client, body | {"prompt": "else"}, headers, HTTP_IDEMPOTENCY_KEY="abc").status_code == 409


REFUSED = [
    ({"prompt": "x", "model": "nobody/nothing"}, 404),
    ({"prompt": ""}, 422),
    ({"prompt": "x", "steps": "many"}, 422),
    ({"prompt": "x", "guidance": float("1e999")}, 422),
    ({"prompt": "x", "guidance": 10**400}, 422),
    ({"prompt": "x", "seed": True}, 422),
    ({"prompt": "x", "billed_to": "nobody"}, 422),
    ({"prompt": "x", "currency": "xyz"}, 422),
    ({"prompt": ["x"]}, 422),
    ({"prompt": "x", "step_reuse": "all"}, 422),
    ({"prompt": "a naked child"}, 422),
]


def test_refusals_say_why_in_json(client):
    name, headers = model().full_name, bearer(UserFactory())
    for body, status in REFUSED:
        answer = post(client, {"model": name} | body, headers)
        assert (body, answer.status_code) == (body, status)
        assert answer.json()["error"]


def test_what_is_misspelt_or_missing_is_named(client):
    headers, name = bearer(UserFactory()), model().full_name
    for body, status, field, hint in (
        ({"prompt": "x", "negativ_prompt": "y"}, 422, "negativ_prompt", "Did you mean negative_prompt?"),
        ({"prompt": "x", "zzz": 1}, 422, "zzz", "Leave it out."),
        ({"prompt": "x", "model": ""}, 422, "model", "Name one as owner/name."),
        ({"prompt": "x", "model": "no/thing"}, 404, "model", None),
        ({"prompt": "x", "loras": ["no/thing"]}, 404, "loras", None),
        ({"prompt": "x", "width": 17}, 422, "width", None),
    ):
        answer = client.post("/api/generations", {"model": name} | body, content_type="application/json", **headers)
        told = answer.json()
        assert (answer.status_code, told["field"]) == (status, field)
        assert told["hint"] == hint or hint is None
    assert not Generation.objects.exists()


def test_bodies_that_are_no_json_objects_are_400(client):
    headers = bearer(UserFactory())
    for body in ("{", "[]", "\xff", '{"a":' + "[" * 200_000):
        answer = client.post("/api/generations", body, content_type="application/json", **headers)
        assert answer.status_code == 400


def test_402_when_nothing_pays(client, settings):
    settings.FREE_PICTURES_PER_DAY = 0
    answer = post(client, {"model": model().full_name, "prompt": "x"}, bearer(UserFactory()))
    assert (answer.status_code, answer.json()["code"]) == (402, "credits_too_low")
    assert "/credits" in answer.json()["hint"]


def test_429_says_when_to_come_back(client, settings):
    settings.PICTURES_UNDER_WAY = 0
    answer = post(client, {"model": model().full_name, "prompt": "x"}, bearer(UserFactory()))
    assert (answer.status_code, answer["Retry-After"]) == (429, "10")


def test_who_may_ask(client):
    body = {"model": model().full_name, "prompt": "x"}
    assert post(client, body, {}).status_code == 401
    assert post(client, body, {"HTTP_AUTHORIZATION": "Bearer hf_wrong"}).status_code == 401
    assert post(client, body, bearer(UserFactory(), scope=TokenScope.READ)).status_code == 403
    assert post(client, body, bearer(UserFactory())).status_code == 202


@pytest.mark.parametrize("end", ["", "/events"])
def test_only_the_owner_sees_a_generation(client, end):
    person = UserFactory()
    made = finish(generation(person))
    url = f"/api/generations/{made.pk}{end}"
    assert client.get(url).status_code == 404
    assert client.get(url, **bearer(UserFactory())).status_code == 404
    assert client.get(url, **bearer(UserFactory(is_staff=True))).status_code == 404
    assert client.get(url, **bearer(person, scope=TokenScope.READ)).status_code == 200


def test_a_finished_one_lists_its_pictures_and_they_can_be_fetched(client):
    person = UserFactory()
    made = finish(generation(person, seed=7, count=2))
    shown = client.get(f"/api/generations/{made.pk}", **bearer(person)).json()
    assert [picture["seed"] for picture in shown["pictures"]] == [7, 8]
    assert shown["timings"] == {"device": 0.5}
    url = shown["pictures"][1]["url"].removeprefix("http://127.0.0.1:8000")
    answer = client.get(url, **bearer(person))
    assert answer["Content-Type"] == "image/png"
    assert b"".join(answer.streaming_content)[:4] == b"\x89PNG"


def test_events_of_a_finished_one_end_at_once(client):
    person = UserFactory()
    made = finish(generation(person))
    answer = client.get(f"/api/generations/{made.pk}/events", **bearer(person))
    text = b"".join(answer.streaming_content).decode()
    assert text.startswith("event: done\ndata: {")
    assert json.loads(text.split("data: ")[1])["state"] == "succeeded"


def test_cancel_by_api(client):
    person = UserFactory()
    made = generation(person)
    url = f"/api/generations/{made.pk}/cancel"
    assert client.post(url, **bearer(UserFactory())).status_code == 404
    assert client.post(url, **bearer(person, scope=TokenScope.READ)).status_code == 403
    assert client.post(url, **bearer(person)).json()["state"] == "cancelled"
    assert client.post(url, **bearer(person)).status_code == 409


def test_the_list_costs_the_same_for_one_and_three(client, django_assert_num_queries):
    person, repository = UserFactory(), model()
    headers = bearer(person)
    generation(person, repository)
    client.get("/api/generations", **headers)
    with django_assert_num_queries(5):
        assert len(client.get("/api/generations", **headers).json()) == 1
    finish(generation(person, repository))
    generation(person, repository)
    with django_assert_num_queries(5):
        assert len(client.get("/api/generations", **headers).json()) == 3


def test_the_price_list_is_public(client):
    answer = client.get("/api/generations/prices").json()
    assert answer["rates"]["eur"] == {"picture": 1000, "megapixel_step": 500}
    assert answer["policy"]["version"]


def test_when_all_places_are_taken_listeners_are_asked_to_come_back(client, monkeypatch):
    monkeypatch.setattr(waiting, "places", Places(0))
    made = generation(UserFactory())
    refused = client.get(f"/api/generations/{made.pk}/events", **bearer(made.owner))
    assert (refused.status_code, refused["Retry-After"]) == (503, "5")
    assert "Too many clients wait" in refused.json()["error"]
