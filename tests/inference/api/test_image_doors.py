"""Doors that take images: forms of requests, answers and errors, without a worker."""

import base64
import io
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image

from accounts.enums import Permission, TokenScope
from accounts.principal import Principal
from accounts.services import tokens
from hub.enums import Domain
from hub.models import WebhookDelivery
from hub.services import webhooks
from inference.enums import FailureCode, GenerationState, Task
from inference.models import Generation, InputImage
from inference.services import generations, running
from tests.factories.accounts import UserFactory, bearer
from tests.factories.inference import finder, finish, generation, given, lora, model

pytestmark = pytest.mark.django_db
CLASSIC = "StableDiffusionPipeline"
GENERATE, EDITS, VARIATIONS = "/v2beta/stable-image/generate/core", "/v1/images/edits", "/v1/images/variations"
CONSERVATIVE, FAST = "/v2beta/stable-image/upscale/conservative", "/v2beta/stable-image/upscale/fast"
REPLACE = "/v2beta/stable-image/edit/search-and-replace"
INPAINT, OUTPAINT = "/v2beta/stable-image/edit/inpaint", "/v2beta/stable-image/edit/outpaint"


@pytest.fixture(autouse=True)
def _do_not_wait(settings):
    settings.GENERATION_WAIT_SECONDS = 0


@pytest.fixture
def painter(db):
    return model(pipeline=CLASSIC).full_name


def picture(mode="RGB", size=(16, 16), colour="red"):
    file = io.BytesIO()
    Image.new(mode, size, colour).save(file, "PNG")
    return file.getvalue()


def with_a_hole(size=(16, 16)):
    image = Image.new("RGBA", size, (255, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 0, 8, 8))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def upload(content, name="image.png"):
    return SimpleUploadedFile(name, content, content_type="image/png")


def kept(url, client, headers, **fields):
    """Ask with a key, so that what was asked for stays."""
    number = Generation.objects.count()
    answer = client.post(url, fields, **headers, HTTP_IDEMPOTENCY_KEY=f"key-{number}")
    assert answer.status_code == 503, answer.content
    return Generation.objects.latest("created_at")


def mask_of(made):
    return Image.open(io.BytesIO(made.mask.path.read_bytes()))


def test_stability_draws_in_a_ratio_and_redraws_an_image(client, painter):
    headers = bearer(UserFactory())
    wide = kept(GENERATE, client, headers, prompt="a", model=painter, aspect_ratio="16:9", seed="7", cfg_scale="3.5")
    assert (wide.task, wide.seed, wide.guidance) == (Task.TEXT_TO_IMAGE, 7, 3.5)
    assert wide.width > wide.height
    redrawn = kept(
        "/v2beta/stable-image/generate/sd3",
        client,
        headers,
        prompt="a",
        model=painter,
        mode="image-to-image",
        image=upload(picture()),
        strength="0.5",
    )
    assert (redrawn.task, redrawn.strength) == (Task.IMAGE_TO_IMAGE, 0.5)


def test_stability_fills_what_is_white_or_transparent_and_grows_the_mask(client, painter):
    headers = bearer(UserFactory())
    mask = io.BytesIO()
    Image.new("L", (16, 16), 0).save(mask, "PNG")
    by_mask = kept(
        INPAINT, client, headers, prompt="a", model=painter, image=upload(picture()), mask=upload(mask.getvalue())
    )
    assert mask_of(by_mask).getextrema() == (0, 0)
    by_hole = kept(INPAINT, client, headers, prompt="a", model=painter, image=upload(with_a_hole()), grow_mask="2")
    assert (mask_of(by_hole).getpixel((9, 9)), mask_of(by_hole).getpixel((10, 10))) == (255, 0)


