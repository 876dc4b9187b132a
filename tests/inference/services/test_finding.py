"""Searching and filling in a worker, with a real engine and a real finder in this process."""

import numpy as np
import pytest

from accounts.principal import Principal
from common.models import OutboxEvent
from hub.services import repositories
from inference import auditors
from inference.algorithms import uploads
from inference.api import waiting
from inference.engine.finder import Finder
from inference.enums import Billing, FailureCode, GenerationState
from inference.errors import Unprocessable
from inference.models import Generation, InputImage, Picture
from inference.selectors import credits_left, free_pictures_left
from inference.services import finding, inputs, repeating, running, serving
from inference.services.searching import SearchWanted
from revenue.models import RevenueLine
from tests.factories.accounts import UserFactory
from tests.factories.inference import buy_credits, finder, generation
from tests.inference.engine.alone import drawn_alone
from tests.inference.finders import halves, red_blue_or_green
from tests.inference.services.test_serving import as_asked, drawing, engine, folder, kept, pixels, source  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def eyes_folder(tmp_path_factory):
    return red_blue_or_green(tmp_path_factory.mktemp("eyes"))


@pytest.fixture
def eyes(source, eyes_folder, monkeypatch):  # noqa: F811
    """A published model that finds, and this process's finder."""
    maker = UserFactory(username="maker")
    made = finder(maker, eyes_folder)
    source.folders[made.full_name] = eyes_folder
    monkeypatch.setattr(finding, "_finder", Finder(source, device="cpu", max_bytes=2**30))
    return made


@pytest.fixture
def person():
    return UserFactory()


def asked(person, repository, eyes, words="red", grow_mask=0, **facts):
    image = inputs.keep_image(uploads.png(halves("red", "blue")), by=Principal(user=person))
    search = SearchWanted(words, eyes.full_name, grow_mask=grow_mask)
    return generation(person, repository, image=image, search=search, steps=3, **facts)


def served(made):
    serving.serve(made.pk)
    return Generation.objects.get(pk=made.pk)


def test_what_is_found_is_filled_as_the_stock_pipeline_fills_it(engine, drawing, folder, eyes, person):  # noqa: F811
    made = served(asked(person, drawing, eyes, seed=4))
    assert made.state == GenerationState.SUCCEEDED, made.failure_detail
    mask = np.asarray(uploads.opened(made.mask.path.read_bytes()))
    assert (mask[:, :8].min(), mask[:, 8:].max(), made.mask.kind) == (255, 0, "mask")
    picture = made.pictures.get()
    (expected,) = drawn_alone("StableDiffusionInpaintPipeline", folder, as_asked(made), output_type="pil")
    assert np.abs(kept(picture) - pixels(expected)).max() <= 1
    told = picture.parameters
    assert (told["search"], told["finder"]) == ("red", {"model": eyes.full_name, "commit": eyes.head})


def test_the_mask_is_grown_and_kept_so_that_one_click_draws_the_same(engine, drawing, eyes, person):  # noqa: F811
    made = served(asked(person, drawing, eyes, grow_mask=3, count=2))
    mask = np.asarray(uploads.opened(made.mask.path.read_bytes()))
    assert (mask[:, :11].min(), mask[:, 11:].max()) == (255, 0)
    again = served(repeating.draw_again(made, by=Principal(user=person)))
    assert (again.mask, again.search) == (made.mask, "")
    assert [picture.reproduces for picture in again.pictures.all()] == [True, True]
    assert inputs.sweep() == 0


