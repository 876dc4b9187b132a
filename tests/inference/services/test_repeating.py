import pytest

from accounts.principal import ANONYMOUS, Principal
from common.errors import Unauthenticated
from inference.models import Picture
from inference.services import repeating
from tests.factories.accounts import UserFactory
from tests.factories.inference import finish, generation

pytestmark = pytest.mark.django_db


@pytest.fixture
def first():
    return finish(generation(UserFactory(), seed=5, count=2))


def test_drawn_again_is_the_same_request_and_says_whether_the_same_came_out(first):
    again = repeating.draw_again(first, by=Principal(user=first.owner))
    assert (again.parameters, again.repeats) == (first.parameters, first)
    Picture.objects.filter(generation=first, position=1).update(drawn_sha256="0" * 64)
    finish(again)
    assert list(again.pictures.values_list("reproduces", flat=True)) == [True, False]
    assert list(first.pictures.values_list("reproduces", flat=True)) == [None, None]


def test_there_is_nothing_to_say_about_pictures_from_before(first):
    Picture.objects.filter(generation=first).update(drawn_sha256="")
    again = finish(repeating.draw_again(first, by=Principal(user=first.owner)))
    assert set(again.pictures.values_list("reproduces", flat=True)) == {None}


def test_others_repeat_what_is_public_under_their_own_name(first, client):
    stranger = UserFactory()
    client.force_login(stranger)
    assert client.post(f"{first.get_absolute_url()}/again").status_code == 404
    first.pictures.update(is_public=True)
    assert client.post(f"{first.get_absolute_url()}/again").status_code == 302
    assert stranger.generations.get().billed == stranger.namespace
    with pytest.raises(Unauthenticated):
        repeating.draw_again(first, by=ANONYMOUS)


def test_the_page_tells_what_came_out(first, client):
    client.force_login(first.owner)
    made = client.post(f"/api/generations/{first.pk}/again").json()
    again = finish(first.owner.generations.get(pk=made["id"]))
    page = client.get(again.get_absolute_url()).content.decode()
    assert "identical" in page
    assert first.get_absolute_url() in page
