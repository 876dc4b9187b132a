"""The Jobs API without a worker: who may do what, and in which form it answers."""

import json

import pytest

from accounts.enums import Role, TokenScope
from compute.api.representations import STAGES
from compute.enums import JobState
from compute.models import Job
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
    ("get", "/{id}/metrics", dict(zip(WHO, [401, 404] + [406] * 6, strict=True))),
]


@pytest.mark.parametrize(
    ("method", "path", "expected"), ENDPOINTS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_who_may_do_what(client, people, method, path, expected):
    make.allocation(people["laboratory"], gpu_seconds=10_000)
    job = make.job(by=people["writer-user"], holder=people["laboratory"])
    if path.endswith("metrics"):
        from compute.services import submissions

        submissions.cancel(job, by=make.principal(people["writer-user"]))
    url = f"/api/jobs/{people['laboratory'].name}{path.format(id=job.id)}"
    bodies = {"": SPEC, "/{id}/labels": {"labels": {"a": "b"}}}
    answers = {}
    for who in WHO:
        arguments = (
            {} if method == "get" else {"data": json.dumps(bodies.get(path, {})), "content_type": "application/json"}
        )
        answers[who] = getattr(client, method)(url, **arguments, **people[who]).status_code
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
        ({"volumes": [{"type": "model"}]}, 400, "volumes cannot be used"),
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
    from compute.services import submissions

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