def test_stability_searches_and_replaces(client, painter, settings):
    settings.MODEL_ALIASES = {"search-and-replace": painter, "finder": finder().full_name}
    person = UserFactory()
    fields = {"prompt": "a dog", "search_prompt": "the cat", "image": upload(picture())}
    made = kept(REPLACE, client, bearer(person), **fields, negative_prompt="rain", seed="7", grow_mask="2")
    assert (made.task, made.search, made.mask, made.seed) == (Task.INPAINTING, "the cat", None, 7)
    assert (made.model_name, made.prompt, made.negative_prompt) == (painter, "a dog", "rain")
    assert (made.finder.grow_mask, made.finder.model_name) == (2, settings.MODEL_ALIASES["finder"])
    other = finder().full_name
    fields["image"] = upload(picture())
    assert kept(REPLACE, client, bearer(person), **fields, finder=other, model=painter).finder.model_name == other
    # The words of this API name what is wrong.
    answer = client.post(REPLACE, {"prompt": "a", "image": upload(picture())}, **bearer(person))
    assert answer.json()["errors"][0].startswith("search_prompt: ")
    claimed = running.claim(made.pk)
    running.fail(claimed, FailureCode.NOTHING_FOUND, detail="“the cat”")
    fields["image"] = upload(picture())
    sent = fields | {"negative_prompt": "rain", "seed": "7", "grow_mask": "2"}
    answer = client.post(REPLACE, sent, **bearer(person), HTTP_IDEMPOTENCY_KEY="key-0")
    assert (answer.status_code, answer.json()["name"]) == (400, "bad_request")
    assert "search_prompt: Nothing of that name was found in the image" in answer.json()["errors"][0]


