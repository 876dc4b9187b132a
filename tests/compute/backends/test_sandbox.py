"""The cage itself, without Django's help: what gets out, what stays in."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from common.errors import Invalid
from compute.backends import cgroups, running, sandbox
from compute.backends.base import Request
from compute.backends.local import LocalBackend
from compute.backends.running import End, Order
from compute.journal import JobFolder, Journal, last_lines

MIB = 2**20
JOB = "abcdef012345abcdef012345"


@pytest.fixture
def folder(tmp_path):
    tmp_path.chmod(0o755)
    folder = JobFolder(tmp_path / "jobs", JOB)
    folder.create()
    sandbox.prepare_folder(folder.work, JOB)
    return folder


def limits(**changes):
    values = {
        "memory": 256 * MIB,
        "disk": 64 * MIB,
        "file_size": 4 * MIB,
        "processes": 40,
        "cpus": 1,
        "wall_seconds": 20,
    }
    return sandbox.Limits(**(values | changes))


def run(folder, *argv, beat=lambda: Order.CONTINUE, level="auto", **changes):
    """(outcome, lines of output, what was running)"""
    journal = Journal(folder)
    environment = {"PATH": "/usr/bin:/bin"}
    launch = sandbox.Launch(f"{JOB}-test", JOB, list(argv), environment, folder.work, limits(**changes))
    outcome, ran = running.run(launch, journal=journal, beat=beat, level=level)
    journal.close()
    return outcome, [line["data"] for line in last_lines(folder.log, 1000)], ran


def shell(folder, script, **changes):
    return run(folder, "sh", "-c", script, **changes)


def groups_work():
    group = cgroups.create("probe", memory=64 * MIB, processes=8, cpus=1)
    if group:
        group.remove()
    return group is not None


caged = pytest.mark.skipif(sandbox.best_level() == "process", reason="this machine permits no namespaces")
with_groups = pytest.mark.skipif(not groups_work(), reason="control groups cannot be written here")


def test_a_program_runs_and_is_measured(folder):
    outcome, lines, ran = shell(folder, "echo out; echo err >&2; exit 0")
    assert (outcome.end, outcome.exit_code) == (End.SUCCEEDED, 0)
    assert sorted(lines) == ["err", "out"]
    assert outcome.milliseconds > 0
    assert outcome.peak_memory > 0
    assert ran.level == sandbox.best_level()


@caged
def test_the_job_is_nobody_and_sees_nothing(folder):
    _outcome, lines, ran = shell(
        folder, "id -u; ls /; ls /home /root /var; cat /etc/shadow; touch /usr/x; hostname; echo $$"
    )
    text = "\n".join(lines)
    if ran.level == "namespaces":
        assert lines[0] == str(sandbox.uid_for(JOB))
    assert {"home", "var", "mnt", "srv"}.isdisjoint(lines)
    assert "shadow: No such file" in text
    assert "Read-only file system" in text
    assert lines[-2:] == ["job", "2"]


@caged
def test_recipes_find_what_they_share_and_no_more_of_this_project(folder):
    code = "import hub.algorithms.spectrograms, importlib.util as found; print(found.find_spec('hub.models'))"
    outcome, lines, _ran = run(folder, sys.executable, "-B", "-c", code)
    assert (outcome.exit_code, lines) == (0, ["None"])


@caged
def test_no_rights_are_left(folder):
    _outcome, lines, _ran = shell(folder, "grep -E '^(Cap(Eff|Prm|Bnd)|NoNewPrivs)' /proc/self/status")
    assert {line.split(":")[0]: int(line.split()[1], 16) for line in lines} == {
        "CapPrm": 0,
        "CapEff": 0,
        "CapBnd": 0,
        "NoNewPrivs": 1,
    }


def test_the_working_directory_outlives_the_attempt(folder):
    shell(folder, "echo 1 > counter")
    _outcome, lines, _ran = shell(folder, "cat counter; pwd")
    assert lines[0] == "1"
    assert (folder.work / "counter").read_text() == "1\n"


def test_the_environment_is_clean(folder, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    _outcome, lines, _ran = run(folder, "env")
    assert {line.split("=")[0] for line in lines} == {"PATH", "HOME", "PYTHONPATH"}


@with_groups
def test_memory_is_limited_by_the_kernel(folder):
    outcome, _lines, _ran = run(folder, "tail", "/dev/zero")
    assert outcome.end == End.FAILED
    assert outcome.reason == "Out of memory: this flavor gives a job 256 MiB."


def test_memory_is_watched_where_the_kernel_does_not_limit_it(folder, monkeypatch):
    monkeypatch.setattr(cgroups, "create", lambda *_args, **_kwargs: None)
    outcome, _lines, ran = run(folder, "sh", "-c", "tail /dev/zero & sleep 15", memory=64 * MIB)
    assert outcome.end == End.FAILED
    assert outcome.reason == "Out of memory: this flavor gives a job 64 MiB."
    assert "memory is watched once a second" in ran.notes[-1]


def test_files_are_limited_one_by_one_and_together(folder):
    outcome, _lines, _ran = run(folder, "sh", "-c", "exec head -c 9000000 /dev/zero > big")
    assert outcome.reason == "A file grew beyond the limit of 4 MiB."
    many = "for i in 1 2 3 4 5 6 7 8; do head -c 3000000 /dev/zero > f$i; done; sleep 15"
    outcome, _lines, _ran = shell(folder, many, disk=8 * MIB)
    assert (outcome.end, outcome.reason) == (End.FAILED, "The job's folder grew beyond 8 MiB.")


def test_time_is_limited_and_the_job_may_save_its_work_first(folder):
    script = "trap 'echo saved > checkpoint; exit 0' TERM; while true; do sleep 0.1; done"
    outcome, _lines, _ran = shell(folder, script, wall_seconds=1)
    assert (outcome.end, outcome.reason) == (End.TIMED_OUT, "Stopped at the time limit of 1 s.")
    assert (folder.work / "checkpoint").read_text() == "saved\n"
    assert outcome.milliseconds >= 1000


@pytest.mark.parametrize(
    ("order", "end"),
    [(Order.CANCEL, End.CANCELLED), (Order.INTERRUPT, End.INTERRUPTED), (Order.ABANDON, End.ABANDONED)],
)
def test_orders_are_obeyed(folder, order, end):
    outcome, _lines, _ran = run(folder, "sleep", "15", beat=lambda: order)
    assert outcome.end == end


def test_a_job_that_ignores_the_request_is_killed(folder, monkeypatch):
    monkeypatch.setattr(running, "GRACE_SECONDS", 0.5)
    outcome, _lines, _ran = shell(folder, "trap '' TERM; while true; do sleep 0.1; done", wall_seconds=1)
    assert outcome.end == End.TIMED_OUT


@caged
def test_what_a_job_leaves_running_dies_with_it(folder):
    _outcome, _lines, _ran = shell(folder, "setsid sh -c 'sleep 61.25' & sleep 0.3; exit 0")
    assert [p for p in psutil.process_iter(["cmdline"]) if "61.25" in " ".join(p.info["cmdline"] or [])] == []


@with_groups
def test_a_fork_bomb_is_contained(folder):
    bomb = "bomb() { bomb | bomb & }; bomb; sleep 1; echo end"
    _outcome, lines, _ran = shell(folder, bomb, processes=20)
    assert any("limit of 20 processes" in line for line in lines)


def test_a_missing_program_is_said_so(folder):
    outcome, lines, _ran = run(folder, "no-such-program")
    assert (outcome.end, outcome.exit_code) == (End.FAILED, 127)
    assert lines == ["no-such-program: there is no such program in this image"]


def test_the_plain_level_still_limits(folder):
    outcome, lines, ran = shell(folder, "pwd; echo hello; exec head -c 9000000 /dev/zero > big", level="process")
    assert lines[-2:] == [str(folder.work), "hello"]
    assert outcome.reason == "A file grew beyond the limit of 4 MiB."
    assert "without a cage" in ran.notes[0]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
@caged
def test_an_ordinary_user_gets_a_cage_too(tmp_path):
    """The same, started by user 65534 with the system's Python, which that user can read."""
    source = tmp_path / "code"
    for name in ("compute/__init__.py", "compute/journal.py", "compute/backends"):
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-r", str(sandbox.PROJECT / name), str(target)], check=True)
    python = Path("/usr/bin/python3")
    if not python.exists() or subprocess.run([python, "-c", "import json"], check=False).returncode:
        pytest.skip("no system Python for an ordinary user to run")
    subprocess.run(["chmod", "-R", "a+rX", str(tmp_path), *map(str, list(tmp_path.parents)[:3])], check=True)
    work = tmp_path / "work"
    work.mkdir()
    os.chown(work, 65534, 65534)
    plan_script = f"""
import json, os, subprocess, sys
read, write = os.pipe()
plan = {{"parent": os.getpid(), "level": "user-namespaces", "status_fd": write, "control_groups": [],
  "root": {str(tmp_path / "work")!r} + "/root", "binds": [["/usr", "/usr", "ro"], [{str(work)!r}, "/job", "rw"]],
  "links": {{p: os.readlink(p) for p in ("/bin", "/lib", "/lib64") if os.path.islink(p)}},
  "files": {{"/etc/passwd": ""}}, "uid": None, "directory": "/job", "tmp_size": 1 << 20, "limits": {{}},
  "argv": ["sh", "-c", "id -u; ls /; echo made > /job/file"], "environment": {{"PATH": "/usr/bin:/bin"}}}}
os.mkdir(plan["root"])
done = subprocess.run([sys.executable, "-I", "-S", {str(source / "compute/backends/launcher.py")!r}],
  input=json.dumps(plan), text=True, capture_output=True, pass_fds=[write])
print(done.stdout, done.stderr, os.read(read, 9999).decode(), done.returncode)
"""
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(python), "-c", plan_script],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.split()
    assert lines[0] == "65534", done.stdout + done.stderr
    assert "home" not in lines
    assert (work / "file").read_text() == "made\n"


