import json
from datetime import timedelta

import pytest
from django.conf import settings

from accounts.enums import Role
from compute.enums import AttemptState
from compute.journal import JobFolder, Journal
from compute.models import Job
from compute.services import attempts, dispatch, folders, submissions
from compute.services.attempts import Result
from tests.factories import compute as make
from tests.factories import hub
from tests.factories.accounts import MembershipFactory, OrganisationFactory, StaffFactory, UserFactory

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


@pytest.fixture
def people():
    owner = UserFactory()
    laboratory = OrganisationFactory(admin=owner)
    reader = UserFactory()
    MembershipFactory(organisation=laboratory, user=reader, role=Role.READ)
    return {
        "laboratory": laboratory.namespace,
        "anonymous": None,
        "stranger": UserFactory(),
        "reader": reader,
        "owner": owner,
        "staff": StaffFactory(),
    }


def finished_job(people) -> Job:
    """A job with two attempts, a log, losses, a sample and a secret."""
    job = make.job(
        "python",
        "train.py",
        by=people["owner"],
        holder=people["laboratory"],
        environment={"EPOCHS": "3"},
        secrets={"KEY": "opensesame"},
    )
    for end in (AttemptState.INTERRUPTED, AttemptState.SUCCEEDED):
        dispatch.dispatch()
        attempt = attempts.claim(job.attempts.last().token, worker="test")
        result = Result(end, milliseconds=2000, peak_memory=10**8, sandbox="namespaces", sandbox_notes=("A note.",))
        attempts.finish(attempt.token, result)
    folder = JobFolder(settings.JOBS_ROOT, job.id)
    journal = Journal(folder)
    lines = [{"event": "step", "step": n, "loss": 1 / n, "lr": 0.1} for n in range(1, 30)]
    lines += [{"event": "sample", "step": 9, "path": "a.png", "prompts": ["a red circle"]}]
    lines += [{"event": "metric", "step": 9, "name": "accuracy", "value": 0.875}]
    journal.feed("".join(json.dumps(line) + "\n" for line in lines).encode() + b"<script>alert(1)</script>\n")
    for second in range(5):
        journal.sample(at=second, cpu_millicores=1500, memory=2**28, processes=2)
    journal.close()
    folder.work.mkdir()
    (folder.work / "a.png").write_bytes(PNG)
    (folder.work / "output").mkdir()
    (folder.work / "output" / "a #.html").write_text("<script>alert(1)</script>")
    (folder.work / "recipes").symlink_to("/etc")
    job.refresh_from_db()
    return job


PAGES = {
    "allocation": {"anonymous": 302, "stranger": 404, "reader": 200, "owner": 200, "staff": 200},
    "job": {"anonymous": 302, "stranger": 404, "reader": 200, "owner": 200, "staff": 200},
    "live": {"anonymous": 302, "stranger": 404, "reader": 200, "owner": 200, "staff": 200},
    "log": {"anonymous": 302, "stranger": 404, "reader": 200, "owner": 200, "staff": 200},
    "files": {"anonymous": 302, "stranger": 404, "reader": 200, "owner": 200, "staff": 200},
    "files/output": {"anonymous": 302, "stranger": 404, "reader": 200, "owner": 200, "staff": 200},
    "files/output/a%20%23.html": {"anonymous": 302, "stranger": 404, "reader": 200, "owner": 200, "staff": 200},
    "files/recipes/hostname": {"anonymous": 302, "stranger": 404, "reader": 404, "owner": 404, "staff": 404},
    "samples/0": {"anonymous": 302, "stranger": 404, "reader": 200, "owner": 200, "staff": 200},
    "samples/7": {"anonymous": 302, "stranger": 404, "reader": 404, "owner": 404, "staff": 404},
}


@pytest.mark.parametrize("page", PAGES)
def test_who_sees_which_page(client, people, page):
    job = finished_job(people)
    base = job.get_absolute_url()
    url = {"allocation": job.allocation.get_absolute_url(), "job": base}.get(page, f"{base}/{page}")
    seen = {}
    for who in PAGES[page]:
        client.logout()
        if people[who]:
            client.force_login(people[who])
        response = client.get(url)
        b"".join(response)  # a file that is sent is closed with its answer
        seen[who] = response.status_code
    assert seen == PAGES[page]


