"""Likes, follows and collections as pages, without a script."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.enums import Role
from accounts.services import organisations
from hub.models import Collection, CollectionItem, Follow, Like
from hub.services import collections, social
from tests.factories import hub as make
from tests.factories.accounts import join

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return make.person("ada")


@pytest.fixture
def bob():
    return make.person("bob")


@pytest.fixture
def repository(ada):
    return make.repository(ada, "tiny")


def page(client, address):
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def test_a_button_likes_and_unlikes(client, repository, bob):
    assert "♡" not in page(client, "/ada/tiny")
    assert client.post("/ada/tiny/like")["Location"].startswith("/login")
    client.force_login(bob)
    assert "♡ Like" in page(client, "/ada/tiny")

    client.post("/ada/tiny/like", {"likes": "yes"})
    client.post("/ada/tiny/like", {"likes": "yes"})

    assert "♥ Liked" in page(client, "/ada/tiny")
    assert "1 like<" in page(client, "/ada/tiny/tree/main")
    assert ">bob<" in page(client, "/ada/tiny/likers")
    assert "ada/tiny" in page(client, "/users/bob/likes")
    client.post("/ada/tiny/like", {"likes": "no"})
    assert Like.objects.count() == 0
    assert "Nobody yet." in page(client, "/ada/tiny/likers")


def test_what_is_hidden_is_not_liked_in_public(client, ada, bob):
    make.repository(ada, "secret", visibility="private")
    client.force_login(ada)
    client.post("/ada/secret/like")
    assert "ada/secret" in page(client, "/users/ada/likes")
    client.force_login(bob)
    assert client.post("/ada/secret/like").status_code == 404
    assert client.get("/ada/secret/likers").status_code == 404
    assert "ada/secret" not in page(client, "/users/ada/likes")


def test_the_list_is_sorted_by_likes(client, ada, bob, repository):
    make.repository(ada, "newer")
    social.like(repository, by=make.as_principal(bob))
    html = page(client, "/models?order=likes")
    assert html.index("ada/tiny") < html.index("ada/newer")


def test_a_button_follows_and_unfollows(client, ada, bob):
    client.force_login(bob)
    assert client.post("/settings/following/ada", {"follows": "yes"})["Location"] == "/ada"
    assert "1 follower" in page(client, "/ada")
    assert ">bob<" in page(client, "/users/ada/followers")
    assert ">ada<" in page(client, "/users/bob/following")
    client.post("/settings/following/ada", {"follows": "no"})
    assert Follow.objects.count() == 0
    assert client.post("/settings/following/bob").status_code == 400
    assert client.post("/settings/following/nobody").status_code == 404
    lab = organisations.create_organisation("lab", by=make.as_principal(ada))
    client.post(f"/settings/following/{lab.name}")
    assert ">bob<" in page(client, "/users/lab/followers")
    assert client.get("/users/lab/likes").status_code == 404


def test_somebody_makes_fills_and_deletes_a_collection(client, ada, repository):
    make.repository(ada, "shapes", kind="dataset")
    client.force_login(ada)
    fields = {"title": "My COOL stuff", "description": "A lot", "visibility": "public", "theme": "pink"}
    address = client.post("/collections/new", fields | {"namespace": "ada"})["Location"]
    assert "My COOL stuff" in page(client, address)
    assert "already a collection" in client.post("/collections/new", fields | {"namespace": "ada"}).content.decode()
    slug = Collection.objects.get().slug

    assert client.post("/ada/tiny/collect", {"collection": slug, "note": "One"})["Location"] == address
    assert client.post("/ada/tiny/collect", {"collection": slug})["Location"] == "/ada/tiny"
    client.post(f"{address}/add", {"kind": "dataset", "name": "ada/shapes", "note": ""})
    refused = client.post(f"{address}/add", {"kind": "dataset", "name": "ada/none"}).content.decode()
    assert "Repository not found" in refused

    def names():
        return [item.thing.name for item in CollectionItem.objects.order_by("position")]

    first = CollectionItem.objects.get(position=0)
    at = f"{address}/items/{first.key}"
    client.post(at, {"act": "down"})
    assert names() == ["shapes", "tiny"]
    client.post(at, {"act": "up"})
    assert names() == ["tiny", "shapes"]
    client.post(at, {"act": "note", "note": "Another"})
    assert "Another" in page(client, address)
    assert "My COOL stuff" in page(client, "/ada/tiny")
    client.post(at, {"act": "remove"})
    assert names() == ["shapes"]

    moved = client.post(f"{address}/edit", fields | {"title": "New"})["Location"]
    assert moved.startswith("/collections/ada/new-")
    assert client.get(address)["Location"] == moved
    assert "New" in page(client, "/collections/ada")
    assert "New" in page(client, "/ada")
    assert client.post(f"{moved}/delete")["Location"] == "/collections/ada"
    assert Collection.objects.count() == 0


@pytest.mark.parametrize(
    ("who", "reads", "edits"),
    [("anonymous", 404, 302), ("stranger", 404, 404), ("reader", 200, 403), ("writer", 200, 302), ("staff", 200, 403)],
)
def test_a_private_collection_is_for_its_own_people(client, ada, who, reads, edits):
    lab = organisations.create_organisation("lab", by=make.as_principal(ada))
    made = collections.create(lab.namespace, "Ours", by=make.as_principal(ada), visibility="private")
    person = make.person("who", is_staff=who == "staff")
    if who in {"reader", "writer"}:
        role = Role.READ if who == "reader" else Role.WRITE
        join(lab, person, role=role, by=make.as_principal(ada))
    if who != "anonymous":
        client.force_login(person)
    address = made.get_absolute_url()
    fields = {"title": "Theirs", "visibility": "private", "theme": "blue"}

    assert client.get(address).status_code == reads
    assert client.post(f"{address}/edit", fields).status_code == edits
    listed = page(client, "/collections/lab")
    assert (">Ours<" in listed or ">Theirs<" in listed) == (reads == 200)


def test_items_that_one_may_not_see_are_left_out(client, ada, repository):
    secret = make.repository(ada, "secret", visibility="private")
    by = make.as_principal(ada)
    made = collections.create(ada.namespace, "Mixed", by=by)
    for thing in (repository, secret):
        collections.add(made, thing, by=by)
    html = page(client, made.get_absolute_url())
    assert "ada/tiny" in html
    assert "ada/secret" not in html
    assert "ada/secret" not in page(client, "/collections")
    client.force_login(ada)
    assert "ada/secret" in page(client, made.get_absolute_url())


@pytest.mark.parametrize(
    "address",
    ["/users/ada/likes", "/users/ada/followers", "/users/ada/following", "/collections/ada", "/ada/tiny/likers"],
)
def test_more_rows_need_no_more_queries(client, ada, repository, address):
    by = make.as_principal(ada)

    def add():
        other = make.person()
        social.follow(ada.namespace, by=make.as_principal(other))
        social.follow(other.namespace, by=by)
        liked = make.repository(other)
        social.like(liked, by=by)
        social.like(repository, by=make.as_principal(other))
        made = collections.create(ada.namespace, f"Number {other.pk}", by=by)
        collections.add(made, liked, by=by)
        collections.add(made, make.bucket(other), by=by)

    def count():
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        return len(queries)

    add()
    one = count()
    add()
    add()
    assert count() == one


def test_the_page_of_a_collection_costs_the_same_for_any_length(client, ada):
    by = make.as_principal(ada)
    made = collections.create(ada.namespace, "Many", by=by)

    def count():
        with CaptureQueriesContext(connection) as queries:
            assert client.get(made.get_absolute_url()).status_code == 200
        return len(queries)

    collections.add(made, make.repository(make.person()), by=by)
    one = count()
    for thing in (make.repository(make.person()), make.bucket(make.person())):
        collections.add(made, thing, by=by)
    collections.add(made, collections.create(ada.namespace, "Other", by=by), by=by)
    assert count() == one
