import json

import pytest

from inference.algorithms.policy import default_policy, default_text
from inference.models import AgeStatement, SafetyPolicy
from inference.services import albums, safety
from tests.factories.accounts import StaffFactory, UserFactory, bearer
from tests.factories.hub import as_principal
from tests.factories.inference import finish, generation, model

pytestmark = pytest.mark.django_db


def new(version="v2"):
    return json.dumps(json.loads(default_text()) | {"version": version})


@pytest.fixture
def ada():
    return UserFactory(username="ada")


def test_everybody_can_read_the_policy(client, ada):
    for person in (None, ada, StaffFactory()):
        if person:
            client.force_login(person)
        page = client.get("/policy").content.decode()
        assert "Sexually explicit content" in page
        assert "lolicon" in page
        assert "No classifier looks" in page
        assert ("Put another one in force" in page) is bool(person and person.is_staff)
    client.logout()
    assert client.get("/api/policy").json()["version"] == default_policy().version
    assert client.get(f"/policy/versions/{default_policy().version}").status_code == 200
    assert client.get("/policy/versions/none").status_code == 404


def test_it_is_there_in_chinese(client):
    page = client.get("/policy", headers={"Accept-Language": "zh-hans"}).content.decode()
    assert "露骨的性内容" in page


def test_earlier_ones_stay_readable_with_what_changed_and_why(client):
    staff = StaffFactory(username="grace")
    client.force_login(staff)
    answer = client.post("/desk/policy", {"text": new().replace("lolicon", "lolikon"), "reason": "A slip"})
    assert (answer.status_code, answer["Location"]) == (302, "/policy")
    client.post("/desk/policy", {"text": new("v3"), "reason": "As it was"})
    client.logout()
    page = client.get("/policy").content.decode()
    assert "v3" in page
    assert "A slip" in page
    page = client.get("/policy/versions/v2").content.decode()
    assert "no longer in force" in page
    assert "lolikon" in page
    assert "grace" in page


def test_only_staff_reach_the_desk(client, ada):
    assert client.get("/desk/policy").status_code == 302
    client.force_login(ada)
    assert client.get("/desk/policy").status_code == 403
    assert client.post("/desk/policy", {"text": new(), "reason": "x"}).status_code == 403
    client.force_login(StaffFactory())
    assert client.get("/desk/policy").status_code == 200
    answer = client.post("/desk/policy", {"text": "{}", "reason": "x"})
    assert "lacks about" in answer.content.decode()
    assert not SafetyPolicy.objects.exists()
    taken = client.post("/desk/policy", {"text": new(default_policy().version), "reason": "x"})
    assert (taken.status_code, "in force already" in taken.content.decode()) == (409, True)


def test_one_says_ones_age_and_takes_it_back(client, ada):
    assert client.post("/policy/age", {"years": "18"}).status_code == 302
    assert not AgeStatement.objects.exists()
    client.force_login(ada)
    answer = client.post("/policy/age", {"years": "18", "next": "/gallery"})
    assert (answer["Location"], AgeStatement.objects.get().years) == ("/gallery", 18)
    assert "at least 18 years old" in client.get("/policy").content.decode()
    assert client.post("/policy/age", {"years": "0", "next": "https://elsewhere.example/"})["Location"] == "/policy"
    for wrong in ("17", "x", ""):
        client.post("/policy/age", {"years": wrong})
    assert AgeStatement.objects.get().years == 0


def status(client, url):
    answer = client.get(url)
    if answer.streaming:
        assert b"".join(answer.streaming_content)
    return answer.status_code


def test_pictures_for_older_people_are_shown_to_nobody_else(client, ada):
    safety.state_age(18, by=as_principal(ada))
    done = finish(generation(ada, prompt="nsfw"))
    done.pictures.update(is_public=True)
    page, file = f"/generations/{done.pk}", f"/generations/{done.pk}/0.png"
    bob = UserFactory()
    for person in (None, bob):
        if person:
            client.force_login(person)
        assert "nsfw" not in client.get("/gallery").content.decode()
        assert (status(client, page), status(client, file)) == (403, 403)
    safety.state_age(18, by=as_principal(bob))
    assert "nsfw" in client.get("/gallery").content.decode()
    assert (status(client, page), status(client, file)) == (200, 200)
    client.force_login(ada)
    safety.state_age(0, by=as_principal(ada))
    assert (status(client, page), status(client, file)) == (200, 200)


def test_pictures_for_older_people_are_no_images_to_draw_from_for_others(client, ada):
    safety.state_age(18, by=as_principal(ada))
    painter = model(ada, pipeline="StableDiffusionPipeline")
    (picture,) = finish(generation(ada, painter, prompt="nsfw")).pictures.all()
    bob = UserFactory()
    headers = bearer(bob)
    body = {"model": painter.full_name, "prompt": "x", "image": picture.pk}

    def asked():
        answer = client.post("/api/generations", json.dumps(body), content_type="application/json", **headers)
        return answer.status_code

    assert asked() == 422
    picture.is_public = True
    picture.save()
    assert asked() == 422
    safety.state_age(18, by=as_principal(bob))
    assert asked() == 202


def test_albums_of_pictures_for_older_people_are_listed_for_them_only(client, ada):
    safety.state_age(18, by=as_principal(ada))
    (picture,) = finish(generation(ada, prompt="nsfw")).pictures.all()
    picture.is_public = True
    picture.save()
    album = albums.create(title="Nude", is_public=True, by=as_principal(ada))
    albums.add(album, picture, by=as_principal(ada))
    assert client.get("/gallery/albums").context["albums"] == []
    client.force_login(ada)
    assert client.get("/gallery/albums").context["albums"] == [(album, picture)]


def test_a_refusal_leads_to_the_policy_and_the_way_on(client, ada):
    client.force_login(ada)
    refused = generation(ada, prompt="nsfw")
    page = client.get(f"/generations/{refused.pk}").content.decode()
    assert "Sexually explicit content" in page
    assert f"/policy?next=/generations/{refused.pk}" in page
    assert f"/policy/versions/{default_policy().version}" in page