def test_the_native_api_searches_in_place_of_a_mask(client, painter, django_assert_num_queries):
    person, eyes = UserFactory(), finder()
    headers, image = bearer(person), given(person).pk
    body = {"model": painter, "prompt": "a dog", "image": image, "search": "the cat", "finder": eyes.full_name}
    answer = natively(client, headers, **body)
    shown = answer.json()
    assert (answer.status_code, shown["task"], "mask" in shown) == (202, "inpainting", False)
    searched = {"search": "the cat", "grow_mask": 5, "finder": eyes.full_name, "finder_revision": eyes.head}
    assert {name: shown[name] for name in searched} == searched
    assert shown["found_by"] == searched | {"price": 1}
    # What is shown asks for the same again; so does the page's button.
    names = ("model", "prompt", "image", *searched)
    assert natively(client, headers, **{name: shown[name] for name in names}).status_code == 202
    assert client.post(f"/api/generations/{shown['id']}/again", **headers).json()["search"] == "the cat"
    Generation.objects.filter(pk=shown["id"]).update(mask=given(person, "mask"))
    found = client.get(f"/api/generations/{shown['id']}", **headers).json()
    assert (found["mask"], "search" in found) == (given(person, "mask").pk, False)
    assert found["found_by"]["search"] == "the cat"
    for wrong in (
        {"search": "x" * 201},
        {"mask": given(person, "mask").pk},
        {"finder": ""},
        {"finder": painter},
        {"grow_mask": 99},
        {"search": 3},
    ):
        answer = natively(client, headers, **body | wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameters"), wrong
    with CaptureQueriesContext(connection) as three:
        client.get("/api/generations", **headers)
    Generation.objects.exclude(pk=shown["id"]).update(owner=UserFactory())
    with django_assert_num_queries(len(three)):
        assert len(client.get("/api/generations", **headers).json()) == 1


def test_stability_draws_around_an_image(client, painter):
    made = kept(
        OUTPAINT, client, bearer(UserFactory()), prompt="a", model=painter, image=upload(picture()), left="8", down="16"
    )
    assert (made.task, made.width, made.height) == (Task.INPAINTING, 24, 32)
    mask = mask_of(made)
    assert (mask.getpixel((0, 0)), mask.getpixel((7, 31)), mask.getpixel((12, 8))) == (255, 255, 0)


def test_names_of_the_operator_stand_for_models(client, painter, settings):
    settings.MODEL_ALIASES = {"core": painter}
    assert kept(GENERATE, client, bearer(UserFactory()), prompt="a").model_name == painter


def test_stability_enlarges_with_and_without_words(client, settings):
    enlarger, headers = model(pipeline="IFSuperResolutionPipeline").full_name, bearer(UserFactory())
    small = picture(size=(8, 8))
    by_words = kept(
        CONSERVATIVE, client, headers, prompt="a", model=enlarger, image=upload(small), creativity="0.25", seed="7"
    )
    assert (by_words.task, by_words.noise_level, by_words.seed, by_words.width) == (Task.UPSCALE, 250, 7, 16)
    settings.MODEL_ALIASES = {"fast": enlarger}
    plain = kept(FAST, client, headers, image=upload(small))
    assert (plain.task, plain.prompt, plain.guidance, plain.model_name) == (Task.UPSCALE, "", 1.0, enlarger)
    for url, fields in (
        (CONSERVATIVE, {"image": small}),
        (CONSERVATIVE, {"prompt": "a"}),
        (CONSERVATIVE, {"image": small, "prompt": "a", "creativity": "0.9"}),
        (FAST, {}),
        (FAST, {"image": picture(size=(128, 128))}),
        (FAST, {"image": small, "model": model(pipeline=CLASSIC).full_name}),
    ):
        sent = {name: upload(value) if name == "image" else value for name, value in fields.items()}
        answer = client.post(url, {"model": enlarger} | sent, **headers)
        assert (answer.status_code, answer.json()["name"]) == (400, "bad_request"), fields
    answer = client.post("/v2beta/stable-image/upscale/creative", {"prompt": "a"}, **headers)
    assert (answer.status_code, answer.json()["name"]) == (404, "not_found")


def test_the_native_api_enlarges_and_tells_the_noise_level(client):
    person = UserFactory()
    enlarger, headers = model(pipeline="IFSuperResolutionPipeline").full_name, bearer(person)
    small = given(person, size=(8, 8)).pk
    asked = natively(client, headers, model=enlarger, image=small, noise_level=50)
    shown = asked.json()
    assert (asked.status_code, shown["task"], shown["noise_level"], shown["width"]) == (202, "upscale", 50, 16)
    again = client.post(f"/api/generations/{shown['id']}/again", **headers).json()
    assert [again[name] for name in ("task", "noise_level", "seed")] == ["upscale", 50, shown["seed"]]
    drawn = finish(Generation.objects.get(pk=shown["id"])).pictures.get()
    answer = natively(client, headers, model=enlarger, image=drawn.pk, width=16, height=16)
    assert (answer.status_code, "not larger" in answer.content.decode()) == (422, True), answer.content
    body = {"inputs": base64.b64encode(picture(size=(8, 8))).decode(), "parameters": {"prompt": "", "noise_level": 20}}
    headers |= {"HTTP_IDEMPOTENCY_KEY": "k"}
    client.post(f"/inference/{enlarger}", json.dumps(body), content_type="application/json", **headers)
    assert Generation.objects.latest("created_at").noise_level == 20


STABILITY_REFUSALS = [
    (GENERATE, {"prompt": "a"}, 400, "bad_request"),
    (GENERATE, {"prompt": "a", "model": "no/thing"}, 404, "not_found"),
    (GENERATE, {"prompt": "", "model": "*"}, 400, "bad_request"),
    (GENERATE, {"prompt": "a", "model": "*", "seed": "x"}, 400, "bad_request"),
    (GENERATE, {"prompt": "a", "model": "*", "aspect_ratio": "wide"}, 400, "bad_request"),
    (GENERATE, {"prompt": "a", "model": "*", "style_preset": "anime"}, 400, "bad_request"),
    (GENERATE, {"prompt": "a", "model": "*", "mode": "image-to-image"}, 400, "bad_request"),
    (GENERATE, {"prompt": "a naked child", "model": "*"}, 403, "content_moderation"),
    ("/v2beta/stable-image/generate/huge", {"prompt": "a"}, 404, "not_found"),
    ("/v2beta/stable-image/edit/erase", {"prompt": "a"}, 404, "not_found"),
    (GENERATE, {"prompt": "a", "model": "*", "negativ_prompt": "b"}, 400, "bad_request"),
    (INPAINT, {"prompt": "a", "model": "*", "image": picture, "left": "8"}, 400, "bad_request"),
    ("/v2beta/stable-image/generate", {"prompt": "a"}, 404, "not_found"),
    ("/v2beta/results/1", {}, 404, "not_found"),
    (REPLACE, {"prompt": "a", "search_prompt": "b", "model": "*"}, 400, "bad_request"),
    (REPLACE, {"search_prompt": "b", "model": "*", "image": picture}, 400, "bad_request"),
    (REPLACE, {"prompt": "a", "model": "*", "image": picture}, 400, "bad_request"),
    (REPLACE, {"prompt": "a", "search_prompt": "b", "model": "*", "image": picture}, 400, "bad_request"),
    (INPAINT, {"prompt": "a", "model": "*"}, 400, "bad_request"),
    (INPAINT, {"prompt": "a", "model": "*", "image": picture}, 400, "bad_request"),
    (INPAINT, {"prompt": "a", "model": "*", "image": lambda: b"no image"}, 400, "bad_request"),
    (OUTPAINT, {"prompt": "a", "model": "*", "image": picture}, 400, "bad_request"),
    (OUTPAINT, {"prompt": "a", "model": "*", "image": picture, "left": "9999"}, 400, "bad_request"),
]


def test_errors_in_stability_form(client, painter):
    headers = bearer(UserFactory())
    for url, fields, status, name in STABILITY_REFUSALS:
        sent = {key: upload(value()) if callable(value) else value for key, value in fields.items()}
        answer = client.post(url, sent | {"model": painter} if fields.get("model") == "*" else sent, **headers)
        assert (url, fields, answer.status_code, answer.json()["name"]) == (url, fields, status, name)
        assert answer.json()["errors"]
        assert len(answer.json()["id"]) == 24
    answer = client.get(GENERATE, **headers)
    assert (answer.status_code, answer["Allow"], answer.json()["name"]) == (405, "POST", "method_not_allowed")


def test_openai_edits_fill_what_is_transparent_and_redraw_the_rest(client, painter):
    headers = bearer(UserFactory())
    filled = kept(
        EDITS, client, headers, prompt="a", model=painter, image=upload(picture()), mask=upload(with_a_hole())
    )
    assert filled.task == Task.INPAINTING
    assert (mask_of(filled).getpixel((0, 0)), mask_of(filled).getpixel((9, 9))) == (255, 0)
    own = kept(EDITS, client, headers, **{"prompt": "a", "model": painter, "image[]": upload(with_a_hole()), "n": "2"})
    assert (own.task, own.count) == (Task.INPAINTING, 2)
    redrawn = kept(EDITS, client, headers, prompt="a", model=painter, image=upload(picture()), strength="0.5")
    assert (redrawn.task, redrawn.strength) == (Task.IMAGE_TO_IMAGE, 0.5)
    editor = model(pipeline="StableDiffusionInstructPix2PixPipeline").full_name
    assert kept(EDITS, client, headers, prompt="a", model=editor, image=upload(picture())).task == Task.EDITING


def test_errors_of_edits_in_openai_form(client, painter):
    headers = bearer(UserFactory())
    for fields, param in (
        ({}, "image"),
        ({"image": upload(b"x")}, "image"),
        ({"image": upload(picture()), "mask": upload(picture())}, "mask"),
        ({"image": upload(picture()), "mask": upload(with_a_hole((32, 16)))}, "mask"),
        ({"image": [upload(picture()), upload(picture())]}, "image"),
        ({"image": upload(picture()), "output_format": "svg"}, "output_format"),
        ({"image": upload(picture()), "background": "transparent"}, "background"),
    ):
        answer = client.post(EDITS, {"prompt": "a", "model": painter} | fields, **headers)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), fields


