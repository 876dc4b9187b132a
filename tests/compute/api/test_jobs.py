"""The Jobs API without a worker: who may do what, and in which form it answers."""

import json
import os

import pytest
from django.conf import settings

from accounts.enums import Role, TokenScope
from compute.api.representations import STAGES
from compute.enums import JobState
from compute.files import MOST_FILES
from compute.journal import JobFolder
from compute.models import Job
from compute.services import folders, submissions
from tests.factories import compute as make
from tests.factories.accounts import (
    MembershipFactory,
    OrganisationFactory,
    StaffFactory,
    UserFactory,
    bearer,
    job_token,
)

pytestmark = pytest.mark.django_db

VOLUME = {"type": "model", "source": "a/b", "mountPath": "/model"}
SPEC = {
    "command": ["python", "-c", "print(1)"],
    "arguments": [],
    "environment": {"A": "1"},
    "flavor": "cpu-demo",
    "dockerImage": "wellspring/recipes",
    "timeoutSeconds": 60,
    "labels": {"name": "first"},
    "secrets": {"KEY": "opensesame"},
}


@pytest.fixture
def people():
    """Everybody who might come to an organisation's job."""
    owner = UserFactory()
    laboratory = OrganisationFactory(admin=owner)
    writer, reader = UserFactory(), UserFactory()
    MembershipFactory(organisation=laboratory, user=writer, role=Role.WRITE)
    MembershipFactory(organisation=laboratory, user=reader, role=Role.READ)
    return {
        "laboratory": laboratory.namespace,
        "anonymous": {},
        "stranger": bearer(UserFactory()),
        "reader": bearer(reader),
        "writer": bearer(writer),
        "read-token": bearer(writer, scope=TokenScope.READ),
        "job-token": {"HTTP_AUTHORIZATION": f"Bearer {job_token(writer, namespace=laboratory.namespace)}"},
        "owner": bearer(owner),
        "staff": bearer(StaffFactory()),
        "writer-user": writer,
    }


def write_files(job, files):
    """As the job might have; returns where its files lie."""
    work = JobFolder(settings.JOBS_ROOT, job.id).work
    for name, data in files.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_bytes(data)
    return work


WHO = ["anonymous", "stranger", "reader", "read-token", "job-token", "writer", "owner", "staff"]
READ = dict(zip(WHO, [401, 404, 200, 200, 200, 200, 200, 200], strict=True))
CHANGE = dict(zip(WHO, [401, 404, 403, 403, 403, 200, 200, 200], strict=True))
SUBMIT = dict(zip(WHO, [401, 404, 403, 403, 403, 201, 201, 403], strict=True))
RERUN = SUBMIT
ENDPOINTS = [
    ("get", "", READ),
    ("post", "", SUBMIT),
    ("get", "/{id}", READ),
    ("post", "/{id}/cancel", CHANGE),
    ("put", "/{id}/labels", CHANGE),
    ("post", "/{id}/duplicate", RERUN),
    ("put", "/{id}/expose", dict(zip(WHO, [401, 404] + [501] * 6, strict=True))),
    ("get", "/{id}/files", READ),
    ("delete", "/{id}/files", dict(zip(WHO, [401, 404, 403, 403, 403, 202, 202, 202], strict=True))),
    ("get", "/{id}/files/output/a.txt", READ),
    ("get", "/{id}/files/nothing", dict(zip(WHO, [401] + [404] * 7, strict=True))),
    ("get", "/{id}/metrics", dict(zip(WHO, [401, 404] + [406] * 6, strict=True))),
]


