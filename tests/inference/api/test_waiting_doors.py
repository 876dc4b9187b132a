"""The OpenAI and Hub doors: forms of answers and errors, without a worker."""

import json

import pytest

from accounts.enums import TokenScope
from common.places import Places
from inference.api import waiting
from inference.enums import GenerationState
from inference.models import Generation
from tests.factories.accounts import UserFactory, bearer
from tests.factories.inference import buy_credits, model

pytestmark = pytest.mark.django_db
OPENAI = "/v1/images/generations"


@pytest.fixture(autouse=True)
def _do_not_wait(settings):
    settings.GENERATION_WAIT_SECONDS = 0


def post(client, url, body, headers, **more):
    return client.post(url, json.dumps(body), content_type="application/json", **headers, **more)


def hub(repository):
    return f"/inference/{repository.full_name}"


def test_not_ready_in_time_is_503_with_place_and_nothing_stays_behind(client, settings):
    settings.FREE_PICTURES_PER_DAY = 0
    person, repository = UserFactory(), model()
    buy_credits(person.namespace)
    for url, body in ((OPENAI, {"model": repository.full_name, "prompt": "x"}), (hub(repository), {"inputs": "x"})):
        answer = post(client, url, body, bearer(person))
        assert answer.status_code == 503
        assert int(answer["Retry-After"]) >= 1
        assert "place 1 in the queue" in answer.content.decode()
    assert set(Generation.objects.values_list("state", flat=True)) == {GenerationState.CANCELLED}


def test_when_all_places_are_taken_nothing_stays_behind_unless_it_can_be_fetched(client, monkeypatch):
    monkeypatch.setattr(waiting, "places", Places(0))
    person, repository = UserFactory(), model()
    drawn = {"model": repository.full_name, "prompt": "x"}
    for url, body in ((OPENAI, drawn), (OPENAI, drawn | {"stream": True}), (hub(repository), {"inputs": "x"})):
        assert post(client, url, body, bearer(person)).status_code == 503
        assert post(client, url, body, bearer(person), HTTP_IDEMPOTENCY_KEY=f"k{url}{len(body)}").status_code == 503
    states = Generation.objects.order_by("created_at").values_list("state", flat=True)
    assert list(states) == [GenerationState.CANCELLED, GenerationState.QUEUED] * 3


def test_with_a_key_it_goes_on_and_the_repetition_finds_it(client):
    person, repository = UserFactory(), model()
    headers = bearer(person)
    for _ in range(2):
        answer = post(client, hub(repository), {"inputs": "x"}, headers, HTTP_IDEMPOTENCY_KEY="k")
        assert (answer.status_code, answer.json()["queue_position"]) == (503, 1)
    assert Generation.objects.get().state == GenerationState.QUEUED


def test_steps_are_left_out_when_asked(client):
    name, headers = model().full_name, bearer(UserFactory())
    asked = ((OPENAI, {"model": name, "prompt": "x", "step_reuse": "light"}),)
    asked += ((f"/inference/{name}", {"inputs": "x", "parameters": {"step_reuse": "light"}}),)
    for url, body in asked:
        post(client, url, body, headers)
    assert list(Generation.objects.values_list("step_reuse", flat=True)) == ["light", "light"]


OPENAI_REFUSALS = [
    ({"prompt": "x", "size": "huge"}, 400, "invalid_parameters", "size"),
    ({"prompt": "x", "n": 11}, 400, "invalid_parameters", "n"),
    ({"prompt": "x", "response_format": "gif"}, 400, "invalid_parameters", "response_format"),
    ({"prompt": "x", "n": 11, "stream": [True]}, 400, "invalid_parameters", "n"),
    ({"prompt": "a naked child"}, 400, "content_policy_violation", "prompt"),
    ({"prompt": "x", "model": "no/thing"}, 404, "model_not_found", "model"),
    ({"prompt": "x", "size": "17x16"}, 400, "invalid_parameters", "size"),
    ({"prompt": "x", "stepz": 3}, 400, "unknown_parameter", "stepz"),
    ({"prompt": "x", "quality": "hd", "style": "vivid", "user": "u"}, 503, "not_ready", None),
]


