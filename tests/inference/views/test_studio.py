"""The Studio's form without JavaScript: images and masks as files or numbers, LoRAs, schedulers."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from inference.models import Generation, InputImage
from tests.factories import hub as make
from tests.factories.accounts import UserFactory
from tests.factories.inference import card, finder, finish, generation, given, lora, model, sound_model

pytestmark = pytest.mark.django_db
PIPELINE = "StableDiffusionPipeline"  # draws, redraws and fills


@pytest.fixture
def ada(client):
    user = UserFactory(username="ada")
    client.force_login(user)
    return user


def png(size=(32, 16), colour="red", box=None):
    image = Image.new("RGB", size, colour)
    if box:
        image.paste("white", box)
    file = io.BytesIO()
    image.save(file, "PNG")
    return SimpleUploadedFile("image.png", file.getvalue(), "image/png")


def draw(client, person, repository, **changes):
    body = {"model": repository.full_name, "prompt": "a red circle", "count": 1, "billed": person.namespace.pk}
    return client.post("/studio", body | changes)


def pixels(row):
    with Image.open(row.path) as image:
        return image.size, [image.getpixel((x, image.height // 2)) for x in range(image.width)]


def test_an_image_is_redrawn_with_a_scheduler_and_a_strength(client, ada):
    repository = model(ada, pipeline=PIPELINE)
    answer = draw(client, ada, repository, task="image_to_image", image=png(), strength=0.5, scheduler="euler")
    made = Generation.objects.get()
    assert answer["Location"] == f"/generations/{made.pk}"
    assert (made.task, made.strength, made.scheduler) == ("image_to_image", 0.5, "euler")
    assert pixels(made.image)[0] == (32, 16)
    page = client.get(answer["Location"]).content.decode()
    assert f'src="/api/generations/inputs/{made.image_id}"' in page
    assert "euler" in page
    assert b"".join(client.get(f"/api/generations/inputs/{made.image_id}").streaming_content).startswith(b"\x89PNG")
    client.force_login(UserFactory())
    assert client.get(f"/api/generations/inputs/{made.image_id}").status_code == 404


def test_the_form_begins_with_a_model_that_draws_and_a_task_finds_its_model(client, ada):
    """Whatever came last; what was written stays."""
    drawer = model(ada, name="drawer", pipeline="LDMTextToImagePipeline")
    filler = model(ada, name="filler", pipeline="StableDiffusionInpaintPipeline")
    bells = sound_model(ada, name="bells")

    def chosen(page):
        return [one.full_name for one in (drawer, filler, bells) if f'value="{one.full_name}" selected' in page]

    page = client.get("/studio").content.decode()
    assert chosen(page) == ["ada/drawer"]
    assert "– with ada/filler" in page
    assert 'placeholder="16"' in page  # the model's own width
    assert chosen(client.get("/studio?task=sound").content.decode()) == ["ada/bells"]
    page = client.get("/studio?task=inpainting&prompt=a+cat").content.decode()
    assert chosen(page) == ["ada/filler"]
    assert ">\na cat</textarea>" in page
    asked = {"model": "ada/drawer", "task": "inpainting", "steps": 7}
    assert chosen(client.post("/studio/model", asked).content.decode()) == ["ada/drawer"]
    part = client.post("/studio/model", asked | {"chosen": "task"}).content.decode()
    assert chosen(part) == ["ada/filler"]
    assert 'id="settings-part"' in part
    assert 'name="steps" value="7"' in part
    assert "– no model here does" in part


def test_a_part_is_filled_by_a_mask_file_or_a_rectangle(client, ada):
    repository = model(ada, pipeline=PIPELINE)
    mask = png(colour="black", box=(16, 0, 32, 16))
    draw(client, ada, repository, task="inpainting", image=png(), mask=mask)
    draw(client, ada, repository, task="inpainting", image=png(), box_left=16, box_width=99, box_height=99)
    by_file, by_numbers = Generation.objects.order_by("created_at")
    assert by_file.mask == by_numbers.mask
    assert pixels(by_file.mask)[1] == [0] * 16 + [255] * 16
    for wrong, words in (
        ({"box_left": 40, "box_width": 1, "box_height": 1}, "outside of the image"),
        ({"mask": png(size=(16, 16))}, "The mask is 16×16, the image 32×16"),
        ({}, "Paint what is drawn anew"),
    ):
        page = draw(client, ada, repository, task="inpainting", image=png(), **wrong).content.decode()
        assert words in page
    # What was sent is kept: the form names it, and the next try needs no file.
    key = InputImage.objects.get(kind="image").pk
    page = draw(client, ada, repository, task="inpainting", image=png(), mask=png(size=(16, 16))).content.decode()
    assert f'name="image_id" value="{key}"' in page
    draw(client, ada, repository, task="inpainting", image_id=key, box_width=8, box_height=8)
    assert Generation.objects.count() == 3


def test_a_part_is_found_by_words(client, ada, settings):
    """Without a script; where no model finds, nothing is asked about it."""
    repository = model(ada, pipeline=PIPELINE)
    assert 'name="search"' not in client.get("/studio").content.decode()
    other, own = finder(ada), finder(ada)
    settings.MODEL_ALIASES = {"finder": own.full_name}
    page = client.get(f"/studio?model={repository.full_name}").content.decode()
    assert page.index(f'<option value="{own.full_name}"') < page.index(f'<option value="{other.full_name}"')
    facts = {"task": "inpainting", "search": "the cat", "finder": other.full_name, "grow_mask": 2}
    draw(client, ada, repository, image=png(), **facts)
    made = Generation.objects.get()
    assert (made.search, made.mask, made.finder.model_name, made.finder.grow_mask) == (
        "the cat",
        None,
        other.full_name,
        2,
    )
    page = client.get(made.get_absolute_url()).content.decode()
    assert f'Found by <a href="/{other.full_name}">' in page
    again = client.get(f"/studio?from={made.pk}").content.decode()
    assert 'name="search" value="the cat"' in again
    # Once it is found, the mask stands for the words.
    Generation.objects.filter(pk=made.pk).update(mask=given(ada, "mask", size=(32, 16)))
    mask = given(ada, "mask", size=(32, 16))
    assert f'src="/api/generations/inputs/{mask.pk}"' in client.get(made.get_absolute_url()).content.decode()
    again = client.get(f"/studio?from={made.pk}").content.decode()
    assert f'name="mask_id" value="{mask.pk}"' in again
    assert 'value="the cat"' not in again
    for wrong, words in (
        ({"box_width": 8, "box_height": 8}, "There is a mask, and words to find one by"),
        ({"search": ""}, "say what to find"),
        ({"grow_mask": 50}, "less than or equal to 20"),
        ({"finder": repository.full_name}, "Select a valid choice"),
    ):
        assert words in draw(client, ada, repository, image=png(), **facts | wrong).content.decode()
    assert Generation.objects.count() == 1


def test_finding_is_in_the_cost_before(client, ada, settings):
    settings.FREE_PICTURES_PER_DAY = 0
    repository, eyes = model(ada, pipeline=PIPELINE), finder(ada)
    body = {"model": repository.full_name, "prompt": "a dog", "task": "inpainting", "image_size": "2048x2048"}
    body |= {"count": 1, "billed": ada.namespace.pk, "steps": 1, "guidance": 1, "width": 16, "height": 16}
    painted = client.post("/studio/cost", body).content.decode()
    found = client.post("/studio/cost", body | {"search": "the cat", "finder": eyes.full_name}).content.decode()
    assert "Cost: 0.001001 EUR" in painted
    assert "Cost: 0.003099 EUR" in found


def test_an_image_is_extended_on_the_sides_that_are_named(client, ada):
    draw(client, ada, model(ada, pipeline=PIPELINE), task="outpainting", image=png(), left=16, bottom=16)
    made = Generation.objects.get()
    assert made.task == "inpainting"
    assert pixels(made.image)[0] == pixels(made.mask)[0] == (48, 32)
    assert pixels(made.mask)[1][:16] == [255] * 16
    page = draw(client, ada, model(ada, pipeline=PIPELINE), task="outpainting", image=png()).content.decode()
    assert "how many pixels" in page


def test_an_edit_by_instruction_and_a_picture_as_the_image(client, ada):
    repository = model(ada, pipeline="StableDiffusionInstructPix2PixPipeline")
    drawn = finish(generation(ada))
    page = client.get(f"/studio?image={drawn.pk}/0&model={repository.full_name}").content.decode()
    picture = drawn.pictures.get()
    assert f'name="picture" value="{picture.pk}"' in page
    assert f'src="{picture.get_absolute_url()}"' in page
    draw(client, ada, repository, task="editing", picture=picture.pk, image_guidance=1.2, strength=0.3)
    made = Generation.objects.latest("created_at")
    assert (made.task, made.image_guidance, made.strength) == ("editing", 1.2, None)
    client.force_login(stranger := UserFactory())
    assert client.get(f"/studio?image={drawn.pk}/0").status_code == 404
    page = draw(client, stranger, repository, task="editing", picture=picture.pk).content.decode()
    assert "no such image among yours" in page
    other = given(ada)
    assert "no such image" in draw(client, stranger, repository, task="editing", image_id=other.pk).content.decode()


def test_what_a_model_does_not_do_is_not_offered_and_refused(client, ada):
    editor, drawer = model(ada, pipeline="StableDiffusionInstructPix2PixPipeline"), model(ada)
    part = client.post("/studio/model", {"model": editor.full_name, "task": "text_to_image"}).content.decode()
    assert 'value="editing" checked>' in part
    assert f'draw from words <span class="muted small">– with {drawer.full_name}<' in part
    assert 'value="upscale" disabled>' in part
    assert part.count(f"– with {drawer.full_name}") + part.count("– no model here does") == 6
    assert "dpmpp_2m" in part
    part = client.post("/studio/model", {"model": drawer.full_name, "task": "image_to_image"}).content.decode()
    assert 'value="image_to_image" checked>' in part
    assert "dpmpp_2m" not in part
    assert "flow_euler" in part
    page = draw(client, ada, editor, task="text_to_image").content.decode()
    assert "does not do this: draw from words" in page
    assert "Choose an image." in draw(client, ada, editor).content.decode()


def test_loras_are_picked_with_their_licence_and_compared(client, ada):
    base = model(ada, pipeline=PIPELINE)
    adapter = lora(ada, layer="text_encoder.to_q", licence="mit")
    make.put(adapter, {"README.md": card("mit").replace(b"---\n#", b"tags: [lora]\n---\n#")}, by=make.as_principal(ada))
    page = client.get("/studio").content.decode()
    assert f"{adapter.full_name} · mit" in page
    draw(client, ada, base, lora_1=adapter.full_name, scale_1=0.5)
    made = Generation.objects.get()
    assert [(use.model_name, use.scale) for use in made.loras.all()] == [(adapter.full_name, 0.5)]
    again = client.get(f"/studio?from={made.pk}").content.decode()
    assert f'<option value="{adapter.full_name}" selected>' in again
    body = {"model": base.full_name, "prompt": "a", "billed": ada.namespace.pk, "lora_1": adapter.full_name}
    body |= {"columns": "lora_scale", "column_values": "0, 0.5", "rows": "scheduler", "row_values": "ddim,euler"}
    assert client.post("/studio/comparisons", body).status_code == 302
    found = {(one.scheduler, *(use.scale for use in one.loras.all())) for one in Generation.objects.exclude(pk=made.pk)}
    assert found == {("ddim",), ("euler",), ("ddim", 0.5), ("euler", 0.5)}


def test_nothing_is_told_of_costs_before_a_model_is_chosen(client, ada):
    client.force_login(ada)
    answer = client.post("/studio/cost", {"model": "", "prompt": "x", "task": "text_to_image"})
    assert (answer.status_code, answer.content) == (200, b"")


def test_the_cost_counts_the_size_that_the_browser_saw(client, ada, settings):
    settings.FREE_PICTURES_PER_DAY = 0
    body = {"model": model(ada, pipeline=PIPELINE).full_name, "task": "image_to_image", "prompt": "a"}
    small = client.post("/studio/cost", body | {"image_size": "64x64"}).content.decode()
    large = client.post("/studio/cost", body | {"image_size": "1024x512", "strength": "1"}).content.decode()
    assert "64 × 64" in small
    assert "128 × 64" in large  # eight times the model's own side
    assert "Cost: " in small
    assert "Cost: " in large
    assert client.post("/studio/cost", body | {"image_size": "0x0"}).status_code == 200
    assert not InputImage.objects.exists()
    assert 'id="calls"' in client.post("/studio/cost", body | {"task": "text_to_image"}).content.decode()


def test_an_image_is_redrawn_without_a_prompt_and_named_by_what_was_done(client, ada):
    repository = model(ada, pipeline=PIPELINE)
    draw(client, ada, repository, task="image_to_image", image=png(), prompt="")
    made = finish(Generation.objects.get())
    page = client.get(made.get_absolute_url()).content.decode()
    assert "<h1>redraw an image</h1>" in page
    assert 'alt="redraw an image"' in page
    assert "<dt>Prompt</dt>" not in page
    assert "Say what to draw." in draw(client, ada, repository, prompt=" ").content.decode()
    assert client.get(f"/studio?from={made.pk}").status_code == 200


def test_a_picture_is_enlarged_from_its_page_by_the_newest_model_that_does(client, ada):
    drawn = finish(generation(ada))
    address = f"/studio?image={drawn.pk}/0&amp;task=upscale"
    assert address in client.get(drawn.get_absolute_url()).content.decode()
    address = address.replace("&amp;", "&")
    assert "No model here enlarges images yet" in client.get(address).content.decode()
    enlarger = model(ada, tag="image-to-image", pipeline="IFSuperResolutionPipeline")
    model(ada, tag="image-to-image", pipeline="StableDiffusionInstructPix2PixPipeline")
    page = client.get(address).content.decode()
    assert "No model here" not in page
    assert f'<option value="{enlarger.full_name}" selected>' in page
    assert 'value="upscale" checked>' in page
    wanted = {"task": "upscale", "prompt": "", "noise_level": 40}
    page = draw(client, ada, enlarger, picture=drawn.pictures.get().pk, width=16, height=16, **wanted).content.decode()
    assert "which is not larger" in page
    # A picture as large as the model's own is made twice as large.
    draw(client, ada, enlarger, picture=drawn.pictures.get().pk, **wanted)
    assert Generation.objects.latest("created_at").width == 32
    form = {"model": enlarger.full_name, "task": "upscale"}
    assert "16 × 16" in client.post("/studio/cost", form).content.decode()
    draw(client, ada, enlarger, image=png(size=(8, 8)), **wanted)
    made = Generation.objects.latest("created_at")
    assert (made.task, made.noise_level, made.width, made.strength) == ("upscale", 40, 16, None)
    page = client.get(finish(made).get_absolute_url()).content.decode()
    assert "<h1>enlarge an image</h1>" in page
    assert "<dt>Noise level</dt><dd>40</dd>" in page
    page = client.get(f"/studio/comparisons?from={made.pk}").content.decode()
    assert 'name="noise_level" value="40"' in page


def test_steps_left_out_are_chosen_and_kept_by_variations_comparisons_and_calls(client, ada):
    repository = model(ada, pipeline=PIPELINE)
    draw(client, ada, repository, step_reuse="light")
    made = Generation.objects.get()
    assert made.step_reuse == "light"
    for page in ("/studio?from={}", "/studio?from={}&picture=0", "/studio/comparisons?from={}"):
        assert '<option value="light" selected>' in client.get(page.format(made.pk)).content.decode(), page
    body = {"model": repository.full_name, "prompt": "a", "billed": ada.namespace.pk, "step_reuse": "strong"}
    told = client.post("/studio/cost", body).content.decode()
    assert told.count("step_reuse") == 4
    client.post("/studio/comparisons", body | {"columns": "steps", "column_values": "2,4"})
    assert set(Generation.objects.exclude(pk=made.pk).values_list("step_reuse", flat=True)) == {"strong"}
    assert draw(client, ada, repository, step_reuse="wild").status_code == 200


def test_the_newest_pictures_are_ones_own_and_cost_the_same(client, ada, django_assert_num_queries):
    repository = model(ada, pipeline=PIPELINE)
    other = generation(UserFactory(), repository)
    for count in (1, 3):
        while Generation.objects.filter(owner=ada).count() < count:
            finish(generation(ada, repository))
        with django_assert_num_queries(5):
            shown = client.get("/studio/own").content.decode()
        assert shown.count("<figure>") == count
        assert other.pk not in shown
    assert client.post("/studio/own").status_code == 405
    client.logout()
    answer = client.get("/studio/own")
    assert (answer.status_code, answer["Location"]) == (302, "/login?next=/studio/own")
