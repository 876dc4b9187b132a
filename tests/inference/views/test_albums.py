import pytest

from accounts.enums import Permission
from accounts.selectors import principal_of_token
from inference.models import Album
from inference.selectors.pictures import albums_of
from tests.factories.accounts import OrganisationFactory, StaffFactory, UserFactory, bearer, fine_token
from tests.factories.inference import finish, generation, model

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    user = UserFactory(username="ada")
    client.force_login(user)
    return user


def keep(client, picture, **body):
    return client.post(f"/generations/{picture.generation_id}/{picture.position}/keep", body)


def order(client, album):
    return [entry.picture for entry in client.get(album.get_absolute_url()).context["page"]]


def press(client, album, picture, act):
    entry = album.entries.get(picture=picture)
    client.post(f"{album.get_absolute_url()}/pictures/{entry.pk}", {"act": act})


def test_pictures_are_kept_ordered_covered_and_taken_out(client, ada):
    one, two, three = finish(generation(ada, count=3)).pictures.all()
    keep(client, one, title="Circles")
    album = Album.objects.get()
    for picture in (two, three, three):
        keep(client, picture, album=album.pk)
    assert order(client, album) == [one, two, three]
    press(client, album, three, "earlier")
    press(client, album, one, "later")
    assert order(client, album) == [three, one, two]
    assert client.get("/studio/albums").context["albums"] == [(album, three)]
    press(client, album, two, "cover")
    assert client.get("/studio/albums").context["albums"] == [(album, two)]
    press(client, album, two, "remove")
    assert order(client, album) == [three, one]
    assert "title already" in client.post("/studio/albums", {"title": "circles"}).content.decode()
    assert "name a new one" in client.get(keep(client, one)["Location"]).content.decode()
    client.post(f"{album.get_absolute_url()}/change", {"title": "Rings", "is_public": "on"})
    album.refresh_from_db()
    assert (album.title, album.is_public) == ("Rings", True)
    client.post(f"{album.get_absolute_url()}/change", {"act": "delete"})
    assert not Album.objects.exists()
    assert one.generation.pictures.count() == 3


def test_a_number_of_pictures_is_that_of_those_to_be_seen(client, ada):
    one, two, three = finish(generation(ada, count=3)).pictures.all()
    other = finish(generation(UserFactory())).pictures.get()
    other.is_public = one.is_public = True
    for picture in (one, other):
        picture.save()
    keep(client, one, title="Circles")
    album = Album.objects.get()
    for picture in (two, three, other):
        keep(client, picture, album=album.pk)
    album.is_public = True
    album.save()
    other.is_public = False
    other.save()
    assert "3 pictures" in client.get("/studio/albums").content.decode()
    client.logout()
    assert "1 picture<" in client.get("/gallery/albums").content.decode()


def test_others_see_public_albums_and_in_them_only_what_is_shown(client, ada):
    one, two = finish(generation(ada, count=2)).pictures.all()
    for picture in (one, two):
        keep(client, picture, title="Circles") if picture == one else keep(
            client, picture, album=Album.objects.get().pk
        )
    album = Album.objects.get()
    url, entry = album.get_absolute_url(), album.entries.get(picture=one)
    people = [None, UserFactory(), StaffFactory()]

    def answers(method, path, body=None):
        found = []
        for person in people:
            client.logout()
            if person:
                client.force_login(person)
            found.append(getattr(client, method)(path, body).status_code)
        return found

    assert answers("get", url) == [404] * 3
    Album.objects.update(is_public=True)
    assert client.get("/gallery/albums").context["albums"] == []
    two.is_public = True
    two.save()
    assert answers("get", url) == [200] * 3
    assert order(client, album) == [two]
    assert client.get("/gallery/albums").context["albums"] == [(album, two)]
    assert answers("post", f"{url}/change", {"act": "delete"}) == [302, 403, 403]
    assert answers("post", f"{url}/pictures/{entry.pk}", {"act": "remove"}) == [302, 403, 403]
    client.force_login(people[1])
    assert keep(client, one, title="Mine").status_code == 404
    assert keep(client, two, title="Mine").status_code == 302
    assert keep(client, two, album=album.pk).status_code == 302  # not one of theirs: refused by the form
    assert album.entries.count() == 2


def test_lists_cost_the_same_for_one_and_three(client, ada, django_assert_num_queries):
    repository = model(ada)
    pictures = [finish(generation(ada, repository)).pictures.get() for _ in range(3)]
    for number, picture in enumerate(pictures):
        keep(client, picture, title=f"Album {number}")
        first = Album.objects.order_by("created_at").first()
        keep(client, picture, album=first.pk)
        if number in {0, 2}:
            with django_assert_num_queries(8):
                client.get("/studio/albums")
            with django_assert_num_queries(6):
                client.get(first.get_absolute_url())


def test_a_token_for_some_places_reaches_no_private_album(client, ada):
    keep(client, finish(generation(ada)).pictures.get(), title="Circles")
    album = Album.objects.get()
    client.logout()
    lab = OrganisationFactory(admin=ada).namespace
    token = fine_token(ada, Permission.INFERENCE, namespaces=[lab])
    assert client.get(album.get_absolute_url(), HTTP_AUTHORIZATION=f"Bearer {token}").status_code == 404
    assert not albums_of(principal_of_token(token)).exists()
    assert client.get(album.get_absolute_url(), **bearer(ada)).status_code == 200
