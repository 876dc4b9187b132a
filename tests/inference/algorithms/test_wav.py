import io
import wave

import numpy as np
import pytest
import soundfile

from inference.algorithms import wav

PARAMETERS = {"model": "ada/bells", "commit": "a" * 40, "seed": 5, "steps": 20, "seconds": 0.5, "sampler": "IPNDM"}


def samples(length=2001, rate=8000):
    times = np.arange(length) / rate
    return wav.sampled(np.stack([np.sin(times * 999), np.cos(times * 999) * 2]).astype(np.float32), rate)


def file(made, label="a bell"):
    return wav.encode(made, parameters=PARAMETERS, label=label, statement="a.b.c")


def test_common_readers_play_it_and_show_what_is_told():
    made = samples()
    content = file(made, label="钟 bell")
    with wave.open(io.BytesIO(content)) as read:
        assert (read.getnchannels(), read.getsampwidth(), read.getframerate(), read.getnframes()) == (2, 2, 8000, 2001)
        assert read.readframes(2001) == made.data
    with soundfile.SoundFile(io.BytesIO(content)) as read:
        assert (read.title, read.artist, read.software) == ("钟 bell", "ada/bells", "Wellspring")
        assert read.comment.startswith("Steps: 20, Sampler: IPNDM, Seed: 5, Seconds: 0.5, Model hash: aaaaaaaaaa")
        loudest = read.read().max(axis=0)
    assert loudest[1] == pytest.approx(1.0, abs=1e-4)


def test_what_is_written_is_read_again():
    made = samples()
    assert wav.decode(file(made)) == (made, PARAMETERS, "a.b.c")
    assert made.seconds == 2001 / 8000
    assert b"INAM" not in file(made, label="")


def test_the_digest_is_that_of_the_samples_and_their_form():
    assert samples().digest == samples().digest
    assert samples().digest != samples(rate=4000).digest
    assert samples().digest != samples(length=2000).digest


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFF",
        b"RIFF\0\0\0\0WAVE",
        b"RIFF\0\0\0\0WEBP" + bytes(40),
        b"RIFF\0\0\0\0WAVEfmt \xff\xff\xff\x7f" + bytes(30),
        file(samples())[:40],
        file(samples()).replace(b"wsPV", b"wsXX"),
    ],
)
def test_other_files_are_told_apart(content):
    with pytest.raises(wav.NotOurSound):
        wav.decode(content)


@pytest.mark.parametrize(("subtype", "kind"), [("PCM_24", "WAV"), ("FLOAT", "WAV")])
def test_other_forms_of_samples_are_not_ours(subtype, kind):
    other = io.BytesIO()
    soundfile.write(other, np.zeros(100), 8000, format=kind, subtype=subtype)
    with pytest.raises(wav.NotOurSound):
        wav.read(other.getvalue())