def test_openai_variations_redraw_without_words_half_of_the_way(client, painter):
    headers = bearer(UserFactory())
    made = kept(VARIATIONS, client, headers, model=painter, image=upload(picture()), n="2", size="32x16")
    assert (made.task, made.prompt, made.count, made.width) == (Task.IMAGE_TO_IMAGE, "", 2, 32)
    assert (made.strength, made.guidance, made.steps_taken) == (0.5, 1.0, made.steps // 2)
    told = kept(
        VARIATIONS, client, headers, model=painter, image=upload(picture()), strength="0.9", prompt="a", guidance="3"
    )
    assert (told.strength, told.prompt, told.guidance) == (0.9, "a", 3.0)
    filler = model(pipeline="StableDiffusionInpaintPipeline").full_name
    for fields, param in (
        ({}, "image"),
        ({"image": upload(b"x")}, "image"),
        ({"image": upload(picture()), "n": "11"}, "n"),
        ({"image": upload(picture()), "size": "large"}, "size"),
        ({"image": upload(picture()), "strength": "2"}, "strength"),
        ({"image": upload(picture()), "model": filler}, "model"),
    ):
        answer = client.post(VARIATIONS, {"model": painter} | fields, **headers)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), fields
    # Where OpenAI itself asks for a prompt, so do we.
    answer = client.post(EDITS, {"model": painter, "image": upload(picture())}, **headers)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "prompt")