@pytest.mark.parametrize(
    ("verb", "expected"),
    [
        ("cancel", {"anonymous": 302, "stranger": 404, "reader": 403, "owner": 302, "staff": 302}),
        ("rerun", {"anonymous": 302, "stranger": 404, "reader": 403, "owner": 302, "staff": 403}),
        ("go-on", {"anonymous": 302, "stranger": 404, "reader": 403, "owner": 302, "staff": 403}),
        ("delete-files", {"anonymous": 302, "stranger": 404, "reader": 403, "owner": 302, "staff": 302}),
    ],
)
def test_who_may_press_which_button(client, people, verb, expected):
    job = make.job(by=people["owner"], holder=people["laboratory"])
    if verb != "cancel":
        submissions.cancel(job, by=make.principal(people["owner"]))
        JobFolder(settings.JOBS_ROOT, job.id).work.mkdir(parents=True)
    answers = {}
    for who in expected:
        client.logout()
        if people[who]:
            client.force_login(people[who])
        answers[who] = client.post(f"{job.get_absolute_url()}/{verb}").status_code
        assert client.get(f"{job.get_absolute_url()}/{verb}").status_code in {302, 405}
    assert answers == expected
    assert Job.objects.filter(state="queued").count() == (1 if verb in {"rerun", "go-on"} else 0)
    assert Job.objects.filter(files_unwanted_at__isnull=False).count() == (1 if verb == "delete-files" else 0)


def test_a_finished_job_shows_all_of_its_life(client, people):
    client.force_login(people["reader"])
    job = finished_job(people)
    text = client.get(job.get_absolute_url()).content.decode()
    for part in ("train.py", "EPOCHS=3", "KEY", "<polyline", "0.8750", "namespaces", "A note.", f"{job.id}/samples/0"):
        assert part in text, part
    assert "opensesame" not in text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert "hx-trigger" not in text
    assert "http-equiv" not in text
    assert "Cancel the job" not in text


def test_a_page_names_what_is_mounted_where(client, people):
    job = make.job(by=people["owner"], holder=people["laboratory"])
    data = {
        "type": "dataset",
        "source": "ada/pictures",
        "revision": "a" * 40,
        "mountPath": "/pictures",
        "readOnly": True,
    }
    job.volumes = [data, {"type": "bucket", "source": "ada/runs", "path": "x", "mountPath": "/runs", "readOnly": False}]
    job.save()
    client.force_login(people["reader"])
    text = client.get(job.get_absolute_url()).content.decode()
    for part in ("/pictures", "ada/pictures@aaaaaaaaaa", "read only", "ada/runs/x"):
        assert part in text, part


def test_the_whole_log_is_plain_text(client, people):
    job = finished_job(people)
    client.force_login(people["reader"])
    response = client.get(f"{job.get_absolute_url()}/log")
    text = b"".join(response.streaming_content).decode()
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert text.count("\n") == 32
    assert text.endswith("<script>alert(1)</script>\n")


def test_an_open_job_reloads_itself_with_and_without_javascript(client, people):
    client.force_login(people["owner"])
    job = make.job(by=people["owner"], holder=people["laboratory"])
    text = client.get(job.get_absolute_url()).content.decode()
    assert 'hx-trigger="every 3s"' in text
    assert '<noscript><meta http-equiv="refresh"' in text
    assert "Cancel the job" in text


def test_a_sample_picture_is_only_a_picture(client, people):
    job = finished_job(people)
    client.force_login(people["owner"])
    response = client.get(f"{job.get_absolute_url()}/samples/0")
    assert (response["Content-Type"], response.content) == ("image/png", PNG)
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]


