"""A finished job with files in real Chromium, wide and narrow, light and dark: opened, walked through, downloaded."""

from pathlib import Path

import pytest
from django.conf import settings

from accounts.services import people
from compute.journal import JobFolder, Journal
from compute.models import Job
from compute.services import folders, submissions
from tests.factories import compute as make_jobs
from tests.support.browser import WIDTHS, Visitor, chromium

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
PASSWORD = "a long enough password"
LONG = "events.out.tfevents.1795795795.a-machine-with-a-long-name.example.org.1234.0"


@pytest.fixture
def job(transactional_db):
    ada = people.sign_up("ada", password=PASSWORD, email="ada@example.org")
    job = make_jobs.job("python", "train.py", by=ada, labels={"name": "shapes"})
    submissions.cancel(job, by=make_jobs.principal(ada))
    folder = JobFolder(settings.JOBS_ROOT, job.id)
    journal = Journal(folder)
    journal.feed(b"step 40\n")
    journal.close()
    for name in ("output/log.jsonl", f"output/tensorboard/{LONG}", "notes.txt"):
        (folder.work / name).parent.mkdir(parents=True, exist_ok=True)
        (folder.work / name).write_text("a <b>line</b>\n" * 100)
    return job


def test_files_are_found_and_a_job_goes_on(site, job):
    with chromium() as browser:
        for language, dark, width in (("en", False, WIDTHS[0]), ("zh-hans", True, WIDTHS[1])):
            visitor = Visitor(browser, site.url, width=width, language=language, dark=dark)
            visitor.log_in("ada", PASSWORD)
            page = visitor.open(job.get_absolute_url())
            visitor.check_looks(f"job-with-files-{language}")
            with page.expect_download() as download:
                page.click("text=notes.txt")
            assert Path(download.value.path()).read_text().startswith("a <b>line</b>\n")
            visitor.press("text=output/")
            visitor.press("text=tensorboard/")
            visitor.check_looks(f"job-files-{language}")
            page.keyboard.press("Tab")
            visitor.press(".crumbs a")
            visitor.press(f'form[action="{job.get_absolute_url()}/go-on"] button')
            visitor.check_looks(f"job-goes-on-{language}")
            visitor.close()
    assert Job.objects.filter(continues=job).count() == 2


def test_files_are_deleted_when_somebody_wants_it(site, job):
    with chromium() as browser:
        visitor = Visitor(browser, site.url, width=WIDTHS[0], language="zh-hans", dark=False)
        visitor.log_in("ada", PASSWORD)
        visitor.open(job.get_absolute_url()).click("#files ~ details summary")
        visitor.check_looks("job-files-to-delete")
        visitor.press(f'form[action="{job.get_absolute_url()}/delete-files"] button')
        visitor.check_looks("job-files-unwanted")
    folders.clear_folders()
    with chromium() as browser:
        visitor = Visitor(browser, site.url, width=WIDTHS[1], language="en", dark=True)
        visitor.log_in("ada", PASSWORD)
        page = visitor.open(job.get_absolute_url())
        assert "They were deleted on" in page.content()
        assert page.locator("text=notes.txt").count() == 0
        visitor.check_looks("job-without-files")
