"""The pages for people who make pictures, in real Chromium: wide and narrow, light and dark, in both languages."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection
from PIL import Image

from accounts.services import people
from inference.algorithms.grids import Axis
from inference.enums import FailureCode
from inference.models import Generation, Picture
from inference.services import albums, comparisons, gallery, running
from inference.services.generations import Wanted
from inference.services.searching import SearchWanted
from tests.factories.accounts import UserFactory
from tests.factories.hub import as_principal
from tests.factories.inference import finder, finish, generation, given, model, sound_model
from tests.inference.serving import until
from tests.support.browser import WIDTHS, Visitor, chromium

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
PASSWORD = "a long enough password"
LONG = "a photograph of a lighthouse on a cliff at dusk, with the tide coming in below and gulls over the water"

# How long it is, and where it stands after it was set to a place.
PLAYED = """() => new Promise((tell) => {
  const player = document.querySelector("main audio");
  player.onloadedmetadata = () => { player.currentTime = 0.4; };
  player.onseeked = () => tell([player.duration, player.currentTime]);
  player.preload = "auto";
  player.load();
})"""


@pytest.fixture
def ada(site, settings):
    # Where the running site looks for them.
    settings.PICTURES_ROOT = Path(os.environ["WELLSPRING_DATA"]) / "pictures"
    return people.sign_up("ada", password=PASSWORD, email="ada@example.org")


@pytest.fixture
def pages(ada):
    """The addresses of pages in every state that looks different."""
    by, bob = as_principal(ada), UserFactory(username="bob")
    bells = sound_model(ada, name="bells")
    repository, filler = model(ada, name="shapes"), model(ada, name="filler", pipeline="StableDiffusionPipeline")
    model(ada, name="larger", pipeline="IFSuperResolutionPipeline", tag="image-to-image")
    search = SearchWanted("the cat by the window", finder(ada, name="finder", licence="mit").full_name)
    found = generation(ada, filler, image=given(ada), search=search)
    Generation.objects.filter(pk=found.pk).update(mask=given(ada, "mask"))
    finish(found)
    missed = generation(ada, filler, image=given(ada), search=search)
    running.fail(running.claim(missed.pk), FailureCode.NOTHING_FOUND, detail="“the cat by the window”")
    shown = finish(generation(bob, repository, prompt=LONG, count=2))
    shown.pictures.update(is_public=True)
    first = Picture.objects.get(generation=shown, position=0)
    gallery.like(first, liked=True, by=by)
    own = finish(generation(ada, repository, prompt="a red circle", count=3))
    rung = finish(generation(ada, bells, prompt="", label=LONG, count=2, seconds=0.5))
    rung.pictures.filter(position=0).update(is_public=True)
    remix = gallery.draw(by, Wanted(prompt="a green circle"), model=repository.full_name, remix_of=first)
    album = albums.create(title="Lighthouses and other things by the sea", by=by, is_public=True, description=LONG)
    for picture in [first, *own.pictures.all(), *rung.pictures.all()]:
        albums.add(album, picture, by=by)
    grid = comparisons.compare(
        by,
        Wanted(prompt="a red circle"),
        model=repository.full_name,
        columns=Axis("steps", [2, 4, 8, 16]),
        rows=Axis("words", ["red", "deep ultramarine blue"]),
    )
    for cell in list(grid.cells.all())[:3]:
        finish(cell.generation)
    sounds = comparisons.compare(
        by,
        Wanted(prompt="", task="sound", label="a bell"),
        model=bells.full_name,
        columns=Axis("seed", [1, 2, 3]),
        rows=Axis("seconds", [0.25, 0.5]),
    )
    for cell in list(sounds.cells.all())[:4]:
        finish(cell.generation)
    return {
        "studio": "/studio",
        "studio-remix": f"/studio?from={shown.pk}&picture=0",
        "history": "/studio/history",
        "history-nothing": "/studio/history?text=zebra",
        "albums": "/studio/albums",
        "album": album.get_absolute_url(),
        "albums-public": "/gallery/albums",
        "gallery": "/gallery",
        "generation": f"/generations/{own.pk}",
        "generation-theirs": f"/generations/{shown.pk}",
        "generation-remix": f"/generations/{remix.pk}",
        "studio-sound": f"/studio?from={rung.pk}",
        "generation-sound": f"/generations/{rung.pk}",
        "studio-image": f"/studio?image={own.pk}/0&model={filler.full_name}",
        "generation-found": f"/generations/{found.pk}",
        "generation-missed": f"/generations/{missed.pk}",
        "studio-missed": f"/studio?from={missed.pk}",
        "studio-upscale": f"/studio?image={own.pk}/0&task=upscale",
        "compare": f"/studio/comparisons?from={own.pk}",
        "comparison": grid.get_absolute_url(),
        "compare-sounds": f"/studio/comparisons?from={rung.pk}",
        "comparison-sounds": sounds.get_absolute_url(),
    }


def test_the_pages_of_the_studio(site, pages):
    with chromium() as browser:
        for width in WIDTHS:
            for language, dark in (("en", False), ("zh-hans", True)):
                visitor = Visitor(browser, site.url, width=width, language=language, dark=dark)
                visitor.log_in("ada", PASSWORD)
                for name, path in pages.items():
                    visitor.open(path)
                    visitor.page.wait_for_load_state("networkidle") if name == "studio" else None
                    visitor.check_looks(f"{name}-{language}")
                visitor.close()


def _finish(key):
    """In a thread of its own, as playwright's has an event loop."""
    finish(Generation.objects.get(pk=key))
    connection.close()