def test_files_are_listed_folder_by_folder_and_downloaded(client, people):
    job = finished_job(people)
    client.force_login(people["reader"])
    base = job.get_absolute_url()
    text = client.get(base).content.decode()
    assert f'href="{base}/files/a.png" download' in text
    assert f'href="{base}/files/output"' in text
    assert f"{base}/files/recipes" not in text
    text = client.get(f"{base}/files/output").content.decode()
    assert f'href="{base}/files/output/a%20%23.html" download' in text
    response = client.get(f"{base}/files/output/a%20%23.html")
    assert b"".join(response.streaming_content) == b"<script>alert(1)</script>"
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"].startswith("attachment")


def test_going_on_is_offered_where_there_is_something_to_go_on_from(client, people):
    job = make.job(by=people["owner"], holder=people["laboratory"])
    submissions.cancel(job, by=make.principal(people["owner"]))
    offer = f"{job.get_absolute_url()}/go-on"

    def is_offered_to(who):
        client.force_login(people[who])
        return offer in client.get(job.get_absolute_url()).content.decode()

    assert not is_offered_to("owner")
    assert client.post(offer).status_code == 409
    JobFolder(settings.JOBS_ROOT, job.id).work.mkdir(parents=True)
    assert not is_offered_to("reader")
    assert is_offered_to("owner")
    next_page = client.post(offer, follow=True).content.decode()
    assert "Goes on from" in next_page
    assert job.get_absolute_url() in next_page
    assert "Repeats" not in next_page


def test_a_page_says_how_long_files_are_kept_and_shows_the_rest_when_they_are_gone(client, people):
    job = finished_job(people)
    base, delete = job.get_absolute_url(), f"{job.get_absolute_url()}/delete-files"
    client.force_login(people["reader"])
    text = client.get(base).content.decode()
    assert f"They are kept until {job.finished_at + timedelta(days=30):%Y-%m-%d}" in text
    assert delete not in text
    client.force_login(people["owner"])
    assert delete in client.get(base).content.decode()
    text = client.post(delete, follow=True).content.decode()
    assert "They are being deleted" in text
    assert delete not in text
    assert client.post(f"{base}/go-on").status_code == 409
    folders.clear_folders()
    text = client.get(base).content.decode()
    for part in ("They were deleted on", f"{base}/samples/0", "<polyline", "0.8750", "&lt;script&gt;alert"):
        assert part in text, part
    assert f"{base}/files/a.png" not in text
    assert f"{base}/go-on" not in text
    assert client.get(f"{base}/samples/0").content == PNG
    assert "The files of this job were deleted on" in client.get(f"{base}/files").content.decode()


def test_everybody_may_see_what_there_is(client):
    make.flavor()
    text = client.get("/compute").content.decode()
    assert "cpu-demo" in text
    assert "Log in to see your allocations" in text


@pytest.mark.parametrize("number", [1, 3])
def test_pages_ask_the_database_the_same_number_of_times(client, people, number, django_assert_num_queries):
    for _each in range(number):
        make.allocation(people["laboratory"])
        job = make.job(by=people["owner"], holder=people["laboratory"])
    submissions.cancel(job, by=make.principal(people["owner"]))
    make.job(by=people["owner"], holder=people["laboratory"])
    client.force_login(people["reader"])
    client.get("/compute")
    with django_assert_num_queries(6):
        assert client.get("/compute").status_code == 200
    with django_assert_num_queries(10):
        assert client.get(job.allocation.get_absolute_url()).status_code == 200
    with django_assert_num_queries(6):
        assert client.get(job.get_absolute_url()).status_code == 200


def test_the_numbers_on_an_allocation_are_those_of_its_account(client, people):
    job = finished_job(people)
    client.force_login(people["reader"])
    text = client.get(job.allocation.get_absolute_url()).content.decode()
    assert 'max="100000"' in text
    assert 'value="99998"' in text
    assert job.reference in text


def _told(job, **curves):
    journal = Journal(JobFolder(settings.JOBS_ROOT, job.id))
    for step in range(1, 5):
        event = {"event": "step", "step": step} | {name: value / step for name, value in curves.items()}
        journal.feed(json.dumps(event).encode() + b"\n")
    journal.close()


def _jobs(people, count):
    return [make.job("python", "-m", "train", by=people["owner"], holder=people["laboratory"]) for _ in range(count)]


