"""The gallery, likes, remixes, and pictures that are reported."""

import io
import json
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone
from PIL import Image

from hub.models import Block, Notice, Report, Repository
from hub.services import reports
from inference.api import openai
from inference.models import Generation, PictureLike
from inference.services import running
from tests.factories.accounts import StaffFactory, UserFactory, bearer
from tests.factories.hub import as_principal
from tests.factories.inference import drawn, finish, generation, given, model, sound_model

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return UserFactory(username="ada")


@pytest.fixture
def picture(client, ada):
    """Shown to everybody."""
    done = finish(generation(ada, prompt="a red circle", seed=7))
    client.force_login(ada)
    client.post(f"/generations/{done.pk}/0/show", {"public": "1"})
    client.logout()
    return done.pictures.get()


def status(client, url, **headers):
    answer = client.get(url, **headers)
    if answer.streaming:
        assert b"".join(answer.streaming_content)  # to the end, so that the file is closed
    return answer.status_code


def test_a_remix_opens_the_filled_studio_and_credits_the_picture(client, picture):
    page = f"/generations/{picture.generation_id}"
    client.force_login(UserFactory())
    assert f'href="/studio?from={picture.generation_id}&amp;picture=0"' in client.get("/gallery").content.decode()
    studio = client.get(f"/studio?from={picture.generation_id}&picture=0").content.decode()
    assert "a red circle" in studio
    assert f'name="remix_of" value="{picture.pk}"' in studio
    assert "who is credited" in studio
    body = {"model": picture.generation.model_name, "prompt": "a green circle", "count": 1, "remix_of": picture.pk}
    body["billed"] = client.get("/studio").context["form"].fields["billed"].initial.pk
    made = client.post("/studio", body)["Location"]
    assert f'Remixed from <a href="{page}">a picture by ada</a>' in client.get(made).content.decode()
    picture.is_public = False
    picture.save()
    assert "a picture that is not shown any more" in client.get(made).content.decode()
    # What one may not see cannot be named as the source either.
    client.post("/studio", body)
    assert not hasattr(Generation.objects.order_by("created_at").last(), "remix")


def test_likes_are_counted_once_and_order_the_gallery(client, ada, picture):
    other = finish(generation(ada))
    other.pictures.update(is_public=True)
    like = f"/generations/{picture.generation_id}/0/like"
    assert client.post(like)["Location"].startswith("/login")
    client.force_login(UserFactory())
    for _again in range(2):
        client.post(like, {"likes": "yes"})
    assert PictureLike.objects.count() == 1
    liked = client.get("/gallery?order=liked").context["page"].object_list
    assert [(one.pk, one.like_count) for one in liked] == [(picture.pk, 1), (other.pictures.get().pk, 0)]
    assert [one.pk for one in client.get("/gallery?text=RED&order=new").context["page"]][-1] == picture.pk
    assert "No picture fits" in client.get("/gallery?text=zebra").content.decode()
    client.post(like, {"likes": "no"})
    assert PictureLike.objects.count() == 0
    hidden = finish(generation(ada))
    assert client.post(f"/generations/{hidden.pk}/0/like").status_code == 404


def test_a_report_that_is_upheld_hides_the_picture_until_it_is_restored(client, ada, picture):
    file, page = picture.get_absolute_url(), f"/generations/{picture.generation_id}"
    staff = StaffFactory()
    assert f"/report?about={file}" in client.get(page).content.decode()
    form = {"about": f"http://testserver{file}", "kind": "other", "statement": "It shows me", "in_good_faith": "on"}
    assert client.post("/report", form).status_code == 302
    report = Report.objects.get()
    assert (report.asset, report.contents) == (f"picture:{picture.generation_id}/0", [picture.sha256])
    client.force_login(staff)
    desk = f"/desk/reports/{report.pk}"
    client.post(f"{desk}/act", {"act": "take_up"})
    assert picture.sha256 in client.get(desk).content.decode()
    client.post(f"{desk}/act", {"act": "uphold", "rule": "1", "reason": "so", "contents": picture.sha256})
    client.logout()
    owner, stranger, staff_token = bearer(ada), bearer(UserFactory()), bearer(staff)
    assert [status(client, file, **who) for who in ({}, stranger, owner, staff_token)] == [451, 451, 451, 200]
    assert [status(client, page, **who) for who in ({}, stranger, owner)] == [404, 404, 200]
    assert file not in client.get("/gallery").content.decode()
    assert Notice.objects.get().namespace == ada.namespace
    client.force_login(ada)
    shown = client.get(page).content.decode()
    assert "1 picture is not given out any more" in shown
    assert client.get(f"/reports/{report.pk}").status_code == 200
    client.post(f"/reports/{report.pk}", {"statement": "It does not"})
    reports.restore(report, reason="right", by=as_principal(staff))
    assert status(client, file) == 200
    assert file in client.get("/gallery").content.decode()


