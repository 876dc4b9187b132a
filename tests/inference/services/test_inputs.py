"""Given images: drawn anew, once by content, only their owner's, swept."""

import io
from datetime import timedelta

import pytest
from django.utils import timezone
from PIL import Image

from accounts.enums import TokenScope
from accounts.principal import ANONYMOUS, Principal
from common.errors import Forbidden, NotFound, TooManyRequests, Unauthenticated
from inference import selectors
from inference.algorithms import uploads
from inference.errors import Unprocessable
from inference.models import InputImage
from inference.services import inputs
from tests.factories.accounts import UserFactory, principal_of
from tests.factories.inference import finish, generation, given, model

pytestmark = pytest.mark.django_db


def encoded(image, kind="PNG", **more):
    file = io.BytesIO()
    image.save(file, kind, **more)
    return file.getvalue()


def test_the_same_content_is_one_file_and_one_row_for_each_owner():
    ada, bob = UserFactory(), UserFactory()
    first, again, other = given(ada), given(ada), given(bob)
    assert first == again
    assert first != other
    assert first.path == other.path
    assert uploads.opened(first.path.read_bytes()).size == (16, 16)


def test_what_the_file_said_beside_its_pixels_is_gone_and_the_image_stands_upright():
    image = Image.new("RGB", (20, 10), "red")
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a secret place"
    kept = inputs.keep_image(encoded(image, "JPEG", exif=exif), by=Principal(user=UserFactory()))
    assert (kept.width, kept.height) == (10, 20)
    stored = kept.path.read_bytes()
    assert b"secret" not in stored
    assert not Image.open(io.BytesIO(stored)).getexif()


def test_transparency_becomes_white_in_images_and_the_part_to_draw_in_masks():
    image = Image.new("RGBA", (4, 2), (255, 0, 0, 255))
    image.putpixel((0, 0), (0, 0, 0, 0))
    by = Principal(user=UserFactory())
    flat = Image.open(inputs.keep_image(encoded(image), by=by).path)
    assert (flat.mode, flat.getpixel((0, 0)), flat.getpixel((1, 0))) == ("RGB", (255, 255, 255), (255, 0, 0))
    mask = Image.open(inputs.keep_mask_of_alpha(encoded(image), by=by).path)
    assert (mask.mode, mask.getpixel((0, 0)), mask.getpixel((1, 0))) == ("L", 255, 0)
    with pytest.raises(Unprocessable, match="transparent"):
        inputs.keep_mask_of_alpha(encoded(image.convert("RGB")), by=by)


def test_what_is_no_image_or_too_large_is_refused_by_name(monkeypatch):
    by = Principal(user=UserFactory())
    wide = encoded(Image.new("L", (3000, 2)))
    monkeypatch.setattr(uploads, "MAX_PIXELS", 60 * 60)
    for content in (b"", b"\x89PNG\r\n\x1a\nbroken", wide, encoded(Image.new("RGB", (61, 60)))):
        with pytest.raises(Unprocessable) as caught:
            inputs.keep_image(content, by=by)
        assert caught.value.context["field"] == "image"
    monkeypatch.setattr(uploads, "MAX_BYTES", 10)
    with pytest.raises(Unprocessable, match="MB"):
        inputs.keep_mask(wide, by=by)
    assert InputImage.objects.count() == 0


def test_who_may_give_images():
    person = UserFactory()
    content = encoded(Image.new("RGB", (8, 8)))
    with pytest.raises(Unauthenticated):
        inputs.keep_image(content, by=ANONYMOUS)
    with pytest.raises(Forbidden):
        inputs.keep_image(content, by=principal_of(person, scope=TokenScope.READ))
    kept = inputs.keep_image(content, by=Principal(user=person))
    assert selectors.input_for(Principal(user=person), kept.pk) == kept
    for other in (ANONYMOUS, Principal(user=UserFactory()), Principal(user=UserFactory(is_staff=True))):
        with pytest.raises(NotFound):
            selectors.input_for(other, kept.pk)


def test_a_picture_drawn_here_can_be_given():
    person = UserFactory()
    (picture,) = finish(generation(person)).pictures.all()
    kept = inputs.keep_picture(picture, by=Principal(user=person))
    assert uploads.opened(kept.path.read_bytes()).getpixel((0, 0)) == (200, 30, 0)


def test_what_nobody_used_for_a_day_is_swept_and_what_a_generation_needs_stays():
    ada, bob, repository = UserFactory(), UserFactory(), model(pipeline="StableDiffusionPipeline")
    used, unused, shared = given(ada), given(ada, colour=(0, 0, 0)), given(bob)
    generation(ada, repository, image=used)
    assert inputs.sweep() == 0
    InputImage.objects.update(used_at=timezone.now() - timedelta(days=2))
    assert inputs.sweep() == 2
    assert list(InputImage.objects.all()) == [used]
    assert used.path == shared.path
    assert used.path.exists()
    assert not unused.path.exists()


def test_nobody_heaps_up_images(monkeypatch):
    monkeypatch.setattr(inputs, "MAX_UNUSED", 2)
    person, repository = UserFactory(), model(pipeline="StableDiffusionPipeline")
    first = given(person)
    given(person, colour=(0, 0, 0))
    with pytest.raises(TooManyRequests):
        given(person, colour=(1, 1, 1))
    assert given(person) == first
    generation(person, repository, image=first)
    assert given(person, colour=(1, 1, 1))


def test_an_image_that_was_swept_meanwhile_is_refused_by_name():
    person, repository = UserFactory(), model(pipeline="StableDiffusionPipeline")
    image = given(person)
    InputImage.objects.all().delete()
    with pytest.raises(Unprocessable) as refused:
        generation(person, repository, image=image)
    assert refused.value.context["field"] == "image"


def test_two_sweeps_at_once_drop_an_image_once():
    row = given(UserFactory())
    InputImage.objects.update(used_at=timezone.now() - inputs.UNUSED - timedelta(minutes=1))
    assert [inputs._drop(row), inputs._drop(row)] == [1, 0]
    assert not row.path.exists()