def test_all_jobs_are_found_and_cost_the_same(client, people, django_assert_num_queries):
    make.allocation(people["laboratory"], gpu_seconds=100_000)
    client.force_login(people["reader"])
    for count in (1, 2):
        _jobs(people, count)
        with django_assert_num_queries(4):
            text = client.get("/compute/jobs").content.decode()
    assert text.count('name="job"') == Job.objects.count() == 3
    assert "python -m train" in text
    submissions.cancel(Job.objects.last(), by=make.principal(people["owner"]))
    assert client.get("/compute/jobs?state=cancelled").content.decode().count('name="job"') == 1
    assert client.get("/compute/jobs?state=nonsense").content.decode().count('name="job"') == 3
    client.force_login(people["stranger"])
    assert 'name="job"' not in client.get("/compute/jobs").content.decode()
    client.logout()
    assert client.get("/compute/jobs").status_code == 302


def test_jobs_are_compared_on_common_axes(client, people):
    make.allocation(people["laboratory"], gpu_seconds=100_000)
    first, second, third = _jobs(people, 3)
    _told(first, loss=1.0, accuracy=0.5)
    _told(second, loss=2.0)
    address = f"/compute/compare?job={first.pk}&job={second.pk}"
    client.force_login(people["reader"])
    text = client.get(address).content.decode()
    assert text.count('<svg class="chart"') == 2
    assert text.count('line-2" points=""') == 1, "the second job told no accuracy"
    assert "0.25<" in text, "the last loss of the first"
    assert "0.5<" in text, "and of the second"
    submissions.cancel(second, by=make.principal(people["owner"]))
    fourth = _jobs(people, 1)[0]
    text = client.get(f"/compute/compare?job={third.pk}&job={fourth.pk}").content.decode()
    assert "told no numbers over their steps" in text
    seven = "?" + "&".join(f"job={number}" for number in range(7))
    for query in ("", f"?job={first.pk}", f"?job={first.pk}&job={first.pk}", seven):
        assert client.get(f"/compute/compare{query}")["Location"] == "/compute/jobs"
    assert client.get(f"/compute/compare?job={first.pk}&job=nothing").status_code == 404
    client.force_login(people["stranger"])
    assert client.get(address).status_code == 404
    client.logout()
    assert client.get(address).status_code == 302


def test_a_job_is_found_by_its_id_alone(client, people):
    job = make.job(by=people["owner"], holder=people["laboratory"])
    for who, status in {"anonymous": 302, "stranger": 404, "reader": 302, "owner": 302, "staff": 302}.items():
        client.logout()
        if people[who]:
            client.force_login(people[who])
        answer = client.get(f"/jobs/{job.pk}")
        assert answer.status_code == status, who
        if people[who] and status == 302:
            assert answer["Location"] == job.get_absolute_url()


def test_a_recipe_is_told_by_what_it_reads_and_makes(client, people):
    make.allocation(people["laboratory"], gpu_seconds=100_000)
    hub.repository(people["owner"], "pictures", kind="dataset", files={"README.md": b"---\nlicense: mit\n---\n"})
    name, laboratory = f"{people['owner'].username}/pictures", people["laboratory"].name
    settings_of = ("--set", f"dataset.id={name}", "--set", f"publish.repo_id={laboratory}/model")
    command = ("python", "-m", "compute.recipes.text_to_image", "--config", "captions-cpu", *settings_of)
    job = make.job(*command, by=people["owner"], holder=people["laboratory"])
    assert job.summary == f"text_to_image captions-cpu {name} → {laboratory}/model"
    journal = Journal(JobFolder(settings.JOBS_ROOT, job.id))
    event = {"event": "published", "repo_id": f"{laboratory}/model", "commit": "c" * 40}
    journal.feed(json.dumps(event).encode() + b"\n")
    journal.close()
    client.force_login(people["reader"])
    text = client.get(job.get_absolute_url()).content.decode()
    assert f'href="/datasets/{name}"' in text
    assert f'href="/{laboratory}/model/commit/{"c" * 40}"' in text