def test_what_was_taken_away_is_not_fetched_again_with_the_key_either(client, ada, settings):
    settings.GENERATION_WAIT_SECONDS = 0
    url, staff = f"/inference/{model(ada).full_name}", StaffFactory()

    def ask():
        body = json.dumps({"inputs": "a red circle"})
        key = {"HTTP_IDEMPOTENCY_KEY": "k"}
        return client.post(url, body, content_type="application/json", **bearer(ada), **key).status_code

    assert ask() == 503
    made = finish(Generation.objects.get())
    assert ask() == 200
    picture = made.pictures.get()
    picture.is_public = True
    picture.save()
    about = f"http://testserver{picture.get_absolute_url()}"
    form = {"about": about, "kind": "other", "statement": "It shows me", "in_good_faith": "on"}
    client.post("/report", form)
    client.force_login(staff)
    desk = f"/desk/reports/{Report.objects.get().pk}/act"
    client.post(desk, {"act": "take_up"})
    client.post(desk, {"act": "uphold", "rule": "1", "reason": "so", "contents": picture.sha256})
    client.logout()
    assert ask() == 451


def test_what_was_taken_away_is_not_drawn_again_nor_seen_in_another_file_of_it(client, ada, picture):
    same = {"repository": Repository.objects.get(), "seed": 7}
    twin = finish(generation(ada, **same)).pictures.get()
    twin.is_public = True
    twin.save()
    assert (twin.drawn_sha256, twin.sha256 != picture.sha256) == (picture.drawn_sha256, True)
    waiting = generation(ada, **same)
    block = Block.objects.create(report=_report(picture), content=picture.sha256, is_everywhere=True)
    assert status(client, twin.get_absolute_url()) == 451
    assert twin.get_absolute_url() not in client.get("/gallery").content.decode()
    again = f"/api/generations/{picture.generation_id}/again"
    assert client.post(again, **bearer(ada)).status_code == 451
    claimed = running.claim(waiting.pk)
    assert running.succeed(claimed, [drawn(claimed)], timings={}) is None
    waiting.refresh_from_db()
    assert (waiting.state, waiting.failure, waiting.pictures.count()) == ("refused", "taken_away", 0)
    assert len(list(Path(settings.PICTURES_ROOT).rglob("*.png"))) == 2
    client.force_login(ada)
    refused = client.get(waiting.get_absolute_url()).content.decode()
    assert "taken away after a report" in refused
    assert f"/studio?from={waiting.pk}" in refused
    assert "Draw again" not in client.get(f"/generations/{picture.generation_id}").content.decode()
    block.lifted_at = timezone.now()
    block.save()
    assert status(client, twin.get_absolute_url()) == 200
    assert finish(generation(ada, **same)).state == "succeeded"


def test_what_was_taken_away_is_not_seen_while_it_grows_either(client, ada, picture):
    repository = Repository.objects.get()
    same, others = {"seed": 7}, ({"seed": 8}, {"seed": 7, "width": 32, "height": 32})
    Block.objects.create(report=_report(picture), content=picture.sha256, is_everywhere=True)
    client.force_login(ada)

    def preview(facts):
        """Whether the page, the file and the stream of a client show what it looks like so far."""
        made = generation(ada, repository, **facts)
        running.beat(running.claim(made.pk), steps_done=2)
        made.preview_path.parent.mkdir(parents=True, exist_ok=True)
        made.preview_path.write_bytes(b"png")
        file = f"/generations/{made.pk}/preview.png"
        page = client.get(f"/generations/{made.pk}").content.decode()
        return [file in page, status(client, file) == 200, openai._preview(made) == b"png"]

    assert preview(same) == [False] * 3
    assert [preview(other) for other in others] == [[True] * 3] * 2
    # The drawing that was taken away as the second of two begins in the noise of its own seed.
    Generation.objects.filter(pk=picture.generation_id).update(seed=5)
    picture.position = 3
    picture.save()
    assert [preview(same), preview({"seed": 5})] == [[True] * 3] * 2
    assert preview({"seed": 8}) == [False] * 3
    Block.objects.update(lifted_at=timezone.now())
    assert preview({"seed": 8}) == [True] * 3


def _report(picture):
    return Report.objects.create(key=picture.pk, kind="other", asset=str(picture), contents=[picture.sha256])