def drop(page, file):
    """Onto the place for images, as from a folder."""
    act = "([zone, bytes]) => { const data = new DataTransfer(); const file = new Uint8Array(bytes);"
    act += "data.items.add(new File([file], 'ground.png', {type: 'image/png'}));"
    act += "zone.dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true})); }"
    page.evaluate(act, [page.locator("[data-zone]").element_handle(), list(file.read_bytes())])


def test_an_image_is_dropped_and_enlarged(site, ada, tmp_path):
    model(ada, name="larger", pipeline="IFSuperResolutionPipeline", tag="image-to-image")
    file = tmp_path / "small.png"
    Image.new("RGB", (8, 8), "green").save(file)
    with chromium() as browser:
        visitor = Visitor(browser, site.url, width=390)
        visitor.log_in("ada", PASSWORD)
        page = visitor.open("/studio?model=ada/larger")
        drop(page, file)
        page.fill("[name=noise_level]", "40")
        page.locator("#cost", has_text="16 × 16").wait_for()
        assert not page.locator("[name=strength]").is_visible()
        page.click("#studio-form .button-primary")
        page.locator("[id^=progress-]").wait_for()
        visitor.check_looks("studio-enlarging")
        visitor.close()
    made = Generation.objects.get()
    assert (made.task, made.noise_level, made.prompt, made.image.size_in_pixels) == ("upscale", 40, "", (8, 8))


