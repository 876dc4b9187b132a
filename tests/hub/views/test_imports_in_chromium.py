"""The pages of imports in real Chromium, wide and narrow, light and dark: asked for, on their way, reported."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.services import people
from hub.models import Import, ImportRun
from hub.services import imports
from tests.factories import hub as make
from tests.support.browser import WIDTHS, Visitor, chromium

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
PASSWORD = "a long enough password"
LONG = "refs/heads/a-branch/with-a-rather-long-name-for-a-narrow-page"
A, B, C = "a" * 40, "b" * 40, "c" * 40


@pytest.fixture
def pages(transactional_db):
    """The addresses of imports in every state that looks different."""
    ada = people.sign_up("ada", password=PASSWORD, email="ada@example.org")

    def made(name, **facts):
        found = imports.create(f"grace/{name}", ada.namespace, by=make.as_principal(ada), schedule="weekly")
        facts = {"has_history": True, "next_run_at": timezone.now() + timedelta(days=3)} | facts
        Import.objects.filter(pk=found.pk).update(**facts)
        return found

    progress = {"bytes_total": 9_000_000_000, "bytes_done": 4_100_000_000, "files_total": 12, "files_done": 5}
    copied = {"source_commit": A, "copied_at": timezone.now(), "licence": "apache-2.0"}
    done = made("done", state="done", repository=make.repository(ada, "copied"), **copied | progress)
    changes = [
        {
            "ref": LONG,
            "how": "forced",
            "before": A,
            "after": B,
        },
        {"ref": "refs/heads/main", "how": "forward", "before": B, "after": C},
        {"ref": "refs/tags/v1.0", "how": "new", "before": None, "after": C},
        {"ref": "refs/tags/v0.9", "how": "gone", "before": A, "after": None},
    ]
    notes = [{"code": "left-out", "detail": "refs/pr/… (12), refs/convert/… (1)"}, {"code": "no-git", "detail": ""}]
    for turn, some in ((1, notes), (2, [])):
        facts = {"changes": changes[: turn * 2], "notes": some, "ended_at": timezone.now()}
        ImportRun.objects.create(imported=done, turn=turn, **facts)
    return {
        "form": "/import",
        "list": "/settings/imports",
        "report": f"/settings/imports/{done.key}",
        "progress": f"/settings/imports/{made('busy', state='copying', **progress).key}",
        "history": f"/settings/imports/{made('early', state='copying', bytes_done=52_000_000).key}",
        "unclear": f"/settings/imports/{made('odd', state='paused', reason='licence-unclear', licence='other').key}",
        "diverged": f"/settings/imports/{made('both', state='paused', reason='diverged', detail='main, dev').key}",
    }


def test_the_pages_of_imports(site, pages):
    with chromium() as browser:
        for language, dark in (("en", False), ("zh-hans", True)):
            for width in WIDTHS:
                visitor = Visitor(browser, site.url, width=width, language=language, dark=dark)
                visitor.log_in("ada", PASSWORD)
                for name, address in pages.items():
                    visitor.open(address)
                    visitor.check_looks(f"import-{name}-{language}")
                visitor.close()
