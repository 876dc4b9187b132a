"""Stock clients against the running site, with an engine worker behind a real broker."""

import base64
import html
import io
import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

import numpy as np
import openai
import pytest
import soundfile
from django.db import connection
from huggingface_hub import HfApi, InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from PIL import Image

from accounts.enums import TokenScope
from accounts.services import people, tokens
from inference.algorithms import calls, sound_watermark
from inference.algorithms.policy import default_text
from inference.models import Generation
from inference.services import sealing_keys
from inference.services.provenance import verified
from inference.services.safety import adopt
from revenue.models import RevenueLine
from revenue.selectors import credit_balance
from tests.factories.accounts import StaffFactory
from tests.factories.hub import as_principal, repository
from tests.factories.inference import EURO, buy_credits, finder, upload_pipeline
from tests.inference.classifiers import red_or_blue
from tests.inference.engine.alone import mask, photograph, stock
from tests.inference.engine.test_lora import make_lora
from tests.inference.engine.test_sounds import ask as sound_asked
from tests.inference.engine.test_sounds import made_alone
from tests.inference.finders import halves, red_blue_or_green
from tests.inference.pipelines import (
    save_diffusion_pipeline,
    save_flow_pipeline,
    save_latent_enlarger,
    save_pixel_enlarger,
    save_sound_pipeline,
)
from tests.inference.serving import serve, until

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def pipeline_folder(tmp_path_factory):
    return save_flow_pipeline(tmp_path_factory.mktemp("pipeline"))


@pytest.fixture(scope="module")
def serving(django_db_setup, django_db_blocker, tmp_path_factory):
    with django_db_blocker.unblock():
        facts = connection.settings_dict
    database = f"postgresql://{facts['USER']}:{facts['PASSWORD']}@{facts['HOST']}:{facts['PORT']}/{facts['NAME']}"
    running = serve(database, tmp_path_factory.mktemp("serving"))
    yield running
    running.stop()


@pytest.fixture
def person(transactional_db):
    return people.sign_up("researcher", password=None)


@pytest.fixture
def token(person):
    return tokens.issue_token(person, name="test", scope=TokenScope.WRITE)


@pytest.fixture
def shapes(person, pipeline_folder):
    return upload_pipeline(person, pipeline_folder, name="shapes")


@pytest.fixture(scope="module")
def painter_folder(tmp_path_factory):
    return save_diffusion_pipeline(tmp_path_factory.mktemp("painter"))


@pytest.fixture
def painter(person, painter_folder):
    """A model that draws, redraws and fills."""
    return upload_pipeline(person, painter_folder, name="painter")


def call(url, token, body=None, method=None):
    request = urllib.request.Request(url, data=None if body is None else json.dumps(body).encode(), method=method)
    request.add_header("Authorization", f"Bearer {token}")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=90) as answer:
        return answer.read()


def ask(serving, token, model, **facts):
    body = {"model": model, "prompt": "a red circle"} | facts
    return json.loads(call(f"{serving.url}/api/generations", token, body))


def finished(serving, token, made):
    def look():
        shown = json.loads(call(made["url"], token))
        return shown if shown["state"] not in {"queued", "running"} else None

    try:
        return until(look)
    except AssertionError as error:
        raise AssertionError(serving.words()) from error


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def test_the_stock_openai_client_gets_pictures_in_both_forms_and_its_own_errors(serving, shapes, token):
    client = openai.OpenAI(base_url=f"{serving.url}/v1", api_key=token, max_retries=0)
    ask_for = {"model": "researcher/shapes", "prompt": "a red circle", "size": "16x16", "extra_body": {"seed": 5}}
    first = client.images.generate(**ask_for, n=2, response_format="b64_json")
    contents = [base64.b64decode(datum.b64_json) for datum in first.data]
    assert [pixels(content).shape for content in contents] == [(16, 16, 3)] * 2
    assert not np.array_equal(*map(pixels, contents))
    again = client.images.generate(**ask_for, response_format="url")
    with urllib.request.urlopen(again.data[0].url) as answer:
        assert np.array_equal(pixels(answer.read()), pixels(contents[0]))
    assert again.data[0].revised_prompt is None
    with pytest.raises(openai.BadRequestError, match="safety policy"):
        client.images.generate(model="researcher/shapes", prompt="a naked child")
    with pytest.raises(openai.NotFoundError):
        client.images.generate(model="researcher/nothing", prompt="x")
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=f"{serving.url}/v1", api_key="hf_wrong", max_retries=0).images.generate(prompt="x")


