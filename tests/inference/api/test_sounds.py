"""Asking for sounds by the native API and by the Hub's door, without a worker."""

import hashlib
import hmac
import json

import pytest
from django.utils import timezone

from accounts.enums import TokenScope
from accounts.principal import Principal
from hub.enums import Domain
from hub.models import WebhookDelivery
from hub.services import deliveries, webhooks
from inference.enums import FailureCode
from inference.models import Generation
from inference.services import running
from tests.factories.accounts import UserFactory, bearer
from tests.factories.inference import finish, generation, model, sound_model
from tests.support.receiver import receiving

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return UserFactory(username="ada")


@pytest.fixture
def bells(ada):
    return sound_model(ada, name="bells")


def post(client, url, body, headers, **more):
    return client.post(url, json.dumps(body), content_type="application/json", **headers, **more)


def test_asked_and_fetched_by_the_native_api(client, ada, bells):
    headers = bearer(ada)
    body = {"model": bells.full_name, "task": "sound", "label": "a bell", "seconds": 0.3, "seed": 5, "count": 2}
    answer = post(client, "/api/generations", body, headers)
    assert answer.status_code == 202
    asked = answer.json()
    assert body.items() <= asked.items()
    assert (asked["revision"], asked["steps"]) == (bells.head, 4)
    assert not {"prompt", "width", "height", "guidance"} & asked.keys()
    assert asked["sounds"] == []
    finish(Generation.objects.get())
    ready = client.get(asked["url"], **headers).json()
    assert ready["pictures"] == []
    first = ready["sounds"][0]
    assert (first["sample_rate"], first["channels"], first["seconds"], first["seed"]) == (4000, 2, 0.3, 5)
    assert first["url"].endswith("/0.wav")
    sound = client.get(first["url"], **headers)
    assert (sound["Content-Type"], b"".join(sound.streaming_content)[8:12]) == ("audio/wav", b"WAVE")
    picture = client.get(first["spectrogram"], **headers)
    assert b"".join(picture.streaming_content).startswith(b"\x89PNG")


def test_the_end_of_a_sound_is_told_to_a_webhook_that_can_check_who_says_so(client, ada, bells, settings):
    settings.WEBHOOKS_TO_LOOPBACK = True
    with receiving() as server:
        by = Principal(user=ada)
        watched = [("user", ada.username)]
        hook = webhooks.create(by=by, url=server.url, watched=watched, domains=[Domain.REPO], secret="hush")
        body = {"model": bells.full_name, "task": "sound", "label": "a bell", "seconds": 0.3, "webhook": hook.key}
        asked = [post(client, "/api/generations", body, bearer(ada)).json() for _twice in range(2)]
        ready = finish(Generation.objects.get(pk=asked[0]["id"]))
        running.fail(running.claim(asked[1]["id"]), FailureCode.ENGINE)
        server.answers = [503]
        for _twice in range(2):
            for delivery in deliveries.due():
                deliveries.deliver(delivery)
            WebhookDelivery.objects.update(next_attempt_at=timezone.now())
        posted = server.posted
    # The first one was told again, after the 503.
    told = [(one.event, one.payload["generation"]["id"], one.payload["generation"]["state"]) for one in posted]
    good, bad = [
        (("update", "generation"), one["id"], how) for one, how in zip(asked, ("succeeded", "failed"), strict=True)
    ]
    assert sorted(told) == sorted([good, bad, told[0]])
    for one in posted:
        proof = hmac.new(b"hush", one.body, hashlib.sha256).hexdigest()
        assert one.headers["X-Webhook-Signature-256"] == f"sha256={proof}"
    facts = next(one.payload["generation"] for one in posted if one.payload["generation"]["id"] == ready.pk)
    assert (facts["model"], facts["revision"], facts["price"]) == (bells.full_name, bells.head, 0)
    shown = client.get(facts["url"], **bearer(ada)).json()
    assert [one["seconds"] for one in shown["sounds"]] == [0.3]


def test_a_prompt_is_refused_and_not_ignored(client, ada, bells):
    answer = post(client, "/api/generations", {"model": bells.full_name, "prompt": "a bell"}, bearer(ada))
    assert answer.status_code == 422
    assert "no influence" in answer.json()["error"]
    for prompt in ("a bell", ""):
        answer = post(client, "/v1/images/generations", {"model": bells.full_name, "prompt": prompt}, bearer(ada))
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "prompt")
    body = {"model": bells.full_name, "prompt": "a bell"}
    assert client.post("/v2beta/stable-image/generate/core", body, **bearer(ada)).status_code == 400


def test_the_text_at_the_hubs_door_becomes_a_label(client, ada, bells, settings):
    settings.GENERATION_WAIT_SECONDS = 0
    body = {"inputs": "a bell", "parameters": {"audio_length_in_s": 0.5, "num_inference_steps": 9, "seed": 3}}
    answer = post(client, "/inference/ada/bells", body, bearer(ada), HTTP_IDEMPOTENCY_KEY="k")
    assert answer.status_code == 503
    made = Generation.objects.get()
    assert (made.label, made.prompt, made.seconds, made.steps, made.seed) == ("a bell", "", 0.5, 9, 3)
    finish(made)
    answer = post(client, "/inference/ada/bells", body, bearer(ada), HTTP_IDEMPOTENCY_KEY="k")
    assert (answer.status_code, answer["Content-Type"]) == (200, "audio/wav")
    assert answer["X-Text-Influence"] == "none; kept as label"
    assert answer["X-Seed"] == "3"
    # As `text_to_image` of the stock client says what it expects.
    answer = post(client, "/inference/ada/bells", {"inputs": "x"}, bearer(ada), HTTP_ACCEPT="image/png")
    assert (answer.status_code, answer.json()["field"]) == (422, "model")
    assert Generation.objects.count() == 1


@pytest.mark.parametrize(
    ("parameters", "field"),
    [({"temperature": 0.5}, "temperature"), ({"prompt": "x"}, "prompt"), ({"width": 8}, "width")],
)
def test_parameters_of_speech_are_refused_and_not_ignored(client, ada, bells, parameters, field):
    answer = post(client, "/inference/ada/bells", {"inputs": "x", "parameters": parameters}, bearer(ada))
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert "audio_length_in_s" in answer.json()["hint"]


def test_who_may_ask(client, ada, bells):
    closed = sound_model(ada, name="closed", visibility="private")
    for url, body in (
        ("/api/generations", {"model": closed.full_name}),
        (f"/inference/{closed.full_name}", {"inputs": "x"}),
    ):
        assert post(client, url, body, {}).status_code == 401
        assert post(client, url, body, bearer(UserFactory())).status_code == 404
        assert post(client, url, body, bearer(ada, scope=TokenScope.READ)).status_code == 403


def test_what_the_model_takes_is_told(client, ada, bells):
    told = client.get("/inference/ada/bells/info", **bearer(ada)).json()
    assert (told["task"], told["tasks"], told["samplers"]) == ("sound", ["sound"], [])
    assert told["sound"]["longest"] == 2.048
    model(ada, name="shapes")
    assert client.get("/inference/ada/shapes/info", **bearer(ada)).json()["sound"] is None


def test_lists_and_models_of_pictures_leave_sounds_alone(client, ada, bells):
    finish(generation(ada, bells, prompt="", label="a bell"))
    assert [one["label"] for one in client.get("/api/generations", **bearer(ada)).json()] == ["a bell"]
    assert client.get("/v1/models", **bearer(ada)).json()["data"] == []
