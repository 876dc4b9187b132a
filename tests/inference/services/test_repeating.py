import pytest

from accounts.principal import ANONYMOUS, Principal
from common.errors import Unauthenticated
from inference.models import Generation, Picture
from inference.services import repeating
from tests.factories.accounts import UserFactory, bearer
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


def test_by_api_a_key_draws_again_once_and_the_policy_is_asked_again(first, client):
    headers, url = bearer(first.owner), f"/api/generations/{first.pk}/again"
    ids = {client.post(url, **headers, HTTP_IDEMPOTENCY_KEY="k").json()["id"] for _ in range(2)}
    assert len(ids) == 1
    assert client.post(url, **headers).json()["id"] not in ids
    Generation.objects.filter(pk=first.pk).update(prompt="a naked child")
    refused = client.post(url, **headers)
    assert (refused.status_code, refused.json()["state"], refused.json()["repeats"]) == (422, "refused", first.pk)


def test_the_page_tells_what_came_out(first, client):
    client.force_login(first.owner)
    made = client.post(f"/api/generations/{first.pk}/again").json()
    again = finish(first.owner.generations.get(pk=made["id"]))
    page = client.get(again.get_absolute_url()).content.decode()
    assert "identical" in page
    assert first.get_absolute_url() in page
