"""Real jobs: stock client, HTTP, Celery worker, embedded broker, sandbox."""

import os
import signal
import subprocess
import sys
import time

import httpx2
import pytest
from django.conf import settings
from huggingface_hub.errors import HfHubHTTPError, JobNotFoundError

from compute.auditors import audit_charges, audit_gpu_seconds, audit_reservations
from compute.journal import JobFolder
from compute.models import Attempt, Job
from compute.selectors import balances
from tests.compute.conftest import wait_until
from tests.factories import compute as make

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.e2e]

IMAGE = "wellspring/recipes"
COUNTER = """
import os, pathlib, time
file = pathlib.Path("counter")
n = int(file.read_text()) if file.exists() else 0
print("begin at", n, flush=True)
while n < 40:
    n += 1
    new = pathlib.Path("counter.new"); new.write_text(str(n)); os.replace(new, file)
    print('{"event": "step", "step": %d, "loss": %f, "lr": 0.1, "seconds": 1}' % (n, 1 / n), flush=True)
    time.sleep(PAUSE)
print("done at", n, flush=True)
"""


def run(cluster, *command, name="researcher", **options):
    holder = make.namespace(name)
    if not holder.allocations.exists():
        make.allocation(holder, gpu_seconds=10_000)
    options = {"timeout": 60, "flavor": "cpu-demo"} | options
    return cluster.api(name).run_job(image=IMAGE, command=list(command), namespace=name, **options)


def ended(cluster, info):
    job = cluster.api(info.owner.name).wait_for_job(info.id, namespace=info.owner.name, timeout=90, poll_interval=0.2)
    return job, Job.objects.get(pk=info.id)


def books_balance():
    return audit_gpu_seconds() + audit_reservations() + audit_charges() == []