@pytest.mark.parametrize(
    ("method", "path", "expected"), ENDPOINTS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_who_may_do_what(client, people, method, path, expected):
    make.allocation(people["laboratory"], gpu_seconds=10_000)
    job = make.job(by=people["writer-user"], holder=people["laboratory"])
    write_files(job, {"output/a.txt": b"a"})
    if path.endswith("metrics") or method == "delete":
        submissions.cancel(job, by=make.principal(people["writer-user"]))
    url = f"/api/jobs/{people['laboratory'].name}{path.format(id=job.id)}"
    bodies = {"": SPEC, "/{id}/labels": {"labels": {"a": "b"}}}
    answers = {}
    for who in WHO:
        arguments = (
            {} if method == "get" else {"data": json.dumps(bodies.get(path, {})), "content_type": "application/json"}
        )
        response = getattr(client, method)(url, **arguments, **people[who])
        b"".join(response)  # a file that is sent is closed with its answer
        answers[who] = response.status_code
    assert answers == expected


def test_a_submitted_job_has_every_field_of_the_client(client, people):
    from huggingface_hub import JobInfo

    make.allocation(people["laboratory"])
    url = f"/api/jobs/{people['laboratory'].name}"
    response = client.post(url, json.dumps(SPEC), content_type="application/json", **people["writer"])
    info = JobInfo(**response.json())
    job = Job.objects.get()
    assert (info.id, info.docker_image, info.command, info.flavor) == (
        job.id,
        SPEC["dockerImage"],
        SPEC["command"],
        "cpu-demo",
    )
    assert (info.environment, info.labels, info.secrets) == ({"A": "1"}, {"name": "first"}, {"KEY": ""})
    assert (info.status.stage, info.retry, info.owner.type) == ("SCHEDULING", 0, "org")
    assert info.status.message == f"Allocation {job.allocation_id} holds 60 GPU-seconds for it."
    assert (info.started_at, info.finished_at, info.durations.running_secs) == (None, None, None)
    assert "opensesame" not in response.content.decode()


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"dockerImage": "python:3.12"}, 400, "runs no containers"),
        ({"spaceId": "ada/space"}, 400, "spaceId cannot be used"),
        ({"volumes": [{"type": "model"}]}, 400, "source must be a text"),
        ({"volumes": ["/data"]}, 400, "volumes must be a list of objects"),
        ({"volumes": {"type": "model"}}, 400, "volumes must be a list of objects"),
        ({"volumes": [VOLUME | {"readOnly": 1}]}, 400, "readOnly must be true or false"),
        ({"volumes": [VOLUME | {"mountPath": "/usr"}]}, 400, "in the way of /usr"),
        ({"volumes": [VOLUME]}, 404, "no model a/b that you may read"),
        ({"ssh": {"enabled": True}}, 400, "ssh cannot be used"),
        ({"network": {"group": "g"}}, 400, "network cannot be used"),
        ({"expose": {"ports": [80], "portsPublic": []}}, 400, "expose cannot be used"),
        ({"flavor": "h200"}, 400, "Choose one of: cpu-demo"),
        ({"command": "text"}, 400, "command must be a list of texts"),
        ({"environment": {"A": []}}, 400, "environment must be an object of texts"),
        ({"timeoutSeconds": "soon"}, 400, "timeoutSeconds must be a whole number"),
        ({"timeoutSeconds": 3000}, 402, "2000 are missing"),
        ({"labels": {"allocation": "77777"}}, 404, "no open allocation 77777"),
    ],
)
def test_refusals_say_why_in_the_clients_form(client, people, change, status, message):
    make.allocation(people["laboratory"], gpu_seconds=1000)
    url = f"/api/jobs/{people['laboratory'].name}"
    response = client.post(url, json.dumps(SPEC | change), content_type="application/json", **people["writer"])
    assert response.status_code == status
    assert message in response.json()["error"]
    assert message in response["X-Error-Message"]
    assert Job.objects.count() == 0


@pytest.mark.parametrize("body", ["", "[]", "{", '"x"', "{}"])
def test_a_body_that_is_no_job_is_refused(client, people, body):
    url = f"/api/jobs/{people['laboratory'].name}"
    assert client.post(url, body, content_type="application/json", **people["writer"]).status_code == 400


def test_every_state_has_a_stage():
    assert set(STAGES) == set(JobState)