def test_staff_see_a_private_picture_only_once_it_is_reported(client, ada):
    done = finish(generation(ada))
    file = done.pictures.get().get_absolute_url()
    staff = bearer(StaffFactory())
    form = {"about": file, "kind": "other", "statement": "x", "in_good_faith": "on"}
    client.force_login(UserFactory())
    client.post("/report", form)
    assert not Report.objects.exists()
    client.logout()
    assert status(client, file, **staff) == 404
    client.force_login(ada)
    client.post("/report", form)
    client.logout()
    assert Report.objects.get().is_private
    assert status(client, file, **staff) == 200


def test_the_page_of_many_pictures_costs_the_same_as_of_one(client, ada, django_assert_num_queries):
    repository = model(ada)
    client.force_login(ada)
    for count in (1, 3):
        done = finish(generation(ada, repository, count=count))
        with django_assert_num_queries(10):
            client.get(f"/generations/{done.pk}")


def test_a_picture_whose_file_is_missing_says_so_everywhere(client, ada, picture, settings):
    settings.GENERATION_WAIT_SECONDS = 0
    name, owner = picture.generation.model_name, bearer(ada)
    hub_door, openai = f"/inference/{name}", "/v1/images/generations"
    asked = {hub_door: {"inputs": "x"}, openai: {"model": name, "prompt": "x", "response_format": "b64_json"}}

    def ask(url, **more):
        body = json.dumps(asked[url] | more)
        return client.post(url, body, content_type="application/json", HTTP_IDEMPOTENCY_KEY=url, **owner)

    for url in asked:
        assert ask(url).status_code == 503
        finish(Generation.objects.order_by("created_at").last()).pictures.get().path.unlink()
    picture.path.unlink()
    file = picture.get_absolute_url()
    for url in (file, f"{file}?format=webp", f"{file}?download"):
        answer = client.get(url)
        assert (answer.status_code, answer.json()["code"]) == (410, "file_gone")
    assert "The file of this picture is missing" in client.get(file, headers={"Accept": "text/html"}).content.decode()
    assert (ask(hub_door).status_code, ask(openai).status_code) == (410, 410)
    image = given(ada)
    image.path.unlink()
    assert client.get(image.get_absolute_url(), **owner).status_code == 410
    assert given(ada).path.exists()
    painter = model(ada, pipeline="StableDiffusionPipeline").full_name
    body = json.dumps({"model": painter, "prompt": "x", "image": picture.pk})
    assert client.post("/api/generations", body, content_type="application/json", **owner).status_code == 410
    client.force_login(ada)
    page = client.get(f"/generations/{picture.generation_id}").content.decode()
    assert ("The file is missing" in page, file + '"' in page, "Draw again" in page) == (True, False, True)
    assert client.get("/gallery").status_code == 200


def test_a_sound_whose_file_is_missing_says_so(client, ada):
    sound = finish(generation(ada, sound_model(ada), prompt="")).pictures.get()
    sound.path.unlink()
    sound.image_path.unlink()
    for headers in ({}, {"Range": "bytes=0-9"}):
        answer = client.get(sound.get_absolute_url(), headers=headers, **bearer(ada))
        assert (answer.status_code, answer.json()["code"]) == (410, "file_gone")
    assert client.get(sound.image_url, **bearer(ada)).status_code == 410


def test_copies_are_made_once_and_not_sent_again_to_who_has_them(client, picture):
    url = f"{picture.get_absolute_url()}?format=jpeg"
    first = client.get(url)
    content = b"".join(first.streaming_content)
    assert Image.open(io.BytesIO(content)).format == "JPEG"
    (copy,) = Path(settings.PICTURES_ROOT).glob("copies/*/*")
    made = copy.stat()
    assert b"".join(client.get(url).streaming_content) == content
    assert (copy.stat().st_mtime_ns, copy.stat().st_ino) == (made.st_mtime_ns, made.st_ino)
    for address, tag in ((url, first["ETag"]), (picture.get_absolute_url(), f'"{picture.sha256}"')):
        again = client.get(address, headers={"If-None-Match": tag})
        assert (again.status_code, again["ETag"], again["Cache-Control"]) == (304, tag, "public, max-age=300")
    other = client.get(f"{picture.get_absolute_url()}?format=webp", headers={"If-None-Match": first["ETag"]})
    assert other.status_code == 200
    assert b"".join(other.streaming_content)
    # Whoever may not see it any more is not told that it is unchanged.
    picture.is_public = False
    picture.save()
    assert client.get(url, headers={"If-None-Match": first["ETag"]}).status_code == 404
