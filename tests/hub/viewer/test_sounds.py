"""What the caged reader says of sounds, whole and broken."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hub.algorithms import spectrograms
from hub.viewer import asking, sounds
from hub.viewer.asking import Limits, Source
from tests.factories.sounds import sound

LIMITS = Limits(4 * 2**30, 60)


def listen(data, limits=LIMITS):
    source = Source(len(data), lambda start, length: data[start : start + length])
    return asking.ask({"do": "listen"}, [source], limits=limits)


@pytest.mark.parametrize(
    ("kind", "media_type"), [("WAV", "audio/wav"), ("FLAC", "audio/flac"), ("MP3", "audio/mpeg"), ("OGG", "audio/ogg")]
)
def test_the_kinds_that_browsers_play(kind, media_type):
    answer = listen(sound(seconds=1.0, rate=16_000, channels=2, kind=kind))
    found = answer.value
    assert (found["type"], found["rate"], found["channels"]) == (media_type, 16_000, 2)
    assert found["frames"] / found["rate"] == pytest.approx(1.0, abs=0.2)
    (picture,) = answer.parts
    with Image.open(io.BytesIO(picture)) as image:
        assert (image.format, image.size) == ("PNG", (sounds.WIDTH, sounds.HEIGHT))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        b"RIFF\x00\x00\x00\x00WAVE",
        b"fLaC" + b"\x00" * 99,
        b"ID3" + b"\xff" * 999,
        b"%PDF-1.4",
        b"FORM" * 9,
    ],
)
def test_what_is_no_sound_is_refused(data):
    with pytest.raises(asking.Refused):
        listen(data)


def test_a_head_that_promises_too_much_is_not_believed():
    data = bytearray(sound(seconds=0.5))
    data[40:44] = (2**31 - 2).to_bytes(4, "little")  # the length of the samples in a WAV file
    assert listen(bytes(data)).value["frames"] <= 2**31
    assert sounds.look_into(bytes(data)).seen == 4000


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(["WAV", "FLAC", "OGG", "MP3"]), at=st.integers(0, 400), junk=st.binary(min_size=1, max_size=20)
)
def test_damaged_files_are_drawn_or_refused(kind, at, junk):
    data = bytearray(sound(seconds=0.1, kind=kind))
    data[at : at + len(junk)] = junk
    try:
        found = sounds.look_into(bytes(data))
    except sounds.NoSound:
        return
    assert 0 < found.seen <= found.frames


def test_pitch_goes_up_and_loud_is_bright():
    def rows(pitch):
        tone = np.sin(2 * np.pi * pitch * np.arange(16_000) / 16_000).astype(np.float32)
        image = np.asarray(spectrograms.picture(tone, 16_000, width=40, height=128), np.float64)
        return image.sum(axis=(1, 2)).argmax()

    assert rows(300) > rows(1000) > rows(5000), "low pitches are at the bottom"
    silence = np.asarray(spectrograms.picture(np.zeros(16_000, np.float32), 16_000, width=40, height=20))
    assert silence.max() < 10