def test_the_list_is_filtered_and_paged(client, people, monkeypatch):
    from compute.api import jobs

    monkeypatch.setattr(jobs, "PAGE_SIZE", 2)
    laboratory, writer = people["laboratory"], people["writer-user"]
    made = [make.job(by=writer, holder=laboratory, labels={"name": str(number % 2)}) for number in range(5)]

    submissions.cancel(made[0], by=make.principal(writer))
    url = f"/api/jobs/{laboratory.name}"

    def names(query):
        found, address = [], f"{url}?{query}"
        while address:
            response = client.get(address, **people["writer"])
            found += [row["id"] for row in response.json()]
            link = response.headers.get("Link", "")
            address = link.partition("<")[2].partition(">")[0].removeprefix("http://127.0.0.1:8000")
        return found

    newest_first = sorted((job.id for job in made), reverse=True)
    assert names("") == newest_first
    assert names("stage=CANCELED") == [made[0].id]
    assert len(names("stage=SCHEDULING&stage=RUNNING")) == 4
    assert sorted(names("label=name=1")) == sorted([made[1].id, made[3].id])
    assert names("label=name=1&label=x=y") == []
    assert client.get(f"{url}?label=name", **people["writer"]).status_code == 400


@pytest.mark.parametrize("number", [1, 3])
def test_a_list_asks_the_database_the_same_number_of_times(client, people, number, django_assert_num_queries):
    for _job in range(number):
        make.job(by=people["writer-user"], holder=people["laboratory"])
    client.get("/api/jobs/hardware", **people["writer"])
    with django_assert_num_queries(4):
        client.get(f"/api/jobs/{people['laboratory'].name}", **people["writer"])


def test_the_price_list_is_public(client):
    from huggingface_hub import JobHardwareInfo

    make.flavor()
    (info,) = [JobHardwareInfo(**row) for row in client.get("/api/jobs/hardware").json()]
    assert (info.name, info.unit_label, info.unit_cost_micro_usd) == ("cpu-demo", "minute", 1200)
    assert info.unit_cost_usd == 0.0012


def test_scheduled_jobs_are_refused_clearly(client, people):
    assert client.get("/api/scheduled-jobs/x").status_code == 401
    response = client.post("/api/scheduled-jobs/x", "{}", content_type="application/json", **people["writer"])
    assert response.status_code == 501
    assert "not offered" in response.json()["error"]


def test_a_tail_must_be_a_number(client, people):
    job = make.job(by=people["writer-user"], holder=people["laboratory"])
    url = f"/api/jobs/{people['laboratory'].name}/{job.id}/logs?tail=many"
    assert client.get(url, **people["writer"]).status_code == 400
    assert client.get(url).status_code == 401
    assert client.get(url, **people["stranger"]).status_code == 404


def test_unknown_addresses_answer_in_the_same_form(client, people):
    response = client.get(f"/api/jobs/{people['laboratory'].name}/x/y/z", **people["writer"])
    assert response.status_code == 404
    assert "error" in response.json()


@pytest.fixture
def made(people):
    """A job with files, and the address of their list."""
    job = make.job(by=people["writer-user"], holder=people["laboratory"])
    files = {"output/log.jsonl": b"0123456789", "output/a b%?.html": b"<script>alert(1)</script>", ".cache/token": b"x"}
    work = write_files(job, files)
    (work / "recipes").symlink_to("/etc")
    (work / "link").symlink_to("/etc/hostname")
    os.mkfifo(work / "pipe")
    return f"/api/jobs/{people['laboratory'].name}/{job.id}/files", work


def body(response):
    return b"".join(response.streaming_content) if response.streaming else response.content


def test_files_are_listed_with_size_and_time(client, people, made):
    url, work = made
    response = client.get(url, **people["reader"])
    assert [(row["path"], row["size"]) for row in response.json()] == [
        ("output/a b%?.html", 25),
        ("output/log.jsonl", 10),
    ]
    os.utime(work / "output" / "log.jsonl", (0, 1_700_000_000))
    (_html, log) = client.get(f"{url}?under=output", **people["reader"]).json()
    assert log == {"path": "output/log.jsonl", "size": 10, "modified": "2023-11-14T22:13:20.000000Z"}
    assert "X-Truncated" not in response
    for under in ("nothing", "../..", "recipes", ".cache"):
        assert client.get(f"{url}?under={under}", **people["reader"]).status_code == 404


def test_a_long_list_says_that_it_is_not_whole(client, people, made):
    url, work = made
    (work / "many").mkdir()
    for number in range(MOST_FILES):
        (work / "many" / str(number)).touch()
    response = client.get(url, **people["reader"])
    assert (len(response.json()), response["X-Truncated"]) == (MOST_FILES, "true")
    assert "X-Truncated" not in client.get(f"{url}?under=many", **people["reader"])


