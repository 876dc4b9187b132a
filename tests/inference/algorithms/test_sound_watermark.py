"""The mark of a sound is found where it was put, after what happens to sounds, by nobody without the key."""

import io

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from compute.recipes.dance_diffusion.tones import KINDS, make_sound
from inference.algorithms import hearing, sound_watermark, wav

KEY, MARK = b"k" * 32, 0xC0FFEE01
RATE = 16_000


def sound(*, kind="chord", rate=RATE, seconds=2.0, channels=1, seed=0):
    random = np.random.default_rng(seed)
    both = [make_sound(random, kind, rate=rate, seconds=seconds) for _channel in range(channels)]
    return wav.sampled(np.stack(both), rate)


def array(samples):
    return np.frombuffer(samples.data, "<i2").reshape(-1, samples.channels).T / wav.LARGEST


def found(heard, rate=RATE, key=KEY):
    one = sound_watermark.find(np.atleast_2d(heard), rate, key=key)
    return None if one is None else one.mark


def passed_through(heard, rate, kind, subtype, **facts):
    file = io.BytesIO()
    soundfile.write(file, heard.T, rate, format=kind, subtype=subtype, **facts)
    file.seek(0)
    return soundfile.read(file, always_2d=True)[0].T


@pytest.fixture(scope="module")
def marked():
    return sound_watermark.embed(sound(channels=2), MARK, key=KEY)


def test_the_mark_is_found_and_lies_beneath_the_sound(marked):
    plain = sound(channels=2)
    assert found(array(marked)) == MARK
    assert sound_watermark.snr(array(plain), array(marked)) >= 18
    assert marked == sound_watermark.embed(plain, MARK, key=KEY), "equal sounds stay equal"
    assert (marked.rate, marked.channels, len(marked.data)) == (plain.rate, plain.channels, len(plain.data))


CONSTANT = {"bitrate_mode": "CONSTANT"}


@pytest.mark.parametrize(
    ("kind", "subtype", "facts"),
    [
        # From 160 to 8 kbit/s: 128 and 64.
        ("MP3", "MPEG_LAYER_III", CONSTANT | {"compression_level": 0.21}),
        ("MP3", "MPEG_LAYER_III", CONSTANT | {"compression_level": 0.63}),
        ("OGG", "VORBIS", {"compression_level": 0.2}),
        ("OGG", "OPUS", {"compression_level": 0.5}),
        ("FLAC", "PCM_16", {}),
    ],
)
def test_it_survives_compression(marked, kind, subtype, facts):
    assert found(passed_through(array(marked), RATE, kind, subtype, **facts)) == MARK


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 48_000])
def test_it_survives_another_rate(marked, rate):
    assert found([hearing.resampled(channel, RATE, rate) for channel in array(marked)], rate) == MARK


@pytest.mark.parametrize("begin", [1, 777, 4_000])
@pytest.mark.parametrize("end", [0, 8_000])
def test_it_survives_cuts_and_tells_where_it_begins(marked, begin, end):
    cut = array(marked)[:, begin : array(marked).shape[1] - end]
    one = sound_watermark.find(cut, RATE, key=KEY)
    assert one.mark == MARK
    period = sound_watermark.TILE / RATE
    assert abs((one.place * RATE - begin) % sound_watermark.TILE) in {0, sound_watermark.TILE}
    assert 0 <= one.place < period


def test_it_survives_less_volume_and_fewer_channels(marked):
    heard = array(marked)
    for changed in (heard.mean(axis=0), heard[0], heard[1], np.rint(heard * 3276) / wav.LARGEST, -heard):
        assert found(changed) == MARK
    opposite = np.stack([heard[0], -heard[0]])
    assert found(opposite) == MARK, "in their sum there is nothing"


def test_without_the_key_and_without_a_mark_nothing_is_found(marked):
    assert found(array(marked), key=b"x" * 32) is None
    assert found(array(sound(channels=2))) is None
    assert found(np.zeros((1, RATE))) is None
    assert found(np.full((2, RATE), 0.5)) is None


@pytest.mark.parametrize(
    "plain",
    [
        wav.Samples(bytes(2 * RATE), RATE, 1),  # silence
        sound(seconds=0.49),
        wav.Samples(b"\1\0\0\0" * RATE, RATE, 1),  # hardly more than silence
        wav.Samples(bytes(2 * 3000), 3000, 1),
        wav.Samples(b"", RATE, 1),
    ],
)
def test_what_is_too_short_or_too_quiet_carries_none(plain):
    assert sound_watermark.embed(plain, MARK, key=KEY) is None


def test_silence_stays_silent():
    heard = array(sound(kind="percussion")).copy()
    heard[:, :12_000] = 0
    plain = wav.sampled(heard, RATE)
    marked = sound_watermark.embed(plain, MARK, key=KEY)
    assert found(array(marked)) == MARK
    assert not array(marked)[:, :12_000].any()


@settings(max_examples=8, deadline=None)
@given(
    mark=st.integers(0, 2**32 - 1),
    seed=st.integers(0, 1000),
    kind=st.sampled_from(KINDS),
    form=st.sampled_from([(4_000, 2.0), (8_000, 1.5), (16_000, 1.0), (44_100, 1.0)]),
)
def test_whatever_is_marked_is_read_again(mark, seed, kind, form):
    rate, seconds = form
    marked = sound_watermark.embed(sound(kind=kind, rate=rate, seconds=seconds, seed=seed), mark, key=KEY)
    assert marked is None or found(array(marked), rate) == mark


@given(length=st.integers(1, 3000), rates=st.permutations([4_000, 8_000, 11_025, 16_000, 44_100]))
@settings(max_examples=20, deadline=None)
def test_another_rate_and_back_is_the_same(length, rates):
    low, high = sorted(rates[:2])
    tone = np.sin(np.arange(length) * 0.7)
    there = hearing.resampled(tone, low, high)
    assert len(there) == -(-length * high // low)
    # A tone that begins at once rings there, whatever the rate.
    differences = np.abs(hearing.resampled(there, high, low)[:length] - tone)
    assert differences[: length - 50].max(initial=0) < 0.1
    assert differences[10 : length - 50].max(initial=0) < 0.02


@given(length=st.integers(1, 5000))
@settings(max_examples=20, deadline=None)
def test_frames_are_joined_to_what_they_were_made_of(length):
    noise = np.random.default_rng(length).normal(size=length)
    assert np.abs(hearing.joined(hearing.frames(noise), length) - noise).max() < 1e-9