@caged
def test_kill_9_of_the_watcher_ends_everything(folder, tmp_path):
    script = tmp_path / "watch.py"
    script.write_text(
        "import sys; from pathlib import Path\n"
        "from compute.backends import sandbox\n"
        f"limits = sandbox.Limits(**{limits().__dict__!r})\n"
        f"launch = sandbox.Launch('{JOB}-kill', '{JOB}', ['sh', '-c', 'setsid sleep 62.5 & sleep 62.5'],"
        f" {{'PATH': '/usr/bin:/bin'}}, Path({str(folder.work)!r}), limits)\n"
        "sandbox.launch(launch).process.wait()\n"
    )

    def sleepers():
        return [p for p in psutil.process_iter(["cmdline"]) if (p.info["cmdline"] or [])[-1:] == ["62.5"]]

    watcher = subprocess.Popen([sys.executable, str(script)], cwd=sandbox.PROJECT, env=os.environ | {"PYTHONPATH": "."})
    deadline = time.monotonic() + 20
    while len(sleepers()) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(sleepers()) == 2
    watcher.send_signal(signal.SIGKILL)
    watcher.wait()
    deadline = time.monotonic() + 10
    while sleepers() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert sleepers() == []


def test_identities_are_nobodys_and_stable():
    uids = {sandbox.uid_for(f"{number:024x}") for number in range(500)}
    assert len(uids) > 400
    assert min(uids) >= sandbox.FIRST_UID
    assert sandbox.uid_for(JOB) == sandbox.uid_for(JOB)