def test_hub_inference_takes_an_image_in_base64(client, painter):
    headers = bearer(UserFactory()) | {"HTTP_IDEMPOTENCY_KEY": "k"}
    parameters = {"prompt": "a", "strength": 0.5, "scheduler": "ddim", "target_size": {"width": 32, "height": 16}}
    body = {"inputs": base64.b64encode(picture()).decode(), "parameters": parameters}
    answer = client.post(f"/inference/{painter}", json.dumps(body), content_type="application/json", **headers)
    assert (answer.status_code, answer["X-Queue-Position"]) == (503, "1")
    made = Generation.objects.get()
    assert (made.task, made.scheduler, made.width) == (Task.IMAGE_TO_IMAGE, "ddim", 32)
    raw = client.post(f"/inference/{painter}", picture(), content_type="image/png", **headers)
    assert (raw.status_code, raw.json()["field"]) == (422, "prompt")
    assert client.get(f"/inference/{painter}/info").json()["tasks"] == ["text-to-image", "image-to-image", "inpainting"]


def natively(client, headers, **body):
    return client.post("/api/generations", json.dumps(body), content_type="application/json", **headers)


def test_the_native_api_takes_images_by_id_base64_or_picture_and_loras(client, painter):
    person, adapter = UserFactory(), lora()
    headers = bearer(person)
    sent = client.post(
        "/api/generations/inputs?kind=mask", picture("L", colour=255), content_type="image/png", **headers
    )
    mask = sent.json()["id"]
    assert (sent.status_code, sent.json()["kind"]) == (201, "mask")
    form = client.post("/api/generations/inputs", {"image": upload(picture())}, **headers).json()
    data = "data:image/png;base64," + base64.b64encode(picture()).decode()
    drawn = finish(generation(person)).pictures.get()
    for image in (form["id"], data, drawn.pk):
        loras = [{"model": adapter.full_name, "scale": 0.5}]
        body = {"model": painter, "prompt": "a", "image": image, "mask": mask, "loras": loras, "scheduler": "euler"}
        answer = natively(client, headers, **body)
        assert answer.status_code == 202, answer.content
        shown = answer.json()
        assert (shown["task"], shown["mask"], shown["loras"][0]["scale"]) == ("inpainting", mask, 0.5)
        assert shown["ready_in_seconds"] >= 1
        # What is shown asks for the same again.
        assert (
            natively(
                client, headers, **{name: shown[name] for name in ("model", "prompt", "image", "mask")}
            ).status_code
            == 202
        )