def test_a_file_is_an_attachment_that_no_browser_runs(client, people, made):
    url, _work = made
    response = client.get(f"{url}/output/a%20b%25%3F.html", **people["reader"])
    assert body(response) == b"<script>alert(1)</script>"
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"] == 'attachment; filename="a b%?.html"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]
    assert "private" in response["Cache-Control"]


@pytest.mark.parametrize(
    ("asked", "status", "sent", "described"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("lines=1-2", 200, b"0123456789", None),
    ],
)
def test_a_part_of_a_file_is_sent(client, people, made, asked, status, sent, described):
    url, _work = made
    response = client.get(f"{url}/output/log.jsonl", HTTP_RANGE=asked, **people["reader"])
    assert (response.status_code, body(response), response.get("Content-Range")) == (status, sent, described)
    assert status == 416 or response["Content-Length"] == str(len(sent))


def test_a_client_that_has_it_gets_it_once_and_all_of_it_when_it_changed(client, people, made):
    url, work = made
    first = client.get(f"{url}/output/log.jsonl", **people["reader"])
    assert body(first) == b"0123456789"
    known = {"HTTP_IF_NONE_MATCH": first["ETag"]}
    assert client.get(f"{url}/output/log.jsonl", **known, **people["reader"]).status_code == 304
    head = client.head(f"{url}/output/log.jsonl", **people["reader"])
    assert (head["Content-Length"], head["ETag"], head.content) == ("10", first["ETag"], b"")
    (work / "output" / "log.jsonl").write_bytes(b"0123456789abc")
    part = {"HTTP_IF_RANGE": first["ETag"], "HTTP_RANGE": "bytes=5-"}
    changed = client.get(f"{url}/output/log.jsonl", **part, **people["reader"])
    assert (changed.status_code, body(changed)) == (200, b"0123456789abc")


def test_a_file_that_changes_while_it_is_sent_breaks_nothing(client, people, made):
    url, work = made
    for change in (b"0123456789 and more", b"01"):
        (work / "output" / "log.jsonl").write_bytes(b"0123456789")
        response = client.get(f"{url}/output/log.jsonl", **people["reader"])
        with (work / "output" / "log.jsonl").open("r+b") as file:
            file.truncate(0)
            file.write(change)
        assert body(response) == change[:10]


@pytest.mark.parametrize("path", ["link", "pipe", "recipes/hostname", ".cache/token", "output", "../log.jsonl", "%0D"])
def test_what_is_no_file_of_the_job_is_not_there(client, people, made, path):
    url, _work = made
    response = client.get(f"{url}/{path}", **people["owner"])
    assert response.status_code == 404
    assert "error" in response.json()


def test_files_are_deleted_when_somebody_asks(client, people, made):
    url, work = made
    job = Job.objects.get(pk=url.split("/")[-2])
    assert client.delete(url, **people["writer"]).status_code == 409  # it has not ended
    submissions.cancel(job, by=make.principal(people["writer-user"]))
    assert client.delete(url, **people["writer"]).status_code == 202
    folders.clear_folders()
    assert not work.exists()
    answer = client.get(url, **people["reader"])
    assert answer.status_code == 404
    assert "were deleted on" in answer.json()["error"]


def test_a_job_that_never_began_has_no_files(client, people):
    job = make.job(by=people["writer-user"], holder=people["laboratory"])
    assert client.get(f"/api/jobs/{people['laboratory'].name}/{job.id}/files", **people["reader"]).status_code == 404


def test_the_label_continues_is_told_and_refused_in_the_clients_form(client, people):
    url = f"/api/jobs/{people['laboratory'].name}"
    first = make.job(by=people["writer-user"], holder=people["laboratory"])

    def submit():
        spec = SPEC | {"labels": {"continues": first.id}}
        return client.post(url, json.dumps(spec), content_type="application/json", **people["writer"])

    early = submit()
    assert (early.status_code, early.json()["code"]) == (409, "conflict")
    client.post(f"{url}/{first.id}/cancel", **people["writer"])
    assert submit().json()["code"] == "folder_gone"
    write_files(first, {"checkpoint": b"x"})
    found = submit()
    assert (found.status_code, found.json()["labels"]) == (201, {"continues": first.id})
    assert Job.objects.get(pk=found.json()["id"]).continues == first
