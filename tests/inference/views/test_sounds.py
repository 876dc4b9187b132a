"""Sounds in the Studio, on their pages, in history, gallery and albums."""

import pytest

from inference.models import Generation
from inference.services import albums, generations
from tests.factories.accounts import UserFactory
from tests.factories.hub import as_principal
from tests.factories.inference import finish, generation, model, sound_model

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    user = UserFactory(username="ada")
    client.force_login(user)
    return user


@pytest.fixture
def bells(ada):
    return sound_model(ada, name="bells")


@pytest.fixture
def sound(ada, bells):
    return finish(generation(ada, bells, prompt="", label="a bell", seed=5, seconds=0.3)).pictures.get()


def body_of(person, repository, **changes):
    asked = {"model": repository.full_name, "task": "sound", "count": 1, "billed": person.namespace.pk}
    return asked | changes


def test_the_form_asks_for_a_sound_and_forgets_what_it_held_of_pictures(client, ada, bells):
    stale = {"prompt": "a red circle", "width": 16, "guidance": 3, "strength": 0.5}
    answer = client.post("/studio", body_of(ada, bells, seconds=0.3, label="a bell", steps=5, count=2, **stale))
    made = Generation.objects.get()
    assert answer["Location"] == f"/generations/{made.pk}"
    assert (made.task, made.label, made.prompt, made.seconds, made.steps, made.count) == (
        "sound",
        "a bell",
        "",
        0.3,
        5,
        2,
    )


def test_the_form_shows_what_a_model_of_sounds_takes(client, ada, bells):
    model(ada, name="shapes")
    part = client.post("/studio/model", body_of(ada, bells)).content.decode()
    assert 'value="sound" checked' in part
    assert 'draw from words <span class="muted small">– with ada/shapes' in part
    assert "From 0.006 to 2.048." in part
    cost = client.post("/studio/cost", body_of(ada, bells, seconds=0.3, label="a bell")).content.decode()
    assert "0.3 s" in cost
    assert "text_to_speech(&#x27;a bell&#x27;" in cost
    assert "guidance" not in cost


def test_pictures_still_need_a_prompt(client, ada):
    answer = client.post("/studio", body_of(ada, model(ada), task="text_to_image"))
    assert "Say what to draw." in answer.content.decode()
    assert not Generation.objects.exists()


def test_a_refusal_stands_beside_its_field(client, ada, bells):
    page = client.post("/studio", body_of(ada, bells, seconds=99)).content.decode()
    assert "seconds must lie between 0.006 and 2.048." in page


def test_the_page_plays_it_and_says_that_the_label_had_no_influence(client, ada, sound):
    page = client.get(f"/generations/{sound.generation_id}").content.decode()
    assert f'<audio controls preload="none" src="/generations/{sound.generation_id}/0.wav"' in page
    assert f'src="/generations/{sound.generation_id}/0.png"' in page
    assert "had no influence on it" in page
    assert "4000 Hz" in page
    assert "text_to_speech" in page
    assert "watermark" in page
    assert not {"Guidance", "Use as input", "/studio/comparisons?from"} & set(page.split(">"))
    again = client.get(f"/studio?from={sound.generation_id}&picture=0").content.decode()
    assert 'value="a bell"' in again
    assert 'value="0.3"' in again


def test_a_sound_without_a_label_has_a_name(client, ada, bells):
    made = finish(generation(ada, bells, prompt="", seed=5))
    assert "<h1>Sound 5</h1>" in client.get(f"/generations/{made.pk}").content.decode()


def test_the_file_comes_whole_or_in_parts(client, ada, sound):
    url = sound.get_absolute_url()
    whole = client.get(url, headers={"accept": "audio/*"})
    content = b"".join(whole.streaming_content)
    assert (whole.status_code, whole["Accept-Ranges"], len(content)) == (200, "bytes", sound.size)
    part = client.get(url, headers={"range": "bytes=4-11"})
    assert (part.status_code, part.content) == (206, content[4:12])
    assert part["Content-Range"] == f"bytes 4-11/{sound.size}"
    assert client.get(url, headers={"range": f"bytes={sound.size}-"}).status_code == 416
    kept = client.get(f"{url}?download")
    assert kept["Content-Disposition"].endswith('-0.wav"')
    kept.close()


def test_a_picture_has_no_sound(client, ada):
    picture = finish(generation(ada, model(ada))).pictures.get()
    assert client.get(f"/generations/{picture.generation_id}/0.wav").status_code == 404


def test_who_may_hear_it(client, ada, sound):
    for user in (None, UserFactory()):
        client.logout() if user is None else client.force_login(user)
        for suffix in ("wav", "png"):
            assert client.get(f"/generations/{sound.generation_id}/0.{suffix}").status_code == 404
    generations.set_public(sound, public=True, by=as_principal(ada))
    heard = client.get(sound.get_absolute_url())
    assert (heard.status_code, heard["Cache-Control"]) == (200, "public, max-age=300")
    heard.close()


def test_history_gallery_and_albums_show_and_find_it(client, ada, sound):
    assert "a bell" in client.get("/studio/history?text=bell").content.decode()
    generations.set_public(sound, public=True, by=as_principal(ada))
    album = albums.create(title="Bells", by=as_principal(ada))
    albums.add(album, sound, by=as_principal(ada))
    for url in ("/gallery?text=bell", album.get_absolute_url()):
        page = client.get(url).content.decode()
        assert sound.image_url in page
        assert f'src="{sound.get_absolute_url()}"' in page
    assert "No picture fits" in client.get("/gallery?text=gong").content.decode()
    assert sound.image_url in client.get("/studio/albums").content.decode()


def test_the_models_page_says_how_to_ask(client, ada, bells):
    page = client.get("/ada/bells").content.decode()
    assert "text_to_speech" in page
    assert "/studio?model=ada/bells" in page


def test_it_can_be_reported(client, ada, sound):
    generations.set_public(sound, public=True, by=as_principal(ada))
    client.force_login(UserFactory())
    answer = client.get(f"/report?about={sound.get_absolute_url()}")
    assert answer.status_code == 200
    assert sound.get_absolute_url() in answer.content.decode()
