"""From the request to the file, with a real engine in this process."""

import io
import wave

import numpy as np
import pytest
import soundfile

from accounts.principal import ANONYMOUS, Principal
from common.errors import Invalid
from inference.algorithms import hearing, sound_watermark, wav
from inference.content import manifests
from inference.engine.engine import Engine
from inference.enums import GenerationState
from inference.errors import Unprocessable
from inference.services import inputs, marking, provenance, running, sealing_keys, serving, verifying
from inference.services.repeating import draw_again
from revenue.selectors import credit_balance
from tests.factories.accounts import UserFactory
from tests.factories.inference import EURO, buy_credits, drawn, generation, upload_pipeline
from tests.inference.engine.conftest import Folders
from tests.inference.engine.test_sounds import ask, made_alone
from tests.inference.pipelines import save_sound_pipeline

pytestmark = pytest.mark.django_db
KEY = b"k" * 32


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_sound_pipeline(tmp_path_factory.mktemp("sounds") / "model")


@pytest.fixture(autouse=True)
def one_key(settings, tmp_path):
    """Whether a mark outlives a lossy form hangs a little on the key: of sounds this short one in ten is lost."""
    settings.KEYS_ROOT = tmp_path / "keys"
    settings.KEYS_ROOT.mkdir()
    (settings.KEYS_ROOT / sealing_keys.WATERMARK).write_bytes(KEY)


@pytest.fixture
def ada():
    return UserFactory(username="ada")


@pytest.fixture
def bells(ada, folder, monkeypatch):
    repository = upload_pipeline(ada, folder)
    with Engine(Folders(**{repository.full_name: folder})) as engine:
        monkeypatch.setattr(serving, "_engine", engine)
        yield repository


def made(person, repository, **wanted):
    asked = {"prompt": "", "label": "a bell", "steps": 4, "seed": 9, "seconds": 0.2} | wanted
    queued = generation(person, repository, **asked)
    serving.serve(queued.pk)
    queued.refresh_from_db()
    return queued


def test_the_file_is_the_sound_of_the_stock_pipeline(ada, bells, folder):
    ended = made(ada, bells, count=2)
    assert ended.state == GenerationState.SUCCEEDED
    assert ended.steps_done == 8
    for position, sound in enumerate(ended.pictures.all()):
        with wave.open(str(sound.path)) as read:
            assert (read.getnchannels(), read.getframerate(), read.getnframes()) == (2, 4000, 800)
            heard = np.frombuffer(read.readframes(800), "<i2").reshape(-1, 2).T / 32767
        expected = made_alone(folder, ask(steps=4, seed=9 + position, seconds=0.2))
        assert np.abs(heard - expected).max() <= 1e-4 + 0.5 / 32767
        assert sound.seconds == 0.2
        assert sound.image_path.read_bytes().startswith(b"\x89PNG")
        assert sound.parameters["seconds"] == 0.2
        assert "label" not in sound.parameters


def test_it_carries_parameters_a_statement_and_credentials_that_the_library_trusts(ada, bells):
    sound = made(ada, bells).pictures.get()
    content = sound.path.read_bytes()
    claims = provenance.verified(content)
    assert (claims["seed"], claims["model"]) == (9, bells.full_name)
    found = manifests.read(content, manifests.WAV, anchors=sealing_keys.anchors())
    assert (found.state, found.title) == ("Trusted", f"{sound.generation_id}.wav")
    assert found.actions[0]["softwareAgent"]["version"] == bells.head
    assert (sound.credentials_failure, sound.mark) == ("", None), "too short for a watermark"
    louder = content.replace(wav.read(content)[0].data, wav.read(content)[0].data[::-1])
    assert manifests.read(louder, manifests.WAV, anchors=sealing_keys.anchors()).state == "Invalid"
    with pytest.raises(provenance.ProvenanceInvalid):
        provenance.verified(louder)


def test_whether_a_sound_was_made_here_is_told(ada, bells):
    content = made(ada, bells).pictures.get().path.read_bytes()
    found = verifying.examine(content, by=Principal(user=ada))
    assert (found.statement, found.credentials, found.watermark, found.is_same_file) == (
        "valid",
        "trusted",
        "none",
        True,
    )
    samples, parameters, statement = wav.decode(content)
    packed_anew = wav.encode(samples, parameters=parameters, label="another", statement=statement)
    found = verifying.examine(packed_anew, by=Principal(user=ada))
    assert (found.statement, found.credentials, found.is_same_file, found.is_ours) == ("valid", "none", False, True)
    foreign = io.BytesIO()
    with wave.open(foreign, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(100))
    found = verifying.examine(foreign.getvalue(), by=Principal())
    assert (found.statement, found.credentials, found.is_ours) == ("none", "none", False)


def packed(samples, kind, subtype, **facts):
    file = io.BytesIO()
    heard = np.frombuffer(samples.data, "<i2").reshape(-1, samples.channels)
    # Neither MP3 nor Opus holds 4 kHz.
    heard = np.stack([hearing.resampled(channel / wav.LARGEST, samples.rate, 8_000) for channel in heard.T], axis=1)
    soundfile.write(file, np.clip(heard, -1, 1), 8_000, format=kind, subtype=subtype, **facts)
    return file.getvalue()