def test_an_image_is_dropped_and_what_is_drawn_anew_is_painted(site, ada, tmp_path):
    """By mouse, with eraser, undo and invert; the server gets what the eye saw."""
    model(ada, name="filler", pipeline="StableDiffusionPipeline")
    model(ada, name="drawer", pipeline="LDMTextToImagePipeline")
    file = tmp_path / "ground.png"
    Image.new("RGB", (128, 64), "green").save(file)
    with chromium() as browser:
        visitor = Visitor(browser, site.url, width=390)
        visitor.log_in("ada", PASSWORD)
        page = visitor.open("/studio?model=ada/filler")
        drop(page, file)
        assert page.locator("[name=task]:checked").get_attribute("value") == "image_to_image"
        page.check("[name=task][value=inpainting]")
        canvas = page.locator("[data-painter] canvas")
        canvas.wait_for()
        canvas.scroll_into_view_if_needed()
        page.locator("[data-brush]").fill("20")
        box = canvas.bounding_box()

        def stroke(start, end):
            for step, (x, y) in enumerate((start, end)):
                page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
                page.mouse.down() if step == 0 else page.mouse.up()

        stroke((0.1, 0.5), (0.9, 0.5))
        stroke((0.1, 0.1), (0.9, 0.1))
        page.click("[data-act=undo]")
        page.check("[data-eraser]")
        stroke((0.75, 0.5), (0.99, 0.5))
        visitor.check_looks("studio-painted")
        page.fill("[name=prompt]", "a red circle")
        page.locator("#cost", has_text="128 × 64").wait_for()
        page.click("#studio-form .button-primary")
        page.locator("[id^=progress-]").wait_for()
        first = page.locator("[id^=progress-]").get_attribute("id")
        written = "document.querySelector('[name=mask]').files[0].lastModified"
        before = page.evaluate(written)
        page.click("[data-act=invert]")
        until(lambda: page.evaluate(written) != before)
        page.click("#studio-form .button-primary")
        page.locator(f"#{first}").wait_for(state="detached")
        # Another model changes what is offered, and another task the model.
        page.select_option("[name=model]", "ada/drawer")
        page.get_by_text("fill the masked part of an image – with ada/filler").wait_for()
        assert page.locator("[name=task]:checked").get_attribute("value") == "text_to_image"
        assert not canvas.is_visible()
        page.locator("[name=task]:checked").press("ArrowDown")
        page.locator("[name=model]", has=page.locator("[value='ada/filler'][selected]")).wait_for()
        assert page.locator("[name=task]:checked").get_attribute("value") == "image_to_image"
        assert page.locator(":focus").get_attribute("id") == "task-image_to_image"
        visitor.close()
    painted, inverted = Generation.objects.order_by("created_at")
    for made, expected in ((painted, [True, False, False, True]), (inverted, [False, True, True, False])):
        with Image.open(made.mask.path) as mask:
            points = [(64, 32), (64, 6), (110, 32), (30, 34)]
            assert [mask.getpixel(point) > 127 for point in points] == expected


def test_words_take_the_place_of_painting(site, ada, tmp_path):
    """By keyboard: words and a painted mask at once are refused, and nothing that was written is lost."""
    model(ada, name="filler", pipeline="StableDiffusionPipeline")
    finder(ada, name="finder")
    file = tmp_path / "ground.png"
    Image.new("RGB", (64, 64), "green").save(file)
    with chromium() as browser:
        visitor = Visitor(browser, site.url, width=390)
        visitor.log_in("ada", PASSWORD)
        page = visitor.open("/studio?model=ada/filler")
        drop(page, file)
        assert page.get_by_label("Find by words").is_hidden()
        page.check("[name=task][value=inpainting]")
        page.get_by_label("Find by words").fill("the cat")
        page.get_by_text("How it is found").press("Enter")
        page.get_by_label("Grown by, in pixels").fill("3")
        page.fill("[name=prompt]", "a dog")
        page.locator("[data-painter] canvas").click()
        until(lambda: page.evaluate("document.querySelector('[name=mask]').files.length"))
        page.click("#studio-form .button-primary")
        page.get_by_text("There is a mask, and words to find one by").wait_for()
        assert page.get_by_label("Find by words").input_value() == "the cat"
        visitor.check_looks("studio-words-and-mask")
        page.click("#studio-form .button-primary")
        page.locator("[id^=progress-]").wait_for()
        visitor.close()
    made = Generation.objects.get()
    assert (made.search, made.finder.grow_mask, made.mask, made.prompt) == ("the cat", 3, None, "a dog")


