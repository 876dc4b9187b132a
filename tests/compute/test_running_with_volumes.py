"""Jobs that find parts of the hub as folders, from stock clients to what a bucket holds afterwards."""

import functools
import http.server
import subprocess
import sys
import threading
import zipfile

import pytest

from accounts.enums import TokenScope
from accounts.services import tokens
from compute.models import Job
from tests.compute.test_running_jobs import IMAGE, ended, run
from tests.factories import compute as make

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.e2e]

TRAIN = """
import json, pathlib, sys
import django, huggingface_hub  # of the site's own environment
config = json.loads(pathlib.Path(sys.argv[1]).read_text())
print("trains for", config["steps"], "steps", sys.argv[2:], flush=True)
pathlib.Path("/data/checkpoint.txt").write_text("whole")
"""


@pytest.fixture
def hf(cluster):
    make.allocation(make.namespace(), gpu_seconds=10_000)
    token = tokens.issue_token(make.person(), name="cli", scope=TokenScope.WRITE)
    environment = cluster.environment | {"HF_ENDPOINT": cluster.url, "HF_TOKEN": token, "HF_HOME": str(cluster.folder)}

    def hf(*arguments):
        command = [sys.executable, "-m", "huggingface_hub.cli.hf", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    return hf


def bucket_of(cluster, name="researcher/jobs-artifacts"):
    """Path to bytes of everything in a bucket."""
    api = cluster.api()
    files = [entry.path for entry in api.list_bucket_tree(name) if entry.type == "file"]
    places = [cluster.folder / "fetched" / str(number) for number in range(len(files))]
    api.download_bucket_files(name, list(zip(files, places, strict=True)))
    return {path: place.read_bytes() for path, place in zip(files, places, strict=True)}


def test_a_script_of_ones_own_runs_by_the_stock_command(cluster, hf, tmp_path):
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "config.json").write_text('{"steps": 7}')
    done = hf(
        *("jobs", "uv", "run", "--flavor", "cpu-demo", "--timeout", "1m", "--with", "numpy"),
        *(str(tmp_path / "train.py"), str(tmp_path / "config.json"), "--fast"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "trains for 7 steps ['--fast']" in done.stdout
    job = Job.objects.get()
    assert job.state == "succeeded"
    (volume,) = job.volumes
    assert (volume["mountPath"], volume["readOnly"]) == ("/data", False)
    held = bucket_of(cluster)
    folder = volume["path"]
    assert held[f"{folder}/checkpoint.txt"] == b"whole"
    assert sorted(held) == [f"{folder}/{name}" for name in ("checkpoint.txt", "config.json", "train.py")]
    remote = cluster.api().inspect_job(job_id=job.id, namespace="researcher")
    assert (remote.volumes[0].source, remote.docker_image) == (
        "researcher/jobs-artifacts",
        "ghcr.io/astral-sh/uv:python3.12-bookworm",
    )


def test_a_folder_of_ones_own_disk_holds_program_and_configuration(cluster, hf, tmp_path):
    (tmp_path / "code" / "deep").mkdir(parents=True)
    (tmp_path / "code" / "train.py").write_text("print(open('/code/deep/own.yaml').read())")
    (tmp_path / "code" / "deep" / "own.yaml").write_text("steps: 3")
    done = hf(
        *("jobs", "run", "--flavor", "cpu-demo", "--timeout", "1m", "-v", f"{tmp_path / 'code'}:/code"),
        *(IMAGE, "python", "/code/train.py"),
    )
    assert "steps: 3" in done.stdout, done.stdout + done.stderr
    (volume,) = Job.objects.get().volumes
    assert volume["readOnly"]
    recipe = ("python", "-m", "compute.recipes.text_to_image", "--config", "/code/deep/own.yaml")
    done = hf("jobs", "run", "--flavor", "cpu-demo", "-v", f"{tmp_path / 'code'}:/code", IMAGE, *recipe)
    assert "Refused" in done.stdout, done.stdout + done.stderr
    assert "steps" in done.stdout  # read, and not understood


def test_what_a_script_needs_beyond_the_site_comes_from_the_index(cluster, hf, tmp_path):
    wheel = tmp_path / "index" / "tinything" / "tinything-1.0-py3-none-any.whl"
    wheel.parent.mkdir(parents=True)
    about = "tinything-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tinything.py", "NAME = 'tiny'\n")
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: tinything\nVersion: 1.0\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    script = "import numpy, tinything; print('has', tinything.NAME, numpy.ones(2).sum())"
    (tmp_path / "script.py").write_text(script)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "index"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        index = f"http://127.0.0.1:{server.server_port}"
        done = hf(
            *("jobs", "uv", "run", "--flavor", "cpu-demo", "--timeout", "2m", "--with", "tinything"),
            *("-e", f"UV_DEFAULT_INDEX={index}", str(tmp_path / "script.py")),
        )
        server.shutdown()
    assert "has tiny 2.0" in done.stdout, done.stdout + done.stderr


def test_data_are_mounted_as_they_were_at_submission(cluster):
    api = cluster.api()
    api.create_repo("researcher/pictures", repo_type="dataset", private=True)
    for path in ("train/a.txt", "train/deep/b.txt", "test/c.txt"):
        api.upload_file(
            path_or_fileobj=path.encode(), path_in_repo=path, repo_id="researcher/pictures", repo_type="dataset"
        )
    from huggingface_hub import Volume

    data = Volume(type="dataset", source="researcher/pictures", mount_path="/pictures", path="train")
    script = (
        "import os, pathlib\n"
        "root = pathlib.Path('/pictures')\n"
        "print(sorted((str(p.relative_to(root)), p.read_text()) for p in root.rglob('*') if p.is_file()))\n"
        "try: (root / 'new').touch()\n"
        "except OSError as error: print(error.strerror)\n"
        "print('JOB_VOLUMES' in os.environ)\n"
        "raise SystemExit(3)"
    )
    info = run(cluster, "python", "-c", script, volumes=[data])
    lines = list(api.fetch_job_logs(job_id=info.id, namespace="researcher", follow=True))
    _remote, job = ended(cluster, info)
    assert lines[0] == "===== /pictures: 2 files of the dataset researcher/pictures ====="
    assert lines[1] == "[('a.txt', 'train/a.txt'), ('deep/b.txt', 'train/deep/b.txt')]"
    assert lines[3] == "False"
    if job.attempts.get().sandbox != "process":
        assert lines[2] == "Read-only file system"
    assert job.reason == "The program ended with exit code 3: False"
    assert len(job.volumes[0]["revision"]) == 40


def test_what_changes_in_a_bucket_is_given_back_even_by_a_cancelled_job(cluster, monkeypatch):
    from huggingface_hub import Volume

    api = cluster.api()
    api.create_bucket("researcher/runs")
    api.batch_bucket_files("researcher/runs", add=[(b"old", "a/old.txt"), (b"same", "a/same.txt"), (b"other", "b/c")])
    bucket = Volume(type="bucket", source="researcher/runs", mount_path="/runs", path="a")
    script = (
        "import pathlib, time\n"
        "root = pathlib.Path('/runs')\n"
        "(root / 'old.txt').unlink()\n"
        "(root / 'new').mkdir()\n"
        "(root / 'new' / 'checkpoint').write_text('half')\n"
        "(root / 'link').symlink_to('/etc/passwd')\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)"
    )
    info = run(cluster, "python", "-c", script, volumes=[bucket])
    stream = iter(api.fetch_job_logs(job_id=info.id, namespace="researcher", follow=True))
    assert next(line for line in stream if line == "ready")
    api.cancel_job(job_id=info.id, namespace="researcher")
    _remote, job = ended(cluster, info)
    assert job.state == "cancelled"
    assert bucket_of(cluster, "researcher/runs") == {
        "a/new/checkpoint": b"half",
        "a/same.txt": b"same",
        "b/c": b"other",
    }


def test_volumes_count_as_the_jobs_folder_and_go_with_its_end(cluster):
    from django.conf import settings
    from huggingface_hub import Volume

    from compute.journal import JobFolder

    make.flavor(disk=2**20)
    api = cluster.api()
    api.create_bucket("researcher/large")
    bucket = Volume(type="bucket", source="researcher/large", mount_path="/large")
    script = "import time; open('/large/file', 'wb').write(bytes(3 << 20)); time.sleep(30)"
    _remote, job = ended(cluster, run(cluster, "python", "-c", script, volumes=[bucket]))
    assert "grew beyond 1 MiB" in job.reason
    assert not JobFolder(settings.JOBS_ROOT, job.id).volumes.exists()


def test_a_program_that_does_not_exist_is_named_behind_volumes_too(cluster):
    from huggingface_hub import Volume

    api = cluster.api()
    api.create_bucket("researcher/none")
    bucket = Volume(type="bucket", source="researcher/none", mount_path="/none")
    _remote, job = ended(cluster, run(cluster, "nonesuch", volumes=[bucket]))
    assert "command was not found" in job.reason
    assert job.image == IMAGE