def test_without_control_groups_the_fork_bomb_meets_the_users_own_limit(folder, monkeypatch):
    monkeypatch.setattr(cgroups, "create", lambda *_args, **_kwargs: None)
    _outcome, lines, _ran = shell(folder, "for i in $(seq 60); do sleep 3 & done; echo end", processes=20)
    assert any("fork" in line.lower() for line in lines)


@pytest.mark.parametrize("image", ["wellspring/recipes", "wellspring/recipes:latest"])
def test_the_local_backend_takes_its_own_image(image):
    LocalBackend().check(Request(image, ["true"], [], {}))


@pytest.mark.parametrize("image", ["python:3.12", "", "wellspring/recipes:2", "docker.io/wellspring/recipes"])
def test_the_local_backend_refuses_containers(image):
    with pytest.raises(Invalid, match="Use the image wellspring/recipes"):
        LocalBackend().check(Request(image, ["true"], [], {}))


@caged
def test_what_lies_below_tmp_can_be_bound_into_the_private_tmp(folder, tmp_path, monkeypatch):
    """A site may be checked out below /tmp; its environment must not vanish under the job's own /tmp."""
    shown = tmp_path / "shown"
    shown.mkdir()
    (shown / "file").write_text("seen")
    shown.chmod(0o755)
    given = sandbox._binds
    monkeypatch.setattr(sandbox, "_binds", lambda work: [*given(work), (str(shown), str(shown), "ro")])
    _outcome, lines, _ran = shell(folder, f"cat {shown}/file; echo; touch /tmp/own && echo writable")
    assert lines == ["seen", "writable"]


def test_identities_that_end_alike_are_not_alike():
    ends = {sandbox.uid_for(f"{number:08x}" + "0" * 16) for number in range(500)}
    assert len(ends) > 490
