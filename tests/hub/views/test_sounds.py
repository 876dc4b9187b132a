"""Sounds on the pages of files and in cards."""

import re

import pytest

from hub.algorithms.rendering import render
from hub.services import reports, repositories, sounds
from tests.factories import hub as make
from tests.factories.accounts import StaffFactory
from tests.factories.sounds import sound
from tests.hub.api.test_resolve import body

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return make.person("ada")


def page(client, address):
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_sound_has_a_player_and_a_picture(client, ada):
    made = make.repository(ada, "tunes", files={"one tone.wav": sound(seconds=0.5)})
    make.put_large(made, {"long.flac": sound(seconds=2.0, channels=2, kind="FLAC")}, by=make.as_principal(ada))
    made.refresh_from_db()

    html = page(client, "/ada/tunes/blob/main/one%20tone.wav")
    assert f'<audio controls preload="none" src="/ada/tunes/resolve/{made.head}/one%20tone.wav"' in html
    assert "Spectrogram of one tone.wav" in html
    assert "0.50 s" in html
    assert "8000 Hz" in html
    picture = client.get(re.search(r'<img src="([^"]+)" alt="Spectrogram', html)[1].replace("&amp;", "&"))
    assert (picture.status_code, picture["Content-Type"]) == (200, "image/png")
    assert body(picture)[:8] == b"\x89PNG\r\n\x1a\n"

    large = page(client, "/ada/tunes/blob/main/long.flac")
    assert "2.00 s" in large
    assert "<dd>2</dd>" in large


def test_a_sound_is_looked_into_once(client, ada):
    make.repository(ada, "tunes", files={"a.wav": sound()})
    first = page(client, "/ada/tunes/blob/main/a.wav")
    with sounds._ear:  # nobody can look into it again
        second = page(client, "/ada/tunes/blob/main/a.wav")
        make.repository(ada, "other", files={"b.wav": sound(pitch=600)})
        waiting = page(client, "/ada/other/blob/main/b.wav")
    assert "Spectrogram of a.wav" in first
    assert "Spectrogram of a.wav" in second
    assert "Load the page again" in waiting
    assert "Spectrogram of b.wav" in page(client, "/ada/other/blob/main/b.wav")


def test_broken_and_large_sounds_say_so(client, ada, monkeypatch):
    make.repository(ada, "tunes", files={"broken.wav": b"RIFF of nothing", "a.wav": sound(), "a.txt": b"words"})
    broken = page(client, "/ada/tunes/blob/main/broken.wav")
    assert "No picture could be made of this sound" in broken
    assert "<audio" in broken
    with sounds._ear:
        assert "No picture could be made" in page(client, "/ada/tunes/blob/main/broken.wav"), "it is asked once"
    monkeypatch.setattr(sounds, "LARGEST", 1000)
    assert "Pictures are made of sounds of up to" in page(client, "/ada/tunes/blob/main/a.wav")
    assert "<audio" not in page(client, "/ada/tunes/blob/main/a.txt")


def test_a_gate_and_a_report_close_it(client, ada):
    closed = make.repository(ada, "closed", files={"a.wav": sound()})
    repositories.update_settings(closed, by=make.as_principal(ada), gated="manual")
    client.force_login(make.person("bob"))
    assert "<audio" not in page(client, "/ada/closed/blob/main/a.wav")
    client.force_login(ada)
    assert "<audio" in page(client, "/ada/closed/blob/main/a.wav")

    removed = make.repository(ada, "removed", files={"a.wav": sound(pitch=500)})
    assert "<audio" in page(client, "/ada/removed/blob/main/a.wav")
    staff = make.as_principal(StaffFactory())
    report = reports.file_report(removed, kind="copyright", statement="Mine.", by=staff, paths=["a.wav"])
    reports.uphold(reports.take_up(report, by=staff), rule="r", reason="Yes", by=staff, paths=["a.wav"])
    assert "<audio" not in page(client, "/ada/removed/blob/main/a.wav")


def test_cards_play_sounds_of_their_repository():
    html = render(
        '<audio controls autoplay onplay="x()" src="samples.wav"></audio>\n\n'
        '<audio controls><source src="a b.flac" type="audio/flac"></audio>\n\n'
        '<audio src="javascript:x()"></audio><audio src="../../up.wav"></audio>',
        base="/ada/m/resolve/abc/",
        files="/ada/m/blob/abc/",
    )
    assert 'src="/ada/m/resolve/abc/samples.wav"' in html
    assert 'src="/ada/m/resolve/abc/a%20b.flac"' in html
    assert "controls" in html
    for harm in ("autoplay", "onplay", "javascript", "up.wav"):
        assert harm not in html