def test_a_model_of_sounds_changes_the_form(site, ada):
    """What the form held of pictures is hidden, and no hindrance. What comes of it plays from any place."""
    model(ada, name="shapes")
    ready = finish(generation(ada, sound_model(ada, name="bells"), prompt="", label="a bell", seconds=0.5))
    file = ready.pictures.get().path
    with chromium() as browser:
        visitor = Visitor(browser, site.url, width=390)
        visitor.log_in("ada", PASSWORD)
        page = visitor.open("/studio?model=ada/shapes")
        assert page.locator("[name=prompt]").is_visible()
        assert page.locator("[name=seconds]").is_hidden()
        page.select_option("[name=model]", "ada/bells")
        page.locator("[name=seconds]").wait_for()
        assert page.locator("[name=prompt]").is_hidden()
        page.fill("[name=seconds]", "0.5")
        page.fill("[name=label]", "a bell")
        page.locator("#cost", has_text="0.5 s").wait_for()
        visitor.check_looks("studio-sound-filled")
        page.get_by_role("button", name="Make sounds").click()
        page.locator("[id^=progress-]").wait_for()
        page = visitor.open(f"/generations/{ready.pk}")
        assert page.evaluate(PLAYED) == [0.5, 0.4]
        page = visitor.open("/studio/comparisons?model=ada/shapes")
        page.fill("[name=column_values]", "1, 2")
        page.select_option("[name=model]", "ada/bells")
        page.locator("[name=label]").wait_for()
        assert page.locator("[name=prompt]").count() == 0
        page.select_option("[name=columns]", "seed")
        page.locator("#comparison-cost", has_text="Free: 2").wait_for()
        visitor.press("#comparison-form .button-primary")
        assert page.locator(".compare-grid th[scope=col]").count() == 2
        file.unlink()
        page = visitor.open(f"/generations/{ready.pk}")
        assert page.locator("main audio").count() == 0
        visitor.check_looks("generation-gone")
        visitor.close()
    made = Generation.objects.exclude(pk=ready.pk).get(label="a bell")
    assert (made.label, made.seconds, made.prompt) == ("a bell", 0.5, "")


def test_what_was_asked_for_is_in_sight(site, ada):
    """Also from the foot of a long form, and at its end everything that can be done with it."""
    repository = model(ada, name="shapes")
    with chromium() as browser:
        for width in WIDTHS:
            visitor = Visitor(browser, site.url, width=width)
            visitor.log_in("ada", PASSWORD)
            page = visitor.open("/studio")
            page.get_by_text("More settings").click()
            page.fill("[name=prompt]", "a red circle")
            page.click("#studio-form .button-primary")
            shown = page.locator("[id^=progress-] .badge")
            shown.wait_for()
            box = shown.bounding_box()
            assert 0 <= box["y"] <= 900 - box["height"]
            key = page.locator("[id^=progress-]").get_attribute("id").removeprefix("progress-")
            page = visitor.open(f"/generations/{key}")
            assert not page.get_by_role("button", name="Draw again").is_visible()
            with ThreadPoolExecutor(1) as worker:
                worker.submit(_finish, key).result()
            page.get_by_role("button", name="Draw again").wait_for()
            visitor.check_looks(f"generation-ended-{width}")
            visitor.close()
    assert Generation.objects.filter(repository=repository).count() == len(WIDTHS)


def test_ones_own_pictures_are_those_there_are(site, ada):
    model(ada, name="shapes")
    with chromium() as browser:
        visitor = Visitor(browser, site.url, width=390)
        visitor.log_in("ada", PASSWORD)
        page = visitor.open("/studio")
        own = page.locator("#own-pictures")
        own.get_by_text("You have made no pictures yet.").wait_for()
        page.fill("[name=prompt]", "a red circle")
        page.click("#studio-form .button-primary")
        progress = page.locator("[id^=progress-]")
        progress.wait_for()
        key = progress.get_attribute("id").removeprefix("progress-")
        with ThreadPoolExecutor(1) as worker:
            worker.submit(_finish, key).result()
        own.locator(f"a[href='/generations/{key}']").first.wait_for()
        assert not own.get_by_text("You have made no pictures yet.").is_visible()
        visitor.close()


def test_steps_are_left_out_by_choice_and_the_choice_stays(site, ada):
    model(ada, name="filler", pipeline="StableDiffusionPipeline")
    with chromium() as browser:
        visitor = Visitor(browser, site.url, width=390)
        visitor.log_in("ada", PASSWORD)
        page = visitor.open("/studio?model=ada/filler")
        page.get_by_text("More settings").press("Enter")
        page.get_by_label("Steps left out").select_option("strong")
        page.fill("[name=prompt]", "a red circle")
        page.locator("#calls summary").first.click()
        page.locator("#calls", has_text='"step_reuse": "strong"').wait_for()
        page.click("#studio-form .button-primary")
        key = page.locator("[id^=progress-]").get_attribute("id").removeprefix("progress-")
        page = visitor.open(f"/studio?from={key}")
        assert page.get_by_label("Steps left out").input_value() == "strong"
        visitor.close()
    assert Generation.objects.get().step_reuse == "strong"
