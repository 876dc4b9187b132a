"""kill -9 of the Celery worker in the middle of a training job: the next attempt resumes, nothing is charged twice."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from huggingface_hub import HfApi

from tests.e2e.conftest import PROJECT, clean_environment

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

STEPS, KEPT_EVERY = 30, 5


def worker_of(data) -> psutil.Process:
    """The Celery worker that runs jobs on this data directory (its oldest process)."""
    mine = []
    for process in psutil.process_iter(["cmdline", "create_time"]):
        try:
            if "worker@%h" in (process.info["cmdline"] or []) and process.environ().get("WELLSPRING_DATA") == str(data):
                mine.append(process)
        except psutil.Error:
            continue
    return min(mine, key=lambda process: process.info["create_time"])


def events(api, job_id) -> list[dict]:
    lines = list(api.fetch_job_logs(job_id=job_id, follow=False))
    return [json.loads(line) for line in lines if line.startswith("{")]


def wait_until(condition, *, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(1)
    raise AssertionError("waited in vain")


def test_training_survives_the_loss_of_its_worker(demo_site):
    api = HfApi(endpoint=demo_site.url, token=demo_site.state("researcher.token"))
    settings = ["dataset.id=maker/shapes", f"training.steps={STEPS}", f"training.checkpoint_every={KEPT_EVERY}"]
    settings += ["validation.every=1000", "evaluation.prompts=4"]
    command = ["python", "-m", "compute.recipes.text_to_image", "--config", "shapes-cpu"]
    command += [part for setting in settings for part in ("--set", setting)]
    job = api.run_job(image="wellspring/recipes", command=command, flavor="cpu-demo", timeout="20m")

    wait_until(lambda: [e for e in events(api, job.id) if e["event"] == "checkpoint"], seconds=240)
    os.kill(worker_of(demo_site.data).pid, signal.SIGKILL)
    ended = wait_until(
        lambda: (seen := api.inspect_job(job_id=job.id)).status.stage in {"COMPLETED", "ERROR", "CANCELED"} and seen,
        seconds=400,
    )

    assert ended.status.stage == "COMPLETED", ended.status.message
    told = events(api, job.id)
    resumed = [event for event in told if event["event"] == "resume"]
    assert len(resumed) == 1
    assert resumed[0]["step"] >= KEPT_EVERY
    assert [event["event"] for event in told].count("done") == 1
    charges = charges_of(demo_site, job.id)
    assert charges["attempts"] >= 2
    assert [charges[kind]["rows"] for kind in ("reserve", "settle", "release")] == [1, 1, 1]
    assert charges["reserve"]["sum"] == charges["settle"]["sum"] + charges["release"]["sum"]


def charges_of(demo_site, job_id) -> dict:
    """What the books say about the job, asked on the server."""
    code = (
        "import json; from django.db.models import Count, Sum; from compute.models import Attempt, GpuSecondEntry; "
        f"rows = GpuSecondEntry.objects.filter(reference='job:{job_id}').values('kind'); "
        f"attempts = Attempt.objects.filter(job_id='{job_id}').count(); "
        "print(json.dumps([attempts, *rows.annotate(sum=Sum('amount'), rows=Count('id')).order_by('kind')]))"
    )
    environment = clean_environment() | {"WELLSPRING_DATA": str(demo_site.data)}
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    attempts, *kinds = json.loads(done.stdout.strip().splitlines()[-1])
    return {"attempts": attempts} | {kind["kind"]: kind for kind in kinds}
