"""Pictures in comments: brought, named, seen, and gone with the comment."""

import io
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image

from accounts.enums import Permission, TokenScope
from accounts.services import tokens
from hub.models import Attachment, LargeObject, StorageLimit
from hub.selectors.storage import usage_of
from hub.services import attachments, discussions, holdings, repositories
from tests.factories import hub as make
from tests.factories.accounts import StaffFactory
from tests.hub.api.test_resolve import body

pytestmark = pytest.mark.django_db
by = make.as_principal


def drawn(kind="PNG", size=(40, 30), frames=1, **facts):
    pictures = [Image.new("RGB", size, (number * 9 % 255, 90, 10)) for number in range(frames)]
    file = io.BytesIO()
    more = {"save_all": True, "append_images": pictures[1:], "duration": 80} if frames > 1 else {}
    pictures[0].save(file, kind, **more, **facts)
    return file.getvalue()


def with_place():
    """A photograph that says where it was taken, and is to be turned."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "a camera of mine"
    exif.get_ifd(0x8825)[1] = "N"
    return drawn("JPEG", exif=exif)


def send(client, data, kind="image/png", user=None, scope=TokenScope.WRITE):
    headers = {"Authorization": f"Bearer {tokens.issue_token(user, name='t', scope=scope)}"} if user else {}
    return client.post("/uploads", data, content_type=kind, headers=headers)


def seen(client, picture):
    answer = client.get(picture.get_absolute_url())
    if answer.streaming:
        body(answer)
    return answer.status_code


@pytest.fixture
def ada():
    return make.person("ada")


@pytest.fixture
def bob():
    return make.person("bob")


@pytest.mark.parametrize(
    ("data", "kind", "frames"),
    [
        (drawn("PNG"), "PNG", 1),
        (with_place(), "JPEG", 1),
        (drawn("WEBP"), "WEBP", 1),
        (drawn("GIF"), "PNG", 1),
        (drawn("GIF", frames=3), "GIF", 3),
        (drawn("WEBP", frames=3), "WEBP", 3),
    ],
)
def test_pictures_are_drawn_anew_and_lose_what_came_along(client, bob, data, kind, frames):
    answer = send(client, data + b"<script>", user=bob)
    assert answer.status_code == 201, answer.content
    assert answer["Content-Type"].startswith("text/plain")
    client.force_login(bob)
    shown = client.get(answer.content.decode().removeprefix("http://testserver"))
    found = body(shown)
    with Image.open(io.BytesIO(found)) as image:
        assert (image.format, getattr(image, "n_frames", 1)) == (kind, frames)
        assert image.size == ((30, 40) if kind == "JPEG" else (40, 30))
        assert not image.getexif()
    assert b"camera" not in found
    assert b"<script>" not in found
    assert shown["Content-Type"] == f"image/{kind.lower()}"
    assert shown["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in shown["Content-Security-Policy"]
    assert shown["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", 400),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/png", 400),
        (b"<!doctype html><script>alert(1)</script>", "text/html", 400),
        (b"GIF89a<script>alert(1)</script>", "image/gif", 400),
        (b"", "image/png", 400),
        (drawn("PNG")[:60], "image/png", 400),
        (drawn("BMP"), "image/png", 400),
        (drawn("PNG", size=(9000, 9000)), "image/png", 400),
        (b"0" * (attachments.MAX_BYTES + 1), "image/png", 400),
        (b"\x00" * 100, "video/mp4", 400),
    ],
)
def test_what_is_no_picture_is_refused(client, bob, data, kind, status):
    assert send(client, data, kind, user=bob).status_code == status
    assert not Attachment.objects.exists()


@pytest.mark.parametrize(
    ("scope", "status"), [(None, 401), (TokenScope.READ, 403), (TokenScope.WRITE, 201), ("session", 201), ("fine", 201)]
)
def test_who_may_bring_pictures(client, bob, scope, status):
    if scope == "session":
        client.force_login(bob)
        answer = send(client, drawn())
    elif scope == "fine":
        reach = tokens.Reach([Permission.DISCUSSION_WRITE])
        token = tokens.issue_token(bob, name="t", scope=TokenScope.FINE, reach=reach)
        answer = client.post(
            "/uploads", drawn(), content_type="image/png", headers={"Authorization": f"Bearer {token}"}
        )
    else:
        answer = send(client, drawn(), user=bob if scope else None, scope=scope)
    assert answer.status_code == status


SEES = {
    "anonymous": {"public": 200, "private": 404, "unused": 404},
    "stranger": {"public": 200, "private": 404, "unused": 404},
    "bob": {"public": 200, "private": 404, "unused": 200},
    "ada": {"public": 200, "private": 200, "unused": 404},
    "staff": {"public": 200, "private": 200, "unused": 404},
}


@pytest.mark.parametrize("where", ["public", "private", "unused"])
@pytest.mark.parametrize("who", SEES)
def test_who_sees_the_comment_sees_the_picture(client, ada, bob, who, where):
    repository = make.repository(ada, "m")
    picture = attachments.upload(drawn(), by=by(bob))
    if where != "unused":
        discussions.open_discussion(repository, title="Look", text=f"![it]({picture.get_absolute_url()})", by=by(bob))
    if where == "private":
        type(repository).objects.update(visibility="private")
    people = {"stranger": make.person, "bob": lambda: bob, "ada": lambda: ada, "staff": StaffFactory}
    if who in people:
        client.force_login(people[who]())
    assert seen(client, picture) == SEES[who][where]


def test_naming_a_picture_of_somebody_else_opens_it_to_nobody(client, ada, bob):
    picture = attachments.upload(drawn(), by=by(bob))
    repository = make.repository(ada, "m")
    discussions.open_discussion(repository, title="Look", text=picture.get_absolute_url(), by=by(ada))
    client.force_login(ada)
    assert seen(client, picture) == 404


def test_it_goes_with_its_comment_and_counts_no_more(client, ada, bob):
    repository = make.repository(ada, "m")
    picture = attachments.upload(drawn(), by=by(bob))
    talk = discussions.open_discussion(repository, title="Look", text="Here:", by=by(bob))
    said = discussions.comment(talk, "Wait.", by=by(bob))
    discussions.edit_comment(said, f"![it](http://testserver{picture.get_absolute_url()})", by=by(bob))
    found = LargeObject.objects.get(pk=picture.object_id)
    assert usage_of(bob.namespace.pk).private_bytes == found.size
    assert not LargeObject.objects.filter(holdings.unheld()).exists()
    assert seen(client, picture) == 200

    discussions.hide_comment(said, by=by(ada))

    assert seen(client, picture) == 404
    assert usage_of(bob.namespace.pk).private_bytes == 0
    found.refresh_from_db()
    assert found.idle_since is not None


def test_it_goes_with_its_repository_and_when_no_comment_names_it(ada, bob):
    repository = make.repository(ada, "m")
    named, unused, fresh = (attachments.upload(drawn(size=(9, side)), by=by(bob)) for side in (1, 2, 3))
    discussions.open_discussion(repository, title="Look", text=named.get_absolute_url(), by=by(bob))
    Attachment.objects.exclude(pk=fresh.pk).update(uploaded_at=timezone.now() - timedelta(days=2))

    assert attachments.drop_unused() == 1
    assert set(Attachment.objects.all()) == {named, fresh}
    repositories.delete(repository, by=by(ada))
    assert list(Attachment.objects.all()) == [fresh]
    gone = {named.object_id, unused.object_id}
    assert set(LargeObject.objects.exclude(idle_since=None).values_list("pk", flat=True)) == gone


def test_a_full_name_brings_no_more(client, bob):
    StorageLimit.objects.create(namespace=bob.namespace, private_bytes=10)
    assert send(client, drawn(), user=bob).status_code == 413


def test_the_form_takes_a_picture_without_scripts(client, ada, bob):
    make.repository(ada, "m")
    client.force_login(bob)
    file = SimpleUploadedFile("two.cats [1].png", drawn(), content_type="image/png")
    opened = client.post("/ada/m/discussions/new", {"title": "Look", "text": "Here:", "picture": file})
    html = client.get(opened.url).content.decode()
    assert Attachment.objects.get().event.text.startswith("Here:\n\n![twocats 1](http://testserver/uploads/")
    assert f'src="http://testserver{Attachment.objects.get().get_absolute_url()}"' in html

    bad = SimpleUploadedFile("x.png", b"<svg/>", content_type="image/png")
    answer = client.post(f"{opened.url}/act", {"text": "And:", "picture": bad, "act": "comment"}, follow=True)
    assert "This is no picture" in answer.content.decode()
    assert answer.content.decode().count("<article") == 1
