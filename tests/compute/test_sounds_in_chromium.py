"""Sounds in real Chromium, wide and narrow, light and dark: of a file, in a card, of a job."""

import json

import pytest
from django.conf import settings

from accounts.services import people
from compute.journal import JobFolder
from tests.factories import compute as make_jobs
from tests.factories import hub as make
from tests.factories.sounds import sound
from tests.support.browser import WIDTHS, Visitor, chromium

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
PASSWORD = "a long enough password"
CARD = b'---\nlicense: mit\n---\n# Tones\n\n<audio controls src="tone.wav"></audio>\n\n[Listen](tone.wav)\n'


@pytest.fixture
def pages(transactional_db):
    ada = people.sign_up("ada", password=PASSWORD, email="ada@example.org")
    files = {"README.md": CARD, "tone.wav": sound(seconds=1.5), "broken.flac": b"fLaC and nothing more"}
    make.repository(ada, "tones", files=files)
    job = make_jobs.job("true", by=ada)
    folder = JobFolder(settings.JOBS_ROOT, job.id)
    folder.create()
    folder.work.mkdir(exist_ok=True)
    (folder.work / "a.wav").write_bytes(sound(pitch=600))
    folder.events.write_text(json.dumps({"event": "sample", "step": 20, "path": "a.wav"}) + "\n")
    return {
        "file": "/ada/tones/blob/main/tone.wav",
        "broken": "/ada/tones/blob/main/broken.flac",
        "card": "/ada/tones",
        "job": f"/jobs/ada/{job.id}",
    }


def test_sounds_are_seen_and_played(site, pages):
    with chromium() as browser:
        for language, dark, width in (("en", False, WIDTHS[0]), ("zh-hans", True, WIDTHS[1])):
            visitor = Visitor(browser, site.url, width=width, language=language, dark=dark)
            visitor.log_in("ada", PASSWORD)
            for name, address in pages.items():
                page = visitor.open(address)
                if name != "broken":
                    player = page.locator("audio")
                    player.evaluate("player => { player.muted = true; return player.play(); }")
                    assert 0.3 < player.evaluate("player => player.duration") < 2.0
                visitor.check_looks(f"sound-{name}-{language}")
            page = visitor.open(pages["file"])
            page.wait_for_function("document.querySelector('.sound img').naturalWidth === 960")
            page.locator(".sound audio").focus()
            page.keyboard.press("Space")
            page.wait_for_function("!document.querySelector('audio').paused")
            visitor.close()