def test_the_stock_inference_client_gets_the_picture_that_the_stock_pipeline_draws(
    serving, shapes, token, pipeline_folder
):
    import torch
    from diffusers import DiffusionPipeline

    client = InferenceClient(model=f"{serving.url}/inference/researcher/shapes", token=token)
    picture = client.text_to_image(
        "a red circle", negative_prompt="blue", num_inference_steps=6, guidance_scale=3.0, seed=11
    )
    pipeline = DiffusionPipeline.from_pretrained(pipeline_folder, text_encoder_3=None, tokenizer_3=None)
    pipeline.set_progress_bar_config(disable=True)
    expected = pipeline(
        "a red circle",
        negative_prompt="blue",
        num_inference_steps=6,
        guidance_scale=3.0,
        generator=torch.Generator().manual_seed(11),
    ).images[0]
    assert np.abs(np.asarray(picture).astype(int) - np.asarray(expected)).max() <= 1
    assert "Steps: 6, Sampler: Euler, CFG scale: 3.0, Seed: 11" in picture.text["parameters"]
    with pytest.raises(HfHubHTTPError, match="multiple of 4"):
        client.text_to_image("a red circle", width=18)


def encoded(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def test_the_stock_inference_client_gets_the_sound_that_the_stock_pipeline_makes(
    serving, person, token, tmp_path_factory
):
    folder = save_sound_pipeline(tmp_path_factory.mktemp("bells"))
    upload_pipeline(person, folder, name="bells")
    client = InferenceClient(model=f"{serving.url}/inference/researcher/bells", token=token)
    facts = {"num_inference_steps": 6, "audio_length_in_s": 0.2, "seed": 11}
    content = client.text_to_speech("a bell", extra_body=facts)
    heard, rate = soundfile.read(io.BytesIO(content), dtype="float32")
    expected = made_alone(folder, sound_asked(steps=6, seconds=0.2, seed=11))
    assert (rate, heard.shape) == (4000, (800, 2))
    assert np.abs(heard.T - expected).max() <= 1e-3
    assert verified(content)["seed"] == 11
    # That one is too short for a watermark; in a longer one it is all that differs.
    longer = client.text_to_speech("a bell", extra_body=facts | {"audio_length_in_s": 1.0})
    marked = soundfile.read(io.BytesIO(longer), dtype="float32")[0].T
    plain = made_alone(folder, sound_asked(steps=6, seconds=1.0, seed=11))
    assert sound_watermark.find(marked, rate, key=sealing_keys.watermark_key())
    assert sound_watermark.snr(plain.clip(-1, 1), marked) >= sound_watermark.LEAST_SNR
    other = client.text_to_speech("a gong", extra_body=facts)
    assert np.abs(soundfile.read(io.BytesIO(other), dtype="float32")[0] - heard).max() <= 1e-4
    labels = Generation.objects.order_by("created_at").values_list("label", "prompt")
    assert list(labels) == [("a bell", ""), ("a bell", ""), ("a gong", "")]
    with pytest.raises(HfHubHTTPError, match="takes no temperature"):
        client.text_to_speech("a bell", temperature=0.5)
    made = json.loads(call(f"{serving.url}/api/generations", token, {"model": "researcher/bells", "task": "sound"}))
    events = call(made["events"], token).decode().split("\n\n")
    assert events[-2].startswith("event: done")
    (sound,) = json.loads(events[-2].partition("data: ")[2])["sounds"]
    assert soundfile.info(io.BytesIO(call(sound["url"], token))).frames == 1024


def test_the_stock_openai_client_edits_lists_models_and_watches_pictures_grow(serving, painter, token):
    client = openai.OpenAI(base_url=f"{serving.url}/v1", api_key=token, max_retries=0)
    assert [one.id for one in client.models.list()] == ["researcher/painter"]
    assert client.models.retrieve("researcher/painter").owned_by == "researcher"
    hole = photograph().convert("RGBA")
    hole.putalpha(mask().point(lambda value: 255 - value))
    facts = {"model": "researcher/painter", "prompt": "a red circle", "response_format": "b64_json"}
    filled = client.images.edit(
        **facts,
        image=("photograph.png", encoded(photograph()), "image/png"),
        mask=("mask.png", encoded(hole), "image/png"),
        n=2,
        extra_body={"seed": 3, "steps": 4},
    )
    assert len(filled.data) == 2
    assert pixels(base64.b64decode(filled.data[0].b64_json)).shape == (16, 16, 3)
    webp = client.images.generate(**facts, output_format="webp", extra_body={"steps": 2})
    assert Image.open(io.BytesIO(base64.b64decode(webp.data[0].b64_json))).format == "WEBP"
    growing = client.images.generate(**facts, stream=True, partial_images=2, extra_body={"steps": 150, "seed": 4})
    events = list(growing)
    assert events[-1].type == "image_generation.completed"
    assert {event.type for event in events[:-1]} <= {"image_generation.partial_image"}
    assert pixels(base64.b64decode(events[-1].b64_json)).shape == (16, 16, 3)
    photo = ("photograph.png", encoded(photograph()), "image/png")
    # OpenAI itself no longer offers them, as its client says.
    with pytest.warns(DeprecationWarning):
        varied = client.images.create_variation(
            model="researcher/painter", image=photo, n=2, size="16x16", response_format="b64_json"
        )
    first, second = (pixels(base64.b64decode(datum.b64_json)) for datum in varied.data)
    assert first.shape == (16, 16, 3)
    assert not np.array_equal(first, second)
    with pytest.warns(DeprecationWarning), pytest.raises(openai.BadRequestError, match="no image"):
        client.images.create_variation(model="researcher/painter", image=b"")
    with pytest.raises(openai.BadRequestError, match="mask"):
        client.images.edit(**facts, image=encoded(photograph()), mask=encoded(mask()))


def test_the_stock_inference_client_redraws_as_the_stock_pipeline_does(serving, painter, token, painter_folder):
    import diffusers
    import torch

    client = InferenceClient(model=f"{serving.url}/inference/researcher/painter", token=token)
    facts = {"num_inference_steps": 6, "guidance_scale": 3.0, "strength": 0.7}
    picture = client.image_to_image(encoded(photograph()), prompt="a red circle", seed=11, scheduler="euler", **facts)
    pipeline = stock("StableDiffusionImg2ImgPipeline", painter_folder)
    pipeline.scheduler = diffusers.EulerDiscreteScheduler.from_config(pipeline.own_scheduler.config)
    generator = torch.Generator().manual_seed(11)
    (expected,) = pipeline("a red circle", image=photograph(), generator=generator, **facts).images
    assert np.abs(pixels(encoded(picture)).astype(int) - np.asarray(expected)).max() <= 1


def form(url, token, fields, files, accept="image/*"):
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for name, content in files.items():
        head = f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="{name}.png"\r\n'
        parts.append(head.encode() + b"Content-Type: image/png\r\n\r\n" + content + b"\r\n")
    request = urllib.request.Request(url, data=b"".join(parts) + b"--x--\r\n")
    request.add_header("Authorization", f"Bearer {token}")
    request.add_header("Content-Type", "multipart/form-data; boundary=x")
    request.add_header("Accept", accept)
    with urllib.request.urlopen(request, timeout=90) as answer:
        return answer.headers, answer.read()


def test_forms_in_stabilitys_shape_are_answered_with_bytes_or_json(serving, painter, token):
    url = f"{serving.url}/v2beta/stable-image"
    fields = {"model": "researcher/painter", "prompt": "a red circle", "steps": 3, "seed": 5}
    headers, content = form(f"{url}/generate/sd3", token, fields | {"output_format": "jpeg"}, {})
    assert (headers["finish-reason"], headers["seed"], headers["Content-Type"]) == ("SUCCESS", "5", "image/jpeg")
    assert Image.open(io.BytesIO(content)).format == "JPEG"
    files = {"image": encoded(photograph()), "mask": encoded(mask())}
    _headers, content = form(f"{url}/edit/inpaint", token, fields, files, accept="application/json")
    answer = json.loads(content)
    assert (answer["finish_reason"], answer["seed"]) == ("SUCCESS", 5)
    assert pixels(base64.b64decode(answer["image"])).shape == (16, 16, 3)
    _headers, content = form(f"{url}/edit/outpaint", token, fields | {"right": 16}, {"image": encoded(photograph())})
    assert pixels(content).shape == (16, 32, 3)


def test_what_words_name_is_found_and_replaced(serving, person, painter, token, tmp_path):
    """By a private model, which the worker reads with a token of its own."""
    finder(person, red_blue_or_green(tmp_path), name="finder", visibility="private")
    url = f"{serving.url}/v2beta/stable-image/edit/search-and-replace"
    fields = {"model": "researcher/painter", "finder": "researcher/finder", "prompt": "a red circle", "grow_mask": 0}
    fields |= {"steps": 3, "seed": 5}
    image = halves("red", "blue")
    headers, content = form(url, token, fields | {"search_prompt": "blue"}, {"image": encoded(image)})
    assert (headers["finish-reason"], headers["seed"], pixels(content).shape) == ("SUCCESS", "5", (16, 16, 3))
    shown = json.loads(call(f"{serving.url}/api/generations/{headers['X-Generation-Id']}", token))
    mask = pixels(call(f"{serving.url}/api/generations/inputs/{shown['mask']}", token))
    assert (mask[:, :8].max(), mask[:, 8:].min()) == (0, 255)
    assert shown["found_by"]["search"] == "blue"
    assert json.loads(Image.open(io.BytesIO(content)).text["wellspring"])["search"] == "blue"
    again = finished(serving, token, json.loads(call(shown["url"] + "/again", token, {})))
    assert again["pictures"][0]["reproduces"] is True
    with pytest.raises(urllib.error.HTTPError) as refused:
        form(url, token, fields | {"search_prompt": "green"}, {"image": encoded(image)})
    answer = json.loads(refused.value.read())
    assert (refused.value.code, answer["name"]) == (400, "bad_request")
    assert "Nothing of that name was found" in answer["errors"][0]
    natively = {"image": base64.b64encode(encoded(image)).decode(), "finder": "researcher/finder", "steps": 2}
    done = finished(serving, token, ask(serving, token, "researcher/painter", search="green", **natively))
    assert (done["state"], done["error"]["code"], done["pictures"]) == ("failed", "nothing_found", [])


def test_pictures_are_enlarged_as_the_stock_pipelines_do_and_the_same_again(serving, person, token, tmp_path):
    import torch

    pixelwise = save_pixel_enlarger(tmp_path / "pixels", prediction="v_prediction")  # as the recipe makes them
    latent = save_latent_enlarger(tmp_path / "latents")
    upload_pipeline(person, pixelwise, name="pixels")
    upload_pipeline(person, latent, name="latents")
    image = base64.b64encode(encoded(photograph(8))).decode()
    facts = {"steps": 4, "guidance": 3.0, "seed": 7, "noise_level": 50}
    done = finished(serving, token, ask(serving, token, "researcher/pixels", image=image, **facts))
    assert (done["task"], done["state"], done["width"]) == ("upscale", "succeeded", 16), done
    chance = torch.Generator().manual_seed(7)
    pipeline = stock("IFSuperResolutionPipeline", pixelwise)
    asked = {"num_inference_steps": 4, "guidance_scale": 3.0, "noise_level": 50, "clean_caption": False}
    (expected,) = pipeline("a red circle", image=photograph(8), generator=chance, **asked).images
    content = call(done["pictures"][0]["url"], token)
    assert np.abs(pixels(content).astype(int) - np.asarray(expected)).max() <= 1
    assert json.loads(Image.open(io.BytesIO(content)).text["wellspring"])["noise_level"] == 50
    again = finished(serving, token, json.loads(call(done["url"] + "/again", token, {})))
    assert again["pictures"][0]["reproduces"] is True
    url = f"{serving.url}/v2beta/stable-image/upscale/fast"
    headers, content = form(url, token, {"model": "researcher/latents"}, {"image": encoded(photograph(8))})
    assert (headers["finish-reason"], pixels(content).shape) == ("SUCCESS", (16, 16, 3))


def test_asking_natively_listening_to_events_and_making_it_again(serving, shapes, token):
    made = ask(serving, token, "researcher/shapes", steps=30, count=2)
    events = call(made["events"], token).decode()
    assert events.count("event: done") == 1
    shown = json.loads(events.rpartition("data: ")[2])
    assert (shown["state"], shown["progress"]) == ("succeeded", {"step": 60, "steps": 60})
    contents = [call(picture["url"], token) for picture in shown["pictures"]]
    claims = verified(contents[1])
    assert (claims["seed"], claims["commit"]) == (shown["seed"] + 1, shapes.head)
    names = ("prompt", "seed", "steps", "guidance", "width", "height", "count", "revision")
    drawn_again = finished(serving, token, json.loads(call(shown["url"] + "/again", token, {})))
    assert drawn_again["repeats"] == shown["id"]
    assert [picture["reproduces"] for picture in drawn_again["pictures"]] == [True, True]
    again = ask(serving, token, "researcher/shapes", **{name: shown[name] for name in names})
    pictures = finished(serving, token, again)["pictures"]
    for picture, content in zip(pictures, contents, strict=True):
        assert np.array_equal(pixels(call(picture["url"], token)), pixels(content))


def test_kill_9_of_the_worker_loses_no_request_and_bills_none_twice(serving, person, token, pipeline_folder):
    from accounts.principal import Principal
    from accounts.services.organisations import create_organisation

    upload_pipeline(person, pipeline_folder, name="shapes")
    company = create_organisation("company", by=Principal(user=person))
    buy_credits(company.namespace)
    made = [ask(serving, token, "researcher/shapes", steps=200, billed_to="company", seed=n) for n in (1, 2)]
    rows = Generation.objects.filter(pk__in=[each["id"] for each in made])
    until(lambda: rows.filter(state="running", steps_done__gt=0).count() == 2)
    serving.kill_worker()
    assert rows.filter(state="running").count() == 2
    assert RevenueLine.objects.count() == 0
    serving.start_worker()
    until(lambda: serving.reconcile() + rows.filter(attempt=2).count() >= 2)
    done = [finished(serving, token, each) for each in made]
    assert [each["state"] for each in done] == ["succeeded"] * 2
    # On a busy machine a late heartbeat costs one attempt more; what counts is that each is billed once.
    assert set(rows.values_list("attempt", flat=True)) <= {2, 3}
    price = sum(each["price"] for each in done)
    assert RevenueLine.objects.count() == 2
    assert credit_balance(company.namespace, "eur") == EURO - price


def test_the_policy_of_the_site_has_a_classifier_look_at_finished_pictures(serving, person, shapes, token, tmp_path):
    red_or_blue(tmp_path)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    files["README.md"] = b"---\npipeline_tag: image-classification\n---\n"
    eyes = repository(person, name="eyes", files=files)
    blind = repository(person, name="blind", files={name: files[name] for name in ("README.md", "config.json")})
    for model in (eyes, blind):
        model.refresh_from_db()
    staff = as_principal(StaffFactory())

    def put_in_force(version, red, by=eyes):
        looking = {"classifier": {"model": by.full_name, "commit": by.head}, "version": version}
        rule = {"code": "red", "title": "Red pictures", "labels": {"red": red}}
        adopt(json.dumps(json.loads(default_text()) | looking | {"pictures": [rule]}), reason="Try", by=staff)
        return finished(serving, token, ask(serving, token, "researcher/shapes", steps=2, seed=3))

    passed = put_in_force("passes", 1.0)
    (scores,) = passed["policy"]["pictures"]
    assert (passed["state"], passed["policy"]["allowed"]) == ("succeeded", True)
    assert sum(scores.values()) == pytest.approx(1, abs=0.001)
    refused = put_in_force("refuses", 1e-9)
    assert (refused["state"], refused["policy"]["category"]) == ("refused", "red")
    assert refused["policy"]["classifier"] == f"researcher/eyes@{eyes.head[:12]}"
    assert refused["pictures"] == []
    # What cannot be looked at is not given out either.
    assert put_in_force("blind", 1.0, by=blind)["error"]["code"] == "unchecked"


def test_cancel_stops_a_running_generation_and_bills_nothing(serving, shapes, token):
    made = ask(serving, token, "researcher/shapes", steps=200, count=4)
    until(lambda: Generation.objects.filter(pk=made["id"], steps_done__gt=0).exists())
    call(made["url"] + "/cancel", token, {})
    assert finished(serving, token, made)["state"] == "cancelled"
    assert finished(serving, token, ask(serving, token, "researcher/shapes", steps=1))["state"] == "succeeded"


def test_a_private_model_from_the_stock_client_is_drawn_with_a_token_that_ends_with_the_generation(
    serving, person, token, pipeline_folder, tmp_path, monkeypatch
):
    monkeypatch.setenv("HF_XET_CACHE", str(tmp_path / "xet"))
    hub = HfApi(endpoint=serving.url, token=token)
    hub.create_repo("researcher/secret", private=True)
    hub.upload_folder(repo_id="researcher/secret", folder_path=pipeline_folder)
    done = finished(serving, token, ask(serving, token, "researcher/secret"))
    assert done["state"] == "succeeded", done
    job_token = person.tokens.get(reference__startswith=f"job:generation-{done['id']}")
    assert [grant.repository for grant in job_token.held] == ["model:researcher/secret"] * 2
    assert job_token.revoked_at is not None


def test_a_model_with_pickled_weights_fails_with_the_reason(serving, person, token, pipeline_folder, tmp_path):
    folder = shutil.copytree(pipeline_folder, tmp_path / "pickled")
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    upload_pipeline(person, folder, name="pickled")
    done = finished(serving, token, ask(serving, token, "researcher/pickled"))
    assert (done["state"], done["error"]["code"]) == ("failed", "model_refused")
    assert done["error"]["detail"] == "no_safetensors: transformer"
    assert done["price"] == 0
    with pytest.raises(urllib.error.HTTPError):
        call(f"{serving.url}/generations/{done['id']}/0.png", token)


def test_the_calls_that_pages_show_run_as_they_are(serving, shapes, token, tmp_path):
    """curl, both Python clients and JavaScript, copied from the page, draw the page's picture again."""
    made = finished(serving, token, ask(serving, token, "researcher/shapes", prompt='it\'s a "red" circle', seed=5))
    expected = pixels(call(made["pictures"][0]["url"], token))
    parameters = Generation.objects.get(pk=made["id"]).parameters
    texts = dict(calls.all_of(parameters, site=serving.url))
    page = call(made["page"], token).decode()
    assert all(html.escape(text) in page for text in texts.values())
    environment = {"PATH": os.environ["PATH"], "HF_TOKEN": token, "HOME": str(tmp_path)}

    def run(name, *command):
        folder = tmp_path / name
        folder.mkdir()
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return folder, done.stdout

    _folder, answer = run("curl", "bash", "-c", texts["curl"])
    again = finished(serving, token, json.loads(answer))
    assert np.array_equal(pixels(call(again["pictures"][0]["url"], token)), expected)
    for name in ("Python · openai", "Python · huggingface_hub"):
        folder, _answer = run(name, sys.executable, "-c", texts[name])
        assert np.array_equal(pixels((folder / "picture-0.png").read_bytes()), expected)
    if shutil.which("node"):
        _folder, answer = run("node", "node", "--input-type=module", "-e", texts["JavaScript"])
        address = answer.split("'")[1]
        assert np.array_equal(pixels(call(address, token)), expected)


def test_the_calls_on_the_pages_of_models_and_loras_run_as_they_are(
    serving, person, painter, painter_folder, token, tmp_path
):
    make_lora(stock("StableDiffusionPipeline", painter_folder), tmp_path / "lora", ["unet"], rank=2, alpha=2, seed=1)
    files = {file.name: file.read_bytes() for file in (tmp_path / "lora").iterdir()}
    words = b"---\nbase_model: researcher/painter\ninstance_prompt: a red circle\n---\n"
    repository(person, "lora", files=files | {"README.md": words})
    filler = save_diffusion_pipeline(tmp_path / "filler", channels=9)
    upload_pipeline(person, filler, name="filler")
    photograph().save(tmp_path / "image.png")
    mask().save(tmp_path / "mask.png")
    for name, used in (("painter", []), ("lora", ["researcher/lora"]), ("filler", [])):
        page = call(f"{serving.url}/researcher/{name}", token).decode()
        code = html.unescape(page.split("By API</summary>")[1].split("<code>")[1].split("</code>")[0])
        environment = os.environ | {"HF_TOKEN": token}
        code = code.replace("http://127.0.0.1:8000", serving.url)
        subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=environment, timeout=90)
        made = Generation.objects.latest("created_at")
        assert (made.state, [use.model_name for use in made.loras.all()]) == ("succeeded", used), name
        assert pixels((tmp_path / "picture.png").read_bytes()).shape == (16, 16, 3)
        (tmp_path / "picture.png").unlink()