def test_a_long_enough_one_is_known_after_it_lost_everything_but_what_is_heard(ada, bells, folder, client):
    sound = made(ada, bells, seconds=2.0).pictures.get()
    content = sound.path.read_bytes()
    samples, parameters, _statement = wav.decode(content)
    assert sound.mark == marking.mark_of(sound.drawn_sha256)
    assert (sound.parameters["watermark"], parameters["watermark"]) == (1, 1)
    # The row has the digest of what was drawn, the statement that of the file.
    drawn = wav.sampled(made_alone(folder, ask(steps=4, seed=9, seconds=2.0)), 4000)
    both = [np.frombuffer(one.data, "<i2") for one in (drawn, samples)]
    assert sound_watermark.snr(*both) >= sound_watermark.LEAST_SNR
    assert provenance.verified(content)["samples_sha256"] == samples.digest != sound.drawn_sha256
    found = verifying.examine(content, by=Principal(user=ada))
    assert (found.statement, found.credentials, found.watermark) == ("valid", "trusted", "known")
    assert found.is_same_file
    constant = {"bitrate_mode": "CONSTANT", "compression_level": 0.0}
    forms = (("MP3", "MPEG_LAYER_III", constant), ("OGG", "OPUS", {}), ("OGG", "VORBIS", {}), ("FLAC", "PCM_24", {}))
    for kind, subtype, facts in forms:
        found = verifying.examine(packed(samples, kind, subtype, **facts), by=ANONYMOUS)
        assert (found.is_ours, found.is_altered, found.watermark) == (True, True, "known"), (kind, subtype)
        assert (found.statement, found.credentials, found.pictures) == ("none", "none", [])
    mp3 = packed(samples, "MP3", "MPEG_LAYER_III", **constant)
    answer = client.post("/api/verify-picture", mp3, content_type="audio/mpeg").json()
    assert (answer["made_here"], answer["altered"], answer["pictures"]) == (True, True, [])
    assert b"found, of one that was made here" in client.post("/studio/verify", {"picture": io.BytesIO(mp3)}).content
    client.force_login(ada)
    answer = client.post("/api/verify-picture", mp3, content_type="audio/mpeg").json()
    assert [one["generation"] for one in answer["pictures"]] == [sound.generation_id]
    assert "an inaudible watermark" in client.get(sound.generation.get_absolute_url()).content.decode()


def test_made_again_the_marked_ones_are_equal_too_and_none_is_marked_where_that_is_off(ada, bells, settings):
    first = made(ada, bells, seconds=0.6)
    again = draw_again(first, by=Principal(user=ada))
    serving.serve(again.pk)
    sound, before = again.pictures.get(), first.pictures.get()
    assert sound.reproduces is True
    assert sound.mark == before.mark
    assert wav.read(sound.path.read_bytes())[0] == wav.read(before.path.read_bytes())[0]
    settings.WATERMARK = False
    plain = draw_again(first, by=Principal(user=ada))
    serving.serve(plain.pk)
    unmarked = plain.pictures.get()
    assert (unmarked.reproduces, unmarked.mark) == (True, None)
    assert wav.read(unmarked.path.read_bytes())[0].digest == unmarked.drawn_sha256


@pytest.mark.parametrize(
    "content",
    [
        b"ID3" + bytes(200),
        b"\xff\xfb" + bytes(range(256)),
        b"fLaC" + bytes(100),
        b"OggS" + bytes(100),
        b"RIFF\0\0\0\0WAVEfmt \xff\xff\xff\x7f" + bytes(30),
    ],
)
def test_damaged_sounds_are_refused(content):
    with pytest.raises(Invalid, match="no picture or sound"):
        verifying.examine(content, by=ANONYMOUS)


def test_of_a_long_sound_the_beginning_is_looked_at():
    file = io.BytesIO()
    soundfile.write(file, np.zeros(8_000 * 60 * 20), 8_000, format="FLAC")
    found = verifying.examine(file.getvalue(), by=ANONYMOUS)
    assert (found.is_ours, found.watermark) == (False, "none")
    file = io.BytesIO()
    soundfile.write(file, np.zeros((1000, 6)), 384_000, format="WAV", subtype="FLOAT")
    assert verifying.examine(file.getvalue(), by=ANONYMOUS).watermark == "none"


def test_made_again_it_is_the_same_bit_for_bit(ada, bells):
    first = made(ada, bells)
    again = draw_again(first, by=Principal(user=ada))
    serving.serve(again.pk)
    sound, before = again.pictures.get(), first.pictures.get()
    assert sound.reproduces is True
    assert wav.read(sound.path.read_bytes())[0] == wav.read(before.path.read_bytes())[0]


def test_it_is_billed_once_when_it_is_ready(ada, bells, settings):
    settings.FREE_PICTURES_PER_DAY = 0
    buy_credits(ada.namespace)
    before = credit_balance(ada.namespace, "eur")
    ended = made(ada, bells, steps=100)
    assert ended.price == 1000 + 40
    assert before - credit_balance(ada.namespace, "eur") == ended.price
    assert before == EURO


def test_steps_left_out_are_told(ada, bells):
    sound = made(ada, bells, steps=8, step_reuse="strong").pictures.get()
    assert 0 < sound.parameters["calls_saved"] < sound.parameters["calls"] == 8


def test_no_file_stays_when_it_came_too_late(ada, bells, settings):
    queued = generation(ada, bells, prompt="", label="x")
    claimed = running.claim(queued.pk)
    heard = drawn(claimed)
    claimed.attempt += 1
    assert running.succeed(claimed, [heard], timings={}) is None
    assert not [path for path in settings.PICTURES_ROOT.rglob("*") if path.is_file()]


def test_a_sound_is_no_image_to_draw_from(ada, bells):
    with pytest.raises(Unprocessable, match="no image"):
        inputs.keep_picture(made(ada, bells).pictures.get(), by=Principal(user=ada))