def test_given_images_are_for_those_who_gave_them(client, painter):
    ada = UserFactory()
    own = given(ada)
    url = f"/api/generations/inputs/{own.pk}"
    answer = client.get(url, **bearer(ada))
    assert answer["Content-Type"] == "image/png"
    assert b"".join(answer.streaming_content)[:4] == b"\x89PNG"
    body = {"model": painter, "prompt": "a", "image": own.pk}
    for other in (UserFactory(), UserFactory(is_staff=True)):
        assert client.get(url, **bearer(other)).status_code == 404
        answer = natively(client, bearer(other), **body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameters")
    assert client.get(url).status_code == 404
    private = finish(generation(ada)).pictures.get()
    assert natively(client, bearer(UserFactory()), **body | {"image": private.pk}).status_code == 422
    generations.set_public(private, public=True, by=Principal(user=ada))
    assert natively(client, bearer(UserFactory()), **body | {"image": private.pk}).status_code == 202


NEW_DOORS = ["/api/generations/inputs", GENERATE, INPAINT, REPLACE, OUTPAINT, EDITS, VARIATIONS, CONSERVATIVE, FAST]


def test_who_may_use_these_doors(client, painter, settings):
    settings.MODEL_ALIASES = {"finder": finder().full_name}
    enlarger = model(pipeline="IFSuperResolutionPipeline").full_name
    for url in NEW_DOORS:
        read, write = bearer(UserFactory(), scope=TokenScope.READ), bearer(UserFactory())
        fields = {"prompt": "a", "model": enlarger if "upscale" in url else painter}
        fields |= {OUTPAINT: {"left": "8"}, REPLACE: {"search_prompt": "b"}}.get(url, {})
        size = (8, 8) if "upscale" in url else (16, 16)
        assert client.post(url, fields | {"image": upload(with_a_hole(size))}).status_code == 401
        assert client.post(url, fields | {"image": upload(with_a_hole(size))}, **read).status_code == 403
        sent = fields | ({"image": upload(with_a_hole(size))} if url != GENERATE else {})
        assert client.post(url, sent, **write).status_code in {201, 503}, url
    for url in ("/v1/models", f"/v1/models/{painter}"):
        assert client.get(url).status_code == 401
        assert client.get(url, **bearer(UserFactory(), scope=TokenScope.READ)).status_code == 200


def test_a_token_that_may_only_generate_gives_images_and_draws(client, painter):
    person = UserFactory()
    reach = tokens.Reach([Permission.INFERENCE])
    token = tokens.issue_token(person, name="studio", scope=TokenScope.FINE, reach=reach)
    headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    assert client.post("/api/generations/inputs", picture(), content_type="image/png", **headers).status_code == 201
    assert natively(client, headers, model=painter, prompt="a").status_code == 202


def test_models_are_listed_in_openai_form(client, painter):
    hidden = model(visibility="private").full_name
    headers = bearer(UserFactory())
    shown = client.get("/v1/models", **headers).json()
    assert [one["id"] for one in shown["data"]] == [painter]
    assert client.get(f"/v1/models/{painter}", **headers).json()["object"] == "model"
    assert client.get(f"/v1/models/{hidden}", **headers).json()["error"]["code"] == "model_not_found"


def test_the_end_is_told_to_ones_own_webhook_once(client, painter, settings):
    settings.WEBHOOKS_TO_LOOPBACK = True
    person = UserFactory()
    by = Principal(user=person)
    hook = webhooks.create(
        by=by, url="https://example.org/hook", watched=[("user", person.username)], domains=[Domain.REPO], secret="s"
    )
    headers = bearer(person)
    assert natively(client, bearer(UserFactory()), model=painter, prompt="a", webhook=hook.key).status_code == 422
    assert natively(client, headers, model=painter, prompt="a", webhook="no").status_code == 422
    made = Generation.objects.get(
        pk=natively(client, headers, model=painter, prompt="a", webhook=hook.key).json()["id"]
    )
    assert not WebhookDelivery.objects.exists()
    finish(made)
    told = WebhookDelivery.objects.get()
    facts = told.payload["generation"]
    assert (facts["id"], facts["state"], facts["price"]) == (made.pk, GenerationState.SUCCEEDED, 0)
    assert (told.webhook, told.scope) == (hook, "generation")


def test_a_copy_in_another_format_carries_the_parameters(client):
    person = UserFactory()
    made = finish(generation(person))
    client.force_login(person)
    for kind in ("jpeg", "webp"):
        answer = client.get(f"/generations/{made.pk}/0.png?format={kind}")
        assert answer["Content-Type"] == f"image/{kind}"
        image = Image.open(io.BytesIO(b"".join(answer.streaming_content)))
        assert image.format == kind.upper()
        comment = image.getexif().get_ifd(0x8769)[0x9286]
        assert "Steps: 4" in comment[8:].decode("utf-16-be")
    assert client.get(f"/generations/{made.pk}/0.png?format=gif").status_code == 404


def test_giving_the_same_image_twice_keeps_one(client):
    headers = bearer(UserFactory())
    for _ in range(2):
        client.post("/api/generations/inputs", picture(), content_type="image/png", **headers)
    assert InputImage.objects.count() == 1
