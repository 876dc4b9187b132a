"""What the Studio lets choose, how the page of a model or LoRA leads there, and what the panel tells to call."""

import html
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hub.services import repositories
from tests.factories import hub as make
from tests.factories.accounts import StaffFactory, UserFactory, bearer
from tests.factories.inference import finder, lora, model, sound_model, weights

pytestmark = pytest.mark.django_db
DRAWS = "StableDiffusionPipeline"


@pytest.fixture
def ada(client):
    user = UserFactory(username="ada")
    client.force_login(user)
    return user


def text(client, address, status=200):
    answer = client.get(address)
    assert answer.status_code == status
    return html.unescape(answer.content.decode())


def options(page, field):
    found = re.search(rf'<select name="{field}".*?</select>', page, re.DOTALL).group(0)
    return re.findall(r'<option value="([^"]*)"( selected)?', found)


def chosen(page, field):
    return [value for value, is_chosen in options(page, field) if is_chosen]


def names(page, field):
    return [value for value, _chosen in options(page, field)]


def with_card(owner, name, files, **words):
    lines = "".join(f"{key}: {value}\n" for key, value in words.items())
    return make.repository(owner, name, files={"README.md": f"---\n{lines}---\n# A card\n".encode()} | files)


def adapter(owner, base="", name="adapter", more="", **facts):
    made = lora(owner, name=name, layer="text_encoder.to_q", **facts)
    words = f"---\npipeline_tag: text-to-image\n{f'base_model: {base}' if base else ''}\n---\n{more}"
    make.put(made, {"README.md": words.encode()}, by=make.as_principal(owner))
    made.refresh_from_db()
    return made


def panel(page):
    """The part of a page that leads to the Studio, "" where there is none."""
    found = re.search(r'<section class="card">\s*<h2>(?:Draw|Make sounds) with it.*?</section>', page, re.DOTALL)
    return found.group(0) if found else ""


def test_the_list_holds_what_can_be_asked_whatever_cards_say(client, ada):
    drawer = model(ada, name="drawer", pipeline=DRAWS, tag="text-classification")
    picked = adapter(ada)
    autoencoder = with_card(
        ada, "ae", {"config.json": b'{"_class_name": "AutoencoderKL"}'}, pipeline_tag="image-to-image"
    )
    word = with_card(
        ada, "word", {"learned_embeds.safetensors": weights({"<sks>": [1, 8]})}, pipeline_tag="text-to-image"
    )
    liar = with_card(
        ada,
        "liar",
        {"config.json": b'{"_class_name": "StableDiffusionPipeline"}'},
        pipeline_tag="text-to-image",
        tags=f"['diffusers:{DRAWS}', lora]",
    )
    unknown = model(ada, name="unknown", pipeline="KandinskyPipeline")
    other = with_card(
        ada,
        "film",
        {"pytorch_lora_weights.safetensors": weights({"x": [1, 1]})},
        pipeline_tag="text-to-video",
        base_model=drawer.full_name,
    )
    page = text(client, "/studio")
    assert options(page, "model") == [(drawer.full_name, " selected")]
    assert names(page, "lora_1") == ["", picked.full_name]
    listed = client.get("/v1/models", **bearer(ada)).json()["data"]
    assert [one["id"] for one in listed] == [drawer.full_name]
    assert client.get(f"/v1/models/{drawer.full_name}", **bearer(ada)).status_code == 200
    for one in (autoencoder, word, liar, unknown, picked, other):
        answer = client.get(f"/v1/models/{one.full_name}", **bearer(ada))
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found"), one
    for one in (autoencoder, word, liar, unknown, other):
        page = text(client, f"/studio?model={one.full_name}")
        assert f"{one.full_name} cannot be chosen" in page, one
        assert chosen(page, "model") == [drawer.full_name]
        assert "Open in the Studio" not in text(client, f"/{one.full_name}")
    assert "cannot be chosen" not in text(client, f"/studio?model={drawer.full_name}")
    assert b"&lt;b&gt; cannot be chosen" in client.get("/studio?lora_2=<b>").content


def test_a_hostile_model_costs_nobody_their_studio(client, ada):
    model(UserFactory(), pipeline=DRAWS)
    bad = model(UserFactory(), pipeline=DRAWS)
    make.put(bad, {"unet/config.json": b"[" * 9000}, by=make.as_principal(bad.created_by))
    assert len(names(text(client, "/studio"), "model")) == 2
    text(client, f"/studio?model={bad.full_name}")
    text(client, f"/{bad.full_name}")


def test_what_is_no_model_any_more_leaves_the_list(client, ada):
    repository = model(ada, pipeline=DRAWS)
    assert names(text(client, "/studio"), "model") == [repository.full_name]
    make.put(repository, {"model_index.json": b'{"_class_name": "AudioLDMPipeline"}'}, by=make.as_principal(ada))
    assert names(text(client, "/studio"), "model") == []


def test_the_form_costs_the_same_for_one_and_three(client, ada):
    def count():
        with CaptureQueriesContext(connection) as queries:
            client.get("/studio")
            client.get("/v1/models", **bearer_of_ada)
        return len(queries)

    bearer_of_ada = bearer(ada)
    model(ada, pipeline=DRAWS)
    adapter(ada)
    count()
    one = count()
    for number in range(2):
        model(ada, pipeline=DRAWS)
        adapter(ada, name=f"more{number}")
        finder(ada)
    text(client, "/studio")  # what each model does is read once for each version
    assert count() == one


