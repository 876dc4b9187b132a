"""What leaves the engine is marked and signed, tells when it is not, and is known again."""

import hashlib
import io

import numpy as np
import pytest
from django.core.management import call_command
from PIL import Image

from accounts.principal import ANONYMOUS, Principal
from inference import checks
from inference.content import manifests
from inference.services import marking, running, sealing_keys, verifying
from inference.services.provenance import verified
from tests.factories.accounts import UserFactory
from tests.factories.inference import finish, generation

pytestmark = pytest.mark.django_db
PARAMETERS = {"model": "lab/shapes", "commit": "a" * 40, "prompt": "p", "negative_prompt": "", "seed": 1, "steps": 2}
PARAMETERS |= {"guidance": 1.0, "width": 128, "height": 128}


@pytest.fixture(autouse=True)
def _keys(settings, tmp_path):
    settings.KEYS_ROOT = tmp_path / "keys"


def picture() -> Image.Image:
    """Neither black nor white anywhere: of those that are, one in fourteen keys finds no room for its mark."""
    grey = Image.linear_gradient("L").resize((128, 128)).point(lambda value: 40 + value * 2 // 3)
    return Image.merge("RGB", [grey.rotate(turn) for turn in (0, 90, 180)])


@pytest.fixture
def made():
    """A generation whose one picture is 128 pixels wide."""
    return generation(UserFactory(), seed=5)


def kept(made) -> bytes:
    """The file of a picture that is large enough for a watermark, after the generation has ended."""
    claimed = running.claim(made.pk)
    sealed = marking.seal(picture(), PARAMETERS, generation=claimed)
    drawn = running.Drawn(
        sealed.content,
        hashlib.sha256(sealed.content).hexdigest(),
        128,
        128,
        sealed.parameters,
        drawn_sha256=sealed.drawn_sha256,
        mark=sealed.mark,
    )
    running.succeed(claimed, [drawn], timings={})
    return sealed.content


def test_one_file_carries_watermark_statement_and_credentials(made):
    sealed = marking.seal(picture(), PARAMETERS, generation=made)
    assert (sealed.credentials_failure, sealed.parameters["watermark"]) == ("", 1)
    assert verified(sealed.content)["sub"] == str(made)
    read = manifests.read(sealed.content, "image/png", anchors=sealing_keys.anchors())
    assert (read.state, read.title) == ("Trusted", f"{made.pk}.png")
    again = marking.seal(picture(), PARAMETERS, generation=generation(UserFactory()))
    assert (again.mark, again.drawn_sha256) == (sealed.mark, sealed.drawn_sha256)
    pixels = [np.asarray(Image.open(io.BytesIO(content))) for content in (sealed.content, again.content)]
    assert np.array_equal(*pixels), "equal drawings stay equal"


def test_what_cannot_be_signed_is_told_on_the_page_and_by_the_checks(made, settings, client):
    settings.C2PA_CERTIFICATES, settings.C2PA_KEY = "/nowhere/chain.pem", "/nowhere/key.pem"
    assert [found.id for found in checks.pictures_are_marked()] == ["wellspring.E010"]
    finish(made)
    client.force_login(made.owner)
    page = client.get(made.get_absolute_url()).content.decode()
    assert "no content credentials" in page
    assert "cannot be read" in page


def test_a_deployment_in_order_has_nothing_to_be_told():
    assert checks.pictures_are_marked() == []


def test_renewed_keys_leave_earlier_pictures_trusted(made, capsys):
    before = marking.seal(picture(), PARAMETERS, generation=made).content
    first = sealing_keys.signer()
    call_command("content_credentials", "--renew")
    call_command("content_credentials", "--new-root")
    assert sealing_keys.signer().chain != first.chain
    after = marking.seal(picture(), PARAMETERS, generation=made).content
    for content in (before, after):
        assert manifests.read(content, "image/png", anchors=sealing_keys.anchors()).state == "Trusted"
    assert capsys.readouterr().out.count("BEGIN CERTIFICATE") == 1 + 2


def test_a_picture_is_known_as_file_and_after_it_lost_everything_but_its_pixels(made):
    content = kept(made)
    owner = Principal(user=made.owner)
    found = verifying.examine(content, by=owner)
    assert (found.is_ours, found.is_altered, found.is_same_file) == (True, False, True)
    assert (found.watermark, found.statement, found.credentials) == ("known", "valid", "trusted")
    assert [picture.generation_id for picture in found.pictures] == [made.pk]
    file = io.BytesIO()
    Image.open(io.BytesIO(content)).resize((96, 96)).save(file, "JPEG", quality=85)
    found = verifying.examine(file.getvalue(), by=ANONYMOUS)
    assert (found.is_ours, found.is_altered, found.watermark) == (True, True, "known")
    assert (found.statement, found.credentials, found.pictures) == ("none", "none", [])
    assert found.made_at is not None


def test_the_door_for_programs_and_the_page_answer_everybody(made, client):
    content = kept(made)
    answer = client.post("/api/verify-picture", content, content_type="image/png").json()
    assert (answer["made_here"], answer["watermark"], answer["pictures"]) == (True, "known", [])
    assert answer["content_credentials"]["state"] == "trusted"
    page = client.post("/studio/verify", {"picture": io.BytesIO(content)}).content.decode()
    assert "is as it was made" in page
    plain = io.BytesIO()
    Image.new("RGB", (70, 70), "green").save(plain, "PNG")
    plain.seek(0)
    assert "Nothing shows" in client.post("/studio/verify", {"picture": plain}).content.decode()


def test_what_is_no_picture_is_refused(client):
    for content in (b"", b"GIF89a", b"\x89PNG\r\n\x1a\n" + b"x" * 100):
        assert client.post("/api/verify-picture", content, content_type="image/png").status_code == 400
    assert client.post("/studio/verify").status_code == 400