def test_where_nothing_is_found_nothing_is_drawn_and_nothing_billed(engine, drawing, eyes, person, settings):  # noqa: F811
    settings.FREE_PICTURES_PER_DAY = 1
    free = served(asked(person, drawing, eyes, words="green"))
    assert (free.state, free.failure, free.failure_detail) == ("failed", FailureCode.NOTHING_FOUND, "“green”")
    assert (free_pictures_left(person), free.mask, engine.counts.row_steps) == (1, None, 0)
    settings.FREE_PICTURES_PER_DAY = 0
    buy_credits(person.namespace)
    before = credits_left(person.namespace, "eur")
    paid = served(asked(person, drawing, eyes, words="green"))
    assert (paid.billing, paid.failure) == (Billing.CREDITS, FailureCode.NOTHING_FOUND)
    assert (credits_left(person.namespace, "eur"), RevenueLine.objects.count()) == (before, 0)
    with pytest.raises(Unprocessable, match="Nothing of that name was found") as refused:
        waiting.finished(paid, keep=False, by=Principal(user=person))
    assert (refused.value.code, refused.value.context["field"]) == ("nothing_found", "search")
    assert auditors.billed_once() == []


def test_both_calls_are_counted_and_paid_exactly(engine, drawing, eyes, person, settings):  # noqa: F811
    settings.FREE_PICTURES_PER_DAY = 0
    buy_credits(person.namespace)
    before = credits_left(person.namespace, "eur")
    made = served(asked(person, drawing, eyes, count=2))
    assert made.state == GenerationState.SUCCEEDED, made.failure_detail
    assert credits_left(person.namespace, "eur") == before - made.price
    lines = RevenueLine.objects.filter(journal__key=f"spend:generation:{made.pk}")
    assert sorted(line.net for line in lines) == sorted([made.finder.price, made.price - made.finder.price])
    event = OutboxEvent.objects.get(key=f"generation.succeeded:{made.pk}").payload
    assert event["price"] == made.price
    assert event["finder"] == {"model": eyes.full_name, "commit": eyes.head, "price": made.finder.price}
    without = served(repeating.draw_again(made, by=Principal(user=person)))
    assert without.price == made.price - made.finder.price


def test_a_finder_that_closed_or_went_meanwhile_ends_it_with_its_name(engine, drawing, eyes, person):  # noqa: F811
    closed, gone = asked(person, drawing, eyes), asked(person, drawing, eyes)
    owner = Principal(user=eyes.created_by)
    repositories.update_settings(eyes, by=owner, visibility="private")
    made = served(closed)
    assert (made.failure, made.failure_detail) == (FailureCode.MODEL_GONE, eyes.full_name)
    Generation.objects.get(pk=gone.pk).finder.__class__.objects.filter(generation=gone).update(repository=None)
    assert served(gone).failure == FailureCode.MODEL_GONE


def test_what_is_no_clipseg_and_words_too_long_end_it_with_the_reason(engine, drawing, eyes, source, person, tmp_path):  # noqa: F811
    broken = finder(UserFactory())
    (tmp_path / "config.json").write_text('{"architectures": ["CLIPSegForImageSegmentation"]}')
    source.folders[broken.full_name] = tmp_path
    made = served(asked(person, drawing, broken))
    assert (made.failure, "no_safetensors" in made.failure_detail) == (FailureCode.MODEL_REFUSED, True)
    long = served(asked(person, drawing, eyes, words="the red one that is beside the blue one"))
    assert (long.failure, "longer" in long.failure_detail) == (FailureCode.BAD_PARAMETERS, True)


def test_a_worker_that_is_lost_after_the_search_leaves_its_mask_to_the_next(engine, drawing, eyes, person):  # noqa: F811
    made = asked(person, drawing, eyes)
    claimed = running.claim(made.pk)
    assert finding.find_mask(claimed, None)
    late = running.claim(made.pk)
    assert late is None
    running.postpone(claimed, seconds=0)
    assert not finding.find_mask(claimed, None), "its attempt is over"
    repositories.update_settings(eyes, by=Principal(user=eyes.created_by), visibility="private")
    made = served(made)
    assert made.state == GenerationState.SUCCEEDED, "the finder is not needed any more"
    assert InputImage.objects.filter(owner=person, kind="mask").count() == 1
    assert Picture.objects.filter(generation=made).count() == 1