def test_errors_in_openai_form(client):
    name, headers = model().full_name, bearer(UserFactory())
    for body, status, code, param in OPENAI_REFUSALS:
        answer = post(client, OPENAI, {"model": name} | body, headers)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (status, code, param)
        assert error["type"] == ("server_error" if status == 503 else "invalid_request_error")
        assert error["message"].endswith((".", "?"))


def test_other_methods_and_addresses_are_refused_in_the_form_of_each_protocol(client):
    headers = bearer(UserFactory())
    for asked, status, code in (
        (client.get(OPENAI, **headers), 405, "method_not_allowed"),
        (client.post("/v1/models", **headers), 405, "method_not_allowed"),
        (post(client, "/v1/chat/completions", {"model": "x"}, headers), 404, "not_found"),
    ):
        assert (asked.status_code, asked.json()["error"]["code"]) == (status, code)
        assert asked.json()["error"]["type"] == "invalid_request_error"
    assert client.get(OPENAI)["Allow"] == "POST"
    answer = client.get(hub(model()), **headers)
    assert (answer.status_code, answer.json()["code"], answer["Allow"]) == (405, "method_not_allowed", "POST")
    assert "POST" in answer["X-Error-Message"]


def test_a_token_that_does_not_work_is_refused_in_the_form_of_each_protocol(client):
    bad, name = {"HTTP_AUTHORIZATION": "Bearer hf_nothing"}, model().full_name
    error = post(client, OPENAI, {"model": name, "prompt": "x"}, bad)
    assert (error.status_code, error.json()["error"]["code"]) == (401, "invalid_api_key")
    assert client.get("/v1/models", **bad).json()["error"]["type"] == "authentication_error"
    stable = client.post("/v2beta/stable-image/generate/core", {"prompt": "x", "model": name}, **bad)
    assert (stable.status_code, stable.json()["name"]) == (401, "unauthorized")
    # A session does not take its place.
    client.force_login(UserFactory())
    assert post(client, OPENAI, {"model": name, "prompt": "x"}, bad).status_code == 401


HUB_REFUSALS = [
    ({"inputs": ""}, 422),
    ({"inputs": "x", "parameters": {"width": 17}}, 422),
    ({"inputs": "x", "parameters": {"scheduler": "DDIM"}}, 422),
    ({"inputs": "x", "parameters": {"negativ_prompt": "y"}}, 422),
    ({"inputs": "x", "parameters": []}, 503),
    ({"inputs": "x", "parameters": ["y"]}, 422),
    ({"inputs": "a naked child"}, 422),
]


def test_errors_in_hub_form(client):
    url, headers = hub(model()), bearer(UserFactory())
    for body, status in HUB_REFUSALS:
        answer = post(client, url, body, headers)
        assert (body, answer.status_code) == (body, status)
        assert answer.json()["error"]
        assert answer["X-Error-Message"]


def test_who_may_use_these_doors(client, settings):
    repository = model()
    for url, body in ((OPENAI, {"model": repository.full_name, "prompt": "x"}), (hub(repository), {"inputs": "x"})):
        assert post(client, url, body, {}).status_code == 401
        assert post(client, url, body, bearer(UserFactory(), scope=TokenScope.READ)).status_code == 403
        client.force_login(UserFactory())
        assert post(client, url, body, {}).status_code == 401
        client.logout()
        settings.FREE_PICTURES_PER_DAY = 0
        assert post(client, url, body, bearer(UserFactory())).status_code == 402
        settings.FREE_PICTURES_PER_DAY = 200
        settings.PICTURES_UNDER_WAY = 0
        assert post(client, url, body, bearer(UserFactory())).status_code == 429
        settings.PICTURES_UNDER_WAY = 100


def test_a_private_model_is_hidden_from_strangers_at_these_doors(client):
    owner = UserFactory()
    repository = model(owner, visibility="private")
    assert post(client, hub(repository), {"inputs": "x"}, bearer(UserFactory())).status_code == 404
    assert post(client, hub(repository), {"inputs": "x"}, bearer(owner)).status_code == 503
    assert client.get(f"{hub(repository)}/health", **bearer(UserFactory())).status_code == 404
    assert client.get(f"{hub(repository)}/health", **bearer(owner)).status_code == 200
    assert client.get(f"{hub(repository)}/info", **bearer(owner)).json()["sha"] == repository.head
