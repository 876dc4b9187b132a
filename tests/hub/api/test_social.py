"""Likes, follows, collections and webhooks at their doors: who may do what, and what odd requests get."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.enums import Permission, Role, TokenScope
from accounts.services import organisations
from hub.models import Collection, Like, Repository, Webhook
from hub.services import collections, social, webhooks
from tests.factories import hub as make
from tests.factories.accounts import fine_token, job_token, join
from tests.hub.api.test_doors import bearer, send

pytestmark = pytest.mark.django_db

HOOK = {"url": "https://hooks.example.org/x", "watched": [{"type": "user", "name": "ada"}], "domains": ["repo"]}


@pytest.fixture
def ada():
    return make.person("ada")


@pytest.fixture
def lab(ada):
    return organisations.create_organisation("lab", by=make.as_principal(ada))


def people(lab, ada):
    """Headers of everybody there is."""

    def member(role):
        person = make.person()
        join(lab, person, role=role, by=make.as_principal(ada))
        return bearer(person)

    return {
        "anonymous": {},
        "stranger": bearer(make.person()),
        "read token": bearer(ada, TokenScope.READ),
        "job": {"Authorization": f"Bearer {job_token(ada, namespace=lab.namespace)}"},
        "reader": member(Role.READ),
        "writer": member(Role.WRITE),
        "owner": bearer(ada),
        "staff": bearer(make.person(is_staff=True)),
    }


EVERYBODY = ["anonymous", "stranger", "read token", "job", "reader", "writer", "owner", "staff"]


@pytest.mark.parametrize(
    ("method", "address", "body", "expected"),
    [
        ("POST", "/api/models/lab/open/like", None, [401, 200, 403, 403, 200, 200, 200, 200]),
        ("DELETE", "/api/models/lab/open/like", None, [401, 200, 403, 403, 200, 200, 200, 200]),
        ("POST", "/api/models/lab/secret/like", None, [401, 404, 403, 403, 200, 200, 200, 200]),
        ("GET", "/api/models/lab/secret/likers", None, [401, 404, 200, 200, 200, 200, 200, 200]),
        ("POST", "/api/organizations/lab/follow", None, [401, 200, 403, 403, 200, 200, 200, 200]),
        ("DELETE", "/api/organizations/lab/follow", None, [401, 200, 403, 403, 200, 200, 200, 200]),
        ("GET", "/api/organizations/lab/followers", None, [200] * 8),
        ("POST", "/api/collections", {"title": "New", "namespace": "lab"}, [401, 403, 403, 403, 403, 200, 200, 403]),
        ("GET", "{open}", None, [200] * 8),
        ("GET", "{secret}", None, [404, 404, 200, 200, 200, 200, 200, 200]),
        ("PATCH", "{open}", {"title": "Other"}, [403, 403, 403, 403, 403, 200, 200, 403]),
        ("DELETE", "{open}", None, [403, 403, 403, 403, 403, 200, 200, 403]),
        ("PATCH", "{secret}", {"title": "Other"}, [404, 404, 403, 403, 403, 200, 200, 403]),
        (
            "POST",
            "{open}/items",
            {"item": {"type": "model", "id": "lab/open"}},
            [403, 403, 403, 403, 403, 200, 200, 403],
        ),
        ("PATCH", "{item}", {"note": "Hi"}, [403, 403, 403, 403, 403, 200, 200, 403]),
        ("DELETE", "{item}", None, [403, 403, 403, 403, 403, 200, 200, 403]),
        ("POST", "{open}/resource-group", {"resourceGroupId": "a" * 24}, [400] * 8),
        ("GET", "/api/settings/webhooks", None, [401, 200, 403, 403, 200, 200, 200, 200]),
        ("POST", "/api/settings/webhooks", HOOK, [401, 200, 403, 403, 200, 200, 200, 200]),
        ("GET", "{hook}", None, [401, 404, 403, 403, 404, 404, 200, 404]),
        ("POST", "{hook}", {"url": "https://hooks.example.org/y"}, [401, 404, 403, 403, 404, 404, 200, 404]),
        ("POST", "{hook}/disable", None, [401, 404, 403, 403, 404, 404, 200, 404]),
        ("DELETE", "{hook}", None, [401, 404, 403, 403, 404, 404, 200, 404]),
    ],
)
def test_who_may_do_what(client, ada, lab, method, address, body, expected):
    by = make.as_principal(ada)
    for name in ("open", "secret"):
        made = make.repository(ada, name, visibility="private" if name == "secret" else "public")
        Repository.objects.filter(pk=made.pk).update(namespace=lab.namespace)
    everybody = people(lab, ada)
    found = {}
    for who in EVERYBODY:
        Collection.objects.all().delete()
        Webhook.objects.all().delete()
        shown = collections.create(lab.namespace, "Open", by=by)
        hidden = collections.create(lab.namespace, "Secret", by=by, visibility="private")
        item = collections.add(shown, hidden, by=by)
        hook = webhooks.create(by=by, url=HOOK["url"], watched=[("user", "ada")], domains=["repo"])
        at = address.format(
            open=f"/api/collections/{shown.slug}",
            secret=f"/api/collections/{hidden.slug}",
            item=f"/api/collections/{shown.slug}/items/{item.key}",
            hook=f"/api/settings/webhooks/{hook.key}",
        )
        found[who] = send(client, method, at, body, everybody[who]).status_code
    assert found == dict(zip(EVERYBODY, expected, strict=True))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=12))
def test_likes_are_counted_whatever_the_order(db, steps):
    from django.db import transaction

    with transaction.atomic():
        repository = make.repository()
        fans = [make.person() for _number in range(3)]
        for who, wants in steps:
            (social.like if wants else social.unlike)(repository, by=make.as_principal(fans[who]))
        repository.refresh_from_db()
        last = dict(steps)
        assert repository.likes == Like.objects.filter(repository=repository).count() == sum(last.values())
        transaction.set_rollback(True)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), max_size=10))
def test_places_stay_an_order_whatever_is_moved(db, steps):
    from django.db import transaction

    with transaction.atomic():
        owner = make.person()
        by = make.as_principal(owner)
        rows = [collections.create(owner.namespace, f"Number {number}", by=by) for number in range(5)]
        expected = list(rows)
        for which, place in steps:
            collections.update(rows[which], by=by, position=place)
            expected.remove(rows[which])
            expected.insert(place, rows[which])
        assert list(owner.namespace.collections.order_by("position")) == expected
        assert [row.position for row in owner.namespace.collections.order_by("position")] == list(range(5))
        transaction.set_rollback(True)


def test_long_lists_have_pages(client, ada):
    repository = make.repository(ada, "tiny")
    people = [make.person() for _number in range(101)]
    for person in people:
        social.like(repository, by=make.as_principal(person))
    first = client.get("/api/models/ada/tiny/likers")
    second = client.get(first["Link"].partition(">")[0].removeprefix("<http://127.0.0.1:8000"))
    names = [one["user"] for one in first.json() + second.json()]
    assert names == [person.username for person in reversed(people)]
    assert "Link" not in second


def test_a_like_disappears_with_the_repository_from_strangers_sight(client, ada):
    repository = make.repository(ada, "tiny")
    bob = make.person("bob")
    social.like(repository, by=make.as_principal(bob))
    assert len(client.get("/api/users/bob/likes").json()) == 1
    assert client.get("/api/users/bob/overview").json()["numLikes"] == 1
    Repository.objects.update(visibility="private")
    assert client.get("/api/users/bob/likes").json() == []
    assert client.get("/api/users/bob/overview").json()["numLikes"] == 0
    assert len(client.get("/api/users/bob/likes", headers=bearer(ada)).json()) == 1


def test_duplicates_name_the_collection(client, ada):
    who = bearer(ada)
    make.repository(ada, "tiny")
    slug = send(client, "POST", "/api/collections", {"title": "Mine", "namespace": "ada"}, who).json()["slug"]
    twice = send(client, "POST", "/api/collections", {"title": "MINE", "namespace": "ada"}, who)
    item = {"item": {"type": "model", "id": "ada/tiny"}}
    at = f"/api/collections/{slug}/items"
    answers = [send(client, "POST", at, item, who) for _time in range(2)]
    other = send(client, "POST", "/api/collections", {"title": "Other", "namespace": "ada"}, who).json()["slug"]
    renamed = send(client, "PATCH", f"/api/collections/{other}", {"title": "mine"}, who)

    assert (twice.status_code, twice.json()["slug"]) == (409, slug)
    assert [answer.status_code for answer in answers] == [200, 409]
    assert answers[1].json()["slug"] == slug
    assert (renamed.status_code, renamed.json()["slug"]) == (409, slug)


@pytest.mark.parametrize(
    ("method", "address", "body", "status"),
    [
        ("GET", "/api/collections?sort=weather", None, 400),
        ("GET", "/api/collections?item=papers/1", None, 400),
        ("GET", "/api/collections?cursor=²&limit=x", None, 200),
        ("GET", "/api/collections?owner=nobody", None, 200),
        ("GET", "/api/collections/ada/nothing", None, 404),
        ("GET", f"/api/collections/ada/nothing-{'f' * 24}", None, 404),
        ("POST", "/api/collections", {"title": ""}, 400),
        ("POST", "/api/collections", {"title": "   "}, 400),
        ("POST", "/api/collections", {"title": "x" * 61}, 400),
        ("POST", "/api/collections", {"title": "x", "private": "yes"}, 400),
        ("POST", "/api/collections", {"title": "x", "resourceGroupId": "a" * 24}, 400),
        ("POST", "/api/collections", {"title": "x", "namespace": "nobody"}, 403),
        ("PATCH", "{slug}", {"theme": "beige"}, 400),
        ("PATCH", "{slug}", {"position": -1}, 400),
        ("PATCH", "{slug}", {"position": "1"}, 400),
        ("PATCH", "{slug}", {"position": 10**30}, 200),
        ("POST", "{slug}/items", {"item": "ada/tiny"}, 400),
        ("POST", "{slug}/items", {"item": {"type": "model", "id": "ada/none"}}, 404),
        ("POST", "{slug}/items", {"item": {"type": "bucket", "id": "ada/none"}}, 404),
        ("POST", "{slug}/items", {"item": {"type": "collection", "id": "{id}"}}, 400),
        ("POST", "{slug}/items", {"item": {"type": "paper", "id": "1706.03762"}}, 400),
        ("PATCH", "{slug}/items/none", {"note": "x"}, 404),
        ("DELETE", "{slug}/items/" + "f" * 24, None, 404),
        ("POST", "{slug}/resource-group", {"resourceGroupId": None}, 200),
        ("GET", "/api/users/nobody/likes", None, 404),
        ("GET", "/api/organizations/ada/followers", None, 404),
        ("POST", "/api/users/ada/follow", None, 400),
        ("GET", "/api/users/ada/likes?cursor=x", None, 200),
        ("GET", "/api/users/ada/likes?cursor=99999999999999999999", None, 200),
        ("POST", "/api/settings/webhooks", {**HOOK, "url": None, "jobSourceId": "1"}, 400),
        ("POST", "/api/settings/webhooks", {**HOOK, "watched": "ada"}, 400),
        ("POST", "/api/settings/webhooks", {**HOOK, "domains": [1]}, 400),
        ("POST", "/api/settings/webhooks", {**HOOK, "url": "http://localhost.:70000/"}, 400),
        ("POST", "/api/settings/webhooks", {**HOOK, "domains": ["repo", "discussions"]}, 200),
        ("GET", "/api/settings/webhooks/none", None, 404),
    ],
)
def test_odd_requests_are_answered_clearly(client, ada, method, address, body, status):
    made = collections.create(ada.namespace, "Mine", by=make.as_principal(ada))
    text = json.dumps(body).replace("{id}", made.slug)
    at = address.replace("{slug}", f"/api/collections/{made.slug}")
    answer = send(client, method, at, json.loads(text), bearer(ada))
    assert answer.status_code == status, answer.content


def test_webhooks_are_changed_and_keep_what_is_not_named(client, ada):
    who = bearer(ada)
    made = send(client, "POST", "/api/settings/webhooks", HOOK | {"secret": "hush"}, who).json()["webhook"]
    at = f"/api/settings/webhooks/{made['id']}"
    changed = send(client, "POST", at, {"watched": [], "url": "https://hooks.example.org/y"}, who).json()["webhook"]
    assert changed == made | {"url": "https://hooks.example.org/y"}
    assert send(client, "POST", f"{at}/disable", None, who).json()["webhook"]["disabled"] is True
    assert send(client, "POST", f"{at}/enable", None, who).json()["webhook"]["disabled"] is False
    named = {"watched": [{"type": "org", "name": "lab"}], "domains": ["discussion"], "secret": ""}
    changed = send(client, "POST", at, named, who).json()["webhook"]
    assert (changed["watched"], changed["domains"], changed["secret"]) == (named["watched"], ["discussion"], None)


@pytest.mark.parametrize("address", ["/api/collections", "/api/settings/webhooks", "/api/users/ada/following"])
def test_more_rows_need_no_more_queries(client, ada, address, django_assert_max_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    by, who = make.as_principal(ada), bearer(ada)

    def add():
        other = make.person()
        social.follow(other.namespace, by=by)
        made = collections.create(ada.namespace, other.username, by=by)
        collections.add(made, make.repository(other), by=by)
        collections.add(made, make.bucket(other), by=by)
        webhooks.create(by=by, url=HOOK["url"], watched=[("user", other.username)], domains=["repo"])

    def count():
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address, headers=who).status_code == 200
        return len(queries)

    add()
    client.get(address, headers=who)
    one = count()
    add()
    add()
    assert count() == one


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (["repo.content.read"], [403, 403]),
        (["collection.write"], [200, 403]),
        (["webhook.write"], [403, 403]),
        (["webhook.write", "repo.content.read"], [403, 200]),
    ],
)
def test_tokens_of_chosen_permissions(client, ada, held, expected):
    """A webhook tells what its owner may read: to make one takes the right to read it."""
    token = fine_token(ada, *[Permission(name) for name in held])
    who = {"Authorization": f"Bearer {token}"}
    made = send(client, "POST", "/api/collections", {"title": "New", "namespace": "ada"}, who)
    assert [made.status_code, send(client, "POST", "/api/settings/webhooks", HOOK, who).status_code] == expected