def test_a_named_model_is_in_the_list_however_old(client, ada, monkeypatch):
    monkeypatch.setattr("inference.forms.choosing.MODELS_SHOWN", 1)
    monkeypatch.setattr("inference.forms.choosing.LORAS_SHOWN", 1)
    old, old_lora = model(ada, pipeline=DRAWS), adapter(ada, name="old")
    new, new_lora = model(ada, pipeline=DRAWS), adapter(ada, name="new")
    page = text(client, f"/studio?model={old.full_name}&lora_1={old_lora.full_name}")
    assert (chosen(page, "model"), chosen(page, "lora_1")) == ([old.full_name], [old_lora.full_name])
    assert names(page, "model") == [new.full_name, old.full_name]
    assert names(page, "lora_2") == ["", new_lora.full_name, old_lora.full_name]
    body = {"model": old.full_name, "lora_1": old_lora.full_name, "prompt": "a", "count": 1}
    assert client.post("/studio", body | {"billed": ada.namespace.pk}).status_code == 302


def test_the_page_of_a_lora_leads_to_its_base_with_it_chosen(client, ada):
    base = model(ada, name="base", pipeline=DRAWS)
    made = adapter(ada, base.full_name, more="```python\npicture = pipeline('a sks thing', num_inference_steps=2)\n```")
    model(ada, pipeline=DRAWS)  # the newest
    shown = panel(text(client, f"/{made.full_name}"))
    (address,) = re.findall(r'href="(/studio[^"]*)"', shown)
    assert address == f"/studio?model={base.full_name}&lora_1={made.full_name}"
    assert f'<a href="/{base.full_name}">{base.full_name}</a>' in shown
    assert f'/inference/{base.full_name}"' in shown
    expected = 'text_to_image("a sks thing", extra_body={"loras": [{"model": "ada/adapter", "scale": 1.0}]})'
    assert expected in shown
    for opened in (address, f"/studio?model={made.full_name}"):
        page = text(client, opened)
        assert (chosen(page, "model"), chosen(page, "lora_1")) == ([base.full_name], [made.full_name])
        assert "cannot be chosen" not in page
    # The base has a new name since; the card has the old one.
    repositories.move(base, ada.namespace, "renamed", by=make.as_principal(ada))
    assert "/studio?model=ada/renamed&lora_1=ada/adapter" in panel(text(client, f"/{made.full_name}"))


def test_a_base_that_is_hidden_or_missing_is_not_offered(client, ada):
    owner = UserFactory(username="owner")
    base = model(owner, name="base", pipeline=DRAWS, visibility="private")
    unnamed, elsewhere = adapter(owner, name="unnamed"), adapter(owner, "else/where", name="elsewhere")
    made = adapter(owner, base.full_name)
    for person, sees in ((None, False), (ada, False), (owner, True), (StaffFactory(), True)):
        client.logout()
        if person is not None:
            client.force_login(person)
        shown = panel(text(client, f"/{made.full_name}"))
        assert ("Open in the Studio" in shown, "owner/base" in shown) == (sees, sees), person
        assert ("names none that is here" in shown) is not sees
        for one in (unnamed, elsewhere):
            assert "Open in the Studio" not in panel(text(client, f"/{one.full_name}"))
    client.force_login(ada)
    for form in ("/studio", "/studio/comparisons"):
        assert f"{made.full_name} cannot be chosen" in text(client, f"{form}?model={made.full_name}")
    repositories.update_settings(base, by=make.as_principal(owner), visibility="public", gated="manual")
    assert "Open in the Studio" not in panel(text(client, f"/{made.full_name}"))


def test_the_panel_tells_the_call_of_what_a_model_does(client, ada):
    for pipeline, call in (
        (DRAWS, 'text_to_image("a tree on a hill")'),
        ("StableDiffusionInpaintPipeline", 'image_to_image("image.png", prompt="a tree on a hill", mask_image=mask)'),
        ("StableDiffusionInstructPix2PixPipeline", 'image_to_image("image.png", prompt="a tree on a hill")'),
        ("IFSuperResolutionPipeline", 'image_to_image("image.png", prompt="a tree on a hill")'),
    ):
        made = model(ada, pipeline=pipeline, tag="")
        shown = panel(text(client, f"/{made.full_name}"))
        assert call in shown
        code = shown.split("<code>")[1].split("</code>")[0]
        compile(code, "<panel>", "exec")
    shown = panel(text(client, f"/{sound_model(ada).full_name}"))
    assert "Make sounds with it" in shown
    assert "text_to_speech(" in shown
    assert panel(text(client, f"/{with_card(ada, 'words', {}, pipeline_tag='text-to-image').full_name}")) == ""
    rows = make.repository(ada, "rows", kind="dataset", files={"model_index.json": b'{"_class_name": "FluxPipeline"}'})
    assert panel(text(client, f"/datasets/{rows.full_name}")) == ""


def test_a_lora_that_is_asked_as_a_model_is_refused_with_the_way(client, ada):
    base = model(ada, name="base", pipeline=DRAWS)
    made, alone = adapter(ada, base.full_name), adapter(ada, name="alone")
    for one, way in ((made, "ask ada/base"), (alone, "ask the model that it was made for")):
        body = {"model": one.full_name, "prompt": "a"}
        answer = client.post("/api/generations", body, content_type="application/json", **bearer(ada))
        assert answer.status_code == 422
        assert way in answer.content.decode()


def test_who_has_to_log_in_comes_back_to_what_was_chosen(client):
    page = client.get("/studio?model=ada/base&lora_1=ada/adapter").content.decode()
    assert 'href="/login?next=/studio%3Fmodel%3Dada/base%26lora_1%3Dada/adapter"' in page