def test_a_job_from_submission_to_settlement(cluster):
    script = (
        "import os, time; print('hello', os.environ['GREETING'], flush=True); print(os.environ['PASSWORD']);"
        "print(os.environ['HF_ENDPOINT'], os.environ['JOB_ID'], os.environ['ACCELERATOR'], os.getcwd());"
        "print(os.environ['HF_TOKEN']); time.sleep(1.2)"
    )
    info = run(cluster, "python", "-c", script, env={"GREETING": "world"}, secrets={"PASSWORD": "opensesame"})
    assert info.status.stage == "SCHEDULING"
    allocation = make.namespace().allocations.get()
    lines = list(cluster.api().fetch_job_logs(job_id=info.id, namespace="researcher", follow=True))
    assert lines[:3] == ["hello world", "***", f"{cluster.url} {info.id} none /job"]
    assert lines[3] == "***"
    remote, job = ended(cluster, info)
    assert remote.status.stage == "COMPLETED"
    assert remote.secrets == {"PASSWORD": ""}
    assert "opensesame" not in str(remote)
    attempt = job.attempts.get()
    assert job.charged == attempt.charged == -(-attempt.milliseconds // 1000)
    assert 2 <= job.charged < 60
    assert balances(allocation).used == job.charged
    assert balances(allocation).reserved == 0
    assert attempt.sandbox in {"namespaces", "user-namespaces", "process"}
    assert attempt.peak_memory > 0
    assert books_balance()
    assert list(cluster.api().fetch_job_logs(job_id=info.id, namespace="researcher", tail=1)) == ["***"]


def test_the_command_line_client_runs_lists_and_reads(cluster):
    from accounts.enums import TokenScope
    from accounts.services import tokens

    make.allocation()
    token = tokens.issue_token(make.person(), name="cli", scope=TokenScope.WRITE)
    environment = cluster.environment | {"HF_ENDPOINT": cluster.url, "HF_TOKEN": token, "HF_HOME": str(cluster.folder)}

    def hf(*arguments):
        command = [sys.executable, "-m", "huggingface_hub.cli.hf", "jobs", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90, check=False)

    done = hf("run", "--namespace", "researcher", "--flavor", "cpu-demo", "--timeout", "1m", IMAGE, "echo", "by hand")
    assert done.returncode == 0, done.stderr
    assert "by hand" in done.stdout
    job = Job.objects.get()
    assert job.id in hf("ps", "-a", "--no-truncate", "--namespace", "researcher").stdout
    assert "by hand" in hf("logs", f"researcher/{job.id}").stdout
    assert "COMPLETED" in hf("inspect", "--no-truncate", f"researcher/{job.id}").stdout
    assert "cpu-demo" in hf("hardware").stdout


def test_log_lines_arrive_while_the_job_runs(cluster):
    info = run(cluster, "python", "-c", "import time; print('first', flush=True); time.sleep(30)")
    stream = iter(cluster.api().fetch_job_logs(job_id=info.id, namespace="researcher", follow=True))
    assert next(stream) == "first"
    assert Job.objects.get(pk=info.id).state == "running"
    sample = next(iter(cluster.api().fetch_job_metrics(job_id=info.id, namespace="researcher")))
    assert sample["memory_total_bytes"] == make.flavor().memory
    assert sample["memory_used_bytes"] > 0
    cluster.api().cancel_job(job_id=info.id, namespace="researcher")
    remote, job = ended(cluster, info)
    assert (remote.status.stage, job.state) == ("CANCELED", "cancelled")
    assert 0 < job.charged < 30
    assert job.attempts.get().state == "cancelled"
    assert books_balance()


def test_failures_say_why(cluster):
    make.flavor(memory=256 * 2**20, file_size=2**20, cpus=1)
    big_file = "open('big', 'wb').write(b'x' * (3 << 20))"
    cases = {
        "exit": (["python", "-c", "raise SystemExit(3)"], "exit code 3."),
        "words": (
            ["python", "-c", "import sys; print('early'); sys.exit('Refused: why')"],
            "exit code 1: Refused: why",
        ),
        "memory": (["python", "-c", "x = bytearray(600 << 20)"], "Out of memory"),
        "file": (["sh", "-c", "exec head -c 3000000 /dev/zero > big"], "file grew beyond the limit of 1 MiB"),
        "python-file": (["python", "-c", big_file], "exit code 1: OSError: [Errno 27] File too large"),
        "missing": (["no-such-program"], "not found"),
        "time": (["sleep", "60"], "time limit of 1 s"),
    }
    timeouts = {"time": 1}
    jobs = {name: run(cluster, *command, timeout=timeouts.get(name, 30)) for name, (command, _why) in cases.items()}
    for name, (_command, why) in cases.items():
        remote, job = ended(cluster, jobs[name])
        assert remote.status.stage == "ERROR", name
        assert why in remote.status.message, name
        assert job.state == ("timed_out" if name == "time" else "failed")
        assert job.charged <= job.reserved
    assert Job.objects.get(pk=jobs["time"].id).charged == 1
    assert books_balance()


def test_a_fork_bomb_stays_in_its_box(cluster):
    make.flavor(processes=40)
    bomb = "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass"
    info = run(cluster, "python", "-c", bomb, timeout=3)
    _remote, job = ended(cluster, info)
    assert job.state == "timed_out"
    assert run_and_read(cluster, "echo", "still here") == ["still here"]


def run_and_read(cluster, *command):
    info = run(cluster, *command)
    ended(cluster, info)
    return list(cluster.api().fetch_job_logs(job_id=info.id, namespace="researcher"))


def test_a_job_sees_nothing_of_the_machine(cluster):
    lines = run_and_read(cluster, "sh", "-c", f"ls {cluster.environment['WELLSPRING_DATA']} /home 2>&1; id -u; env")
    attempt = Attempt.objects.get()
    if attempt.sandbox == "process":
        pytest.skip("this machine permits no namespaces")
    text = "\n".join(lines)
    assert text.count("No such file or directory") == 2
    assert "DATABASE_URL" not in text
    assert "SECRET_KEY" not in text


def test_kill_9_of_the_worker_leads_to_an_attempt_that_resumes(cluster):
    info = run(cluster, "python", "-c", COUNTER.replace("PAUSE", "0.25"))
    job = Job.objects.get(pk=info.id)
    folder = _work_folder(cluster, job)
    wait_until(lambda: (folder / "counter").exists() and int((folder / "counter").read_text()) >= 5)
    os.kill(cluster.worker.pid, signal.SIGKILL)  # the main process only: its children follow by themselves
    time.sleep(0.5)
    reached = int((folder / "counter").read_text())
    time.sleep(1)
    assert int((folder / "counter").read_text()) == reached, "the job outlived its worker"
    cluster.kill_worker()  # what is left is the beat that this worker had inside
    cluster.start_worker()
    remote, job = ended(cluster, info)
    assert remote.status.stage == "COMPLETED"
    first, second = job.attempts.all()
    assert (first.state, first.charged) == ("lost", 0)
    assert (second.state, second.charged) == ("succeeded", job.charged)
    lines = list(cluster.api().fetch_job_logs(job_id=info.id, namespace="researcher"))
    assert f"begin at {reached}" in lines
    assert lines[-1] == "done at 40"
    assert books_balance()


def test_a_stopped_worker_hands_its_job_on(cluster):
    info = run(cluster, "python", "-c", COUNTER.replace("PAUSE", "0.2"))
    folder = _work_folder(cluster, Job.objects.get(pk=info.id))
    wait_until((folder / "counter").exists)
    cluster.stop_worker()
    assert Attempt.objects.first().state == "interrupted"
    cluster.start_worker()
    remote, job = ended(cluster, info)
    assert remote.status.stage == "COMPLETED"
    assert [attempt.state for attempt in job.attempts.all()] == ["interrupted", "succeeded"]
    assert books_balance()


def test_a_job_goes_on_in_a_copy_of_the_folder_of_a_cancelled_one(cluster):
    make.flavor()
    command = ["python", "-c", COUNTER.replace("PAUSE", "0.1")]
    first = run(cluster, *command)
    folder = _work_folder(cluster, Job.objects.get(pk=first.id))
    wait_until(lambda: (folder / "counter").exists() and int((folder / "counter").read_text()) >= 3)
    os.mkfifo(folder / "pipe")
    (folder / "link").symlink_to("/etc/hostname")
    cluster.api().cancel_job(job_id=first.id, namespace="researcher")
    assert ended(cluster, first)[0].status.stage == "CANCELED"
    reached = int((folder / "counter").read_text())
    second = run(cluster, *command, labels={"continues": first.id})
    remote, job = ended(cluster, second)
    assert (remote.status.stage, remote.labels["continues"]) == ("COMPLETED", first.id)
    note, begin, *_steps, done = cluster.api().fetch_job_logs(job_id=second.id, namespace="researcher")
    assert note.startswith(f"===== The folder is a copy of that of job {first.id}: 1 file, ")
    assert note.endswith("; left out, for they are no files or not readable: 1 =====")
    assert (begin, done) == (f"begin at {reached}", "done at 40")
    assert int((folder / "counter").read_text()) == reached, "the folders are not one"
    assert _work_folder(cluster, job).joinpath("link").is_symlink()
    assert books_balance()


def test_files_of_a_running_job_are_fetched_over_http(cluster):
    script = "mkdir out; : > out/empty; head -c 9000000 /dev/zero > out/big; echo ready; sleep 30"
    info = run(cluster, "sh", "-c", script)
    wait_until(lambda: "ready" in list(cluster.api().fetch_job_logs(job_id=info.id, namespace="researcher")))
    url = f"{cluster.url}/api/jobs/researcher/{info.id}/files"
    with httpx2.Client(headers={"Authorization": f"Bearer {cluster.api().token}"}, timeout=20) as client:
        listed = [(row["path"], row["size"]) for row in client.get(url).json()]
        assert listed == [("out/big", 9_000_000), ("out/empty", 0)]
        assert client.get(f"{url}/out/empty").content == b""
        assert client.get(f"{url}/out/big").content == bytes(9_000_000)
        part = client.get(f"{url}/out/big", headers={"Range": "bytes=8999990-"})
        assert (part.status_code, part.content) == (206, bytes(10))
        assert client.head(f"{url}/out/big").headers["content-length"] == "9000000"
        assert client.get(f"{url}/out/late").status_code == 404
    assert httpx2.get(url).status_code == 401


def test_a_second_attempt_goes_on_where_the_first_was_and_copies_nothing(cluster):
    first = run(cluster, "sh", "-c", "echo one > story; sleep 30", timeout=1)
    assert ended(cluster, first)[1].state == "timed_out"
    script = "echo more >> story; cat story; test $(wc -l < story) -ge 3"
    second = run(cluster, "sh", "-c", script, labels={"continues": first.id}, attempts=2)
    assert ended(cluster, second)[0].status.stage == "COMPLETED"
    lines = list(cluster.api().fetch_job_logs(job_id=second.id, namespace="researcher"))
    assert [line for line in lines if "=====" not in line] == ["one", "more", "one", "more", "more"]
    assert sum("is a copy of" in line for line in lines) == 1


def test_a_folder_beyond_the_flavor_is_not_taken_over(cluster):
    first = run(cluster, "sh", "-c", "head -c 3000000 /dev/zero > big")
    ended(cluster, first)
    make.flavor(disk=2**20)
    remote, job = ended(cluster, run(cluster, "true", labels={"continues": first.id}))
    assert remote.status.stage == "ERROR"
    assert f"The folder of the job {first.id} cannot be taken over. It holds more than the 1 MiB" in job.reason
    assert job.charged == 0
    assert books_balance()


def test_places_are_limited_and_the_waiting_say_why(cluster):
    first = run(cluster, "sleep", "30")
    wait_until(lambda: Job.objects.get(pk=first.id).state == "running")
    second = run(cluster, "true")
    wait_until(lambda: "number 1 in the queue" in Job.objects.get(pk=second.id).reason)
    cluster.api().cancel_job(job_id=first.id, namespace="researcher")
    assert ended(cluster, second)[0].status.stage == "COMPLETED"


def test_too_many_streams_are_refused_politely(cluster):
    info = run(cluster, "sleep", "30")
    url = f"{cluster.url}/api/jobs/researcher/{info.id}/logs"
    with httpx2.Client(headers={"Authorization": f"Bearer {cluster.api().token}"}) as client:
        with client.stream("GET", url), client.stream("GET", url):
            refused = client.get(url)
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "5"


def test_what_is_not_there_raises_the_clients_own_error(cluster):
    for call in ("inspect_job", "cancel_job", "rerun_job"):
        with pytest.raises(JobNotFoundError):
            make.person()
            getattr(cluster.api(), call)(job_id="0" * 24, namespace="researcher")
    with pytest.raises(HfHubHTTPError, match="no open allocation"):
        cluster.api().run_job(image=IMAGE, command=["true"], flavor="cpu-demo", namespace="researcher")


def _work_folder(cluster, job):
    return JobFolder(settings.JOBS_ROOT, job.id).work
