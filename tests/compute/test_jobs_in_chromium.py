"""The list of jobs and their comparison in real Chromium: chosen by keyboard, wide and narrow, light and dark."""

import json
import math

import pytest
from django.conf import settings

from accounts.services import people
from compute.journal import JobFolder, Journal
from compute.services import submissions
from tests.factories import compute as make_jobs
from tests.support.browser import WIDTHS, Visitor, chromium

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
PASSWORD = "a long enough password"
RECIPE = ("python", "-m", "compute.recipes.text_to_image", "--config", "captions-cpu")


@pytest.fixture
def jobs(transactional_db):
    ada = people.sign_up("ada", password=PASSWORD, email="ada@example.org")
    make_jobs.allocation(ada.namespace, gpu_seconds=10_000)
    made = []
    for number, rate in enumerate((0.01, 0.003)):
        command = (*RECIPE, "--set", f"training.learning_rate={rate}", "--set", "publish.repo_id=ada/small-model")
        job = make_jobs.job(*command, by=ada, labels={"name": f"rate-{rate}"})
        submissions.cancel(job, by=make_jobs.principal(ada))
        journal = Journal(JobFolder(settings.JOBS_ROOT, job.id))
        for step in range(10, 410, 10):
            loss = math.exp(-step * rate) + 0.1 * (number + 1)
            told = {"event": "step", "step": step, "of": 400, "loss": loss, "lr": rate * (1 - step / 400)}
            journal.feed(json.dumps(told | {"seconds": step / 10}).encode() + b"\n")
        accuracy = {"event": "metric", "step": 400, "name": "prompt_accuracy", "value": 0.9 - number / 10}
        journal.feed(json.dumps(accuracy).encode() + b"\n")
        journal.close()
        made.append(job)
    return made


def test_two_jobs_are_chosen_and_compared(site, jobs):
    with chromium() as browser:
        for language, dark, width in (("en", False, WIDTHS[0]), ("zh-hans", True, WIDTHS[1])):
            visitor = Visitor(browser, site.url, width=width, language=language, dark=dark)
            visitor.log_in("ada", PASSWORD)
            visitor.open("/compute")
            visitor.check_looks(f"compute-{language}")
            visitor.press('a[href="/compute/jobs"]')
            page = visitor.page
            for box in page.locator("input[name=job]").all():
                box.focus()
                page.keyboard.press("Space")
            visitor.check_looks(f"jobs-{language}")
            visitor.press("main form button")
            assert page.locator("svg.chart").count() == 2
            visitor.check_looks(f"jobs-compared-{language}")
            visitor.open(jobs[0].get_absolute_url())
            assert page.get_by_text("400 of 400" if language == "en" else "400 / 400").is_visible()
            visitor.check_looks(f"job-of-a-recipe-{language}")
            visitor.close()
