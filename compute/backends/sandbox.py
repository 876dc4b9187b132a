"""The strongest cage this machine permits for somebody else's program. No Django here.

Three levels, best first:

- `namespaces` (worker runs as root): a root file system of its own with only the system, this Python
  and the job's folder in it; own process ids, IPC and host name; an unused user id; no capabilities.
- `user-namespaces` (worker runs as an ordinary user and the kernel allows it): the same, but the
  job's files belong to the worker's user.
- `process`: limits only, and an unused user id when the worker is root. The job can read what every
  user of the machine (or the worker's own) can read.

The network is the machine's own on every level: a job must reach the hub on loopback
(docs/decisions/ says what follows from that).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import psutil

from compute.backends import cgroups, measuring

LEVELS = ("namespaces", "user-namespaces", "process")
PROJECT = Path(__file__).resolve().parents[2]
# What a recipe may import of this project (a test compares).
RECIPES = (
    "compute/__init__.py",
    "compute/recipes",
    "compute/volumes.py",
    "hub/__init__.py",
    "hub/algorithms/__init__.py",
    "hub/algorithms/spectrograms.py",
)
CODE = "/opt/wellspring"
WORK = "/job"
# Where nothing else may be mounted.
OWN_PLACES = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc", "/proc", "/sys", "/dev", "/run", CODE, WORK,
    "/tmp", sys.prefix, sys.base_prefix,  # noqa: S108 - a name, not a file
)  # fmt: skip
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/sys/devices/system/cpu")
ETC = (
    "ssl", "ca-certificates", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "nsswitch.conf", "hosts", "resolv.conf",
    "host.conf", "localtime", "alternatives", "mime.types", "protocols", "services",
)  # fmt: skip
FIRST_UID, UIDS = 1_500_000, 2**20


class SandboxFailed(Exception):
    """The job never started, and that is the machine's fault, not the job's."""


@dataclass(frozen=True)
class Limits:
    """Bytes, counts and seconds. `cpu_seconds` is per process; wall time is watched by the caller."""

    memory: int
    disk: int
    file_size: int
    processes: int
    cpus: int
    wall_seconds: int
    open_files: int = 4096
    tmp_size: int = 2**30

    @property
    def cpu_seconds(self) -> int:
        return self.wall_seconds * self.cpus + 60


@dataclass(frozen=True)
class Mount:
    """A folder of this machine and where the job finds it. On the level `process` nothing is mounted."""

    source: str
    target: str
    read_only: bool


@dataclass(frozen=True)
class Launch:
    """What to run: `folder` is the job's working directory on this machine and persists over attempts.

    `name` is unique among running jobs ("<job>-<attempt>"); the job's user id follows from `identity`.
    """

    name: str
    identity: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    limits: Limits
    mounts: Sequence[Mount] = ()

    @property
    def folders(self) -> list[Path]:
        """All that the job may fill, none within another one."""
        sources = [self.folder, *(Path(mount.source) for mount in self.mounts)]
        return [path for path in sources if not any(other in path.parents for other in sources)]


@dataclass
class Running:
    """A started job: read `output` (its stdout and stderr) and `status` (see launcher.py)."""

    process: subprocess.Popen[bytes]
    output: int
    status: int
    level: str
    group: cgroups.ControlGroup | None
    scratch: Path
    notes: list[str] = field(default_factory=list)

    def terminate(self) -> None:
        """Ask the job to end (SIGTERM to its process group)."""
        with contextlib.suppress(OSError):
            self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End every process of the job now."""
        family = measuring.tree(self.process.pid)
        with contextlib.suppress(OSError):
            self.process.kill()
        for member in family:
            with contextlib.suppress(psutil.Error):
                member.kill()

    def close(self) -> None:
        """After the end: give back descriptors, control groups and the mount point."""
        self.kill()
        self.process.wait()
        os.close(self.output)
        os.close(self.status)
        if self.group is not None:
            self.group.remove()
        with contextlib.suppress(OSError):
            self.scratch.rmdir()


def launch(wanted: Launch, *, level: str = "auto") -> Running:
    """Start a job in the given cage, or in the best one. Raises SandboxFailed."""
    level = best_level() if level == "auto" else level
    limits = wanted.limits
    # Two sites on one machine may run attempts of the same name; the worker tells them apart.
    own = f"{wanted.name}-{os.getpid()}"
    group = cgroups.create(own, memory=limits.memory, processes=limits.processes, cpus=limits.cpus)
    notes = _warnings(level, group)
    scratch = Path(tempfile.mkdtemp(prefix="job-root-"))
    output, job_output = os.pipe()
    status, job_status = os.pipe()
    plan = _plan(wanted, level=level, group=group, scratch=scratch, status_fd=job_status)
    command = [_interpreter(), "-I", "-S", "-B", str(Path(__file__).with_name("launcher.py"))]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=job_output,
            stderr=job_output,
            pass_fds=[job_status],
            start_new_session=True,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            cwd="/",
        )
    except OSError as error:
        raise SandboxFailed(f"The launcher did not start: {error}") from error
    finally:
        os.close(job_output)
        os.close(job_status)
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin:
        process.stdin.write(json.dumps(plan).encode())
    return Running(process, output, status, level, group, scratch, notes)


@lru_cache(maxsize=1)
def best_level() -> str:
    """The first level at which `true` runs here; asked once per process."""
    first = 0 if os.geteuid() == 0 else 1
    return next((level for level in LEVELS[first:-1] if _works(level)), "process")


def _works(level: str) -> bool:
    limits = Limits(memory=2**29, disk=2**29, file_size=2**20, processes=64, cpus=1, wall_seconds=30)
    with tempfile.TemporaryDirectory(prefix="job-probe-") as folder:
        name = f"probe-{os.getpid()}"
        job_folder = Path(folder) / "work"
        prepare_folder(job_folder, name)
        probe = Launch(name, name, ["true"], {"PATH": "/usr/bin:/bin"}, job_folder, limits)
        running = launch(probe, level=level)
        try:
            return running.process.wait(20) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            running.close()


def uid_for(identity: str) -> int:
    """A user id that nobody on this machine has, the same for every attempt of a job."""
    # Hashed, because the last signs of an id alone take few values, and nobody shall share another job's.
    return FIRST_UID + int.from_bytes(hashlib.sha256(identity.encode()).digest()[:8], "big") % UIDS


def prepare_folder(folder: Path, identity: str) -> None:
    """Make the job's working directory and, as root, give it to the job's own user id."""
    folder.mkdir(parents=True, exist_ok=True)
    owner = owner_of(identity)
    if owner is not None:
        os.chown(folder, owner, owner)
    folder.chmod(0o700)


def owner_of(identity: str) -> int | None:
    """Whom a job's files belong to, user and group; None where they stay the worker's own."""
    return uid_for(identity) if os.geteuid() == 0 else None


def search_path() -> str:
    """PATH of a job: this deployment's own Python first."""
    return f"{Path(sys.prefix) / 'bin'}:/usr/local/bin:/usr/bin:/bin"


def work_folder(folder: Path, level: str) -> str:
    """Where a job finds its working directory."""
    return str(folder) if level == "process" else WORK


def code_folder(level: str) -> str:
    """Where a job finds the package `compute.recipes`; goes on its PYTHONPATH."""
    return str(PROJECT) if level == "process" else CODE


def _plan(
    wanted: Launch, *, level: str, group: cgroups.ControlGroup | None, scratch: Path, status_fd: int
) -> dict[str, object]:
    own_uid = os.geteuid() == 0
    uid = uid_for(wanted.identity) if own_uid else None
    limits = wanted.limits
    here = work_folder(wanted.folder, level)
    environment = {"HOME": here, "PYTHONPATH": code_folder(level), **wanted.environment}
    account = uid if uid is not None else os.getuid()
    return {
        "parent": os.getpid(),
        "level": level,
        "status_fd": status_fd,
        "control_groups": group.joining_files if group else [],
        "root": str(scratch),
        "binds": _binds(wanted),
        "links": _links(),
        "files": {
            "/etc/passwd": f"root:x:0:0::/:/bin/sh\njob:x:{account}:{account}::{WORK}:/bin/sh\n",
            "/etc/group": f"root:x:0:\njob:x:{account}:\n",
        },
        "uid": uid,
        "directory": here,
        "argv": list(wanted.argv),
        "environment": environment,
        "tmp_size": limits.tmp_size,
        "limits": {
            "CPU": limits.cpu_seconds,
            "FSIZE": limits.file_size,
            "NOFILE": limits.open_files,
            "CORE": 0,
            # The control group counts better and tells when it refused. This limit counts all processes
            # of a user, so a shared user's own are added.
            **({} if group else {"NPROC": limits.processes + (0 if own_uid else _threads_of_user())}),
        },
    }


def _binds(wanted: Launch) -> list[tuple[str, str, str]]:
    """(source, target, mode): the system, this Python with its packages, the recipes, the job's folder."""
    # Each target once: a folder that lies in another one is there already.
    paths = [path for path in SYSTEM if Path(path).exists() and not Path(path).is_symlink()]
    paths += [path for path in (sys.base_prefix, sys.prefix) if not path.startswith("/usr/")]
    binds = [(path, path, "ro") for path in dict.fromkeys(paths)]
    binds += [(os.path.realpath(f"/etc/{name}"), f"/etc/{name}", "ro") for name in ETC if Path(f"/etc/{name}").exists()]
    binds += [(str(PROJECT / path), f"{CODE}/{path}", "ro") for path in RECIPES if (PROJECT / path).exists()]
    binds.append((str(wanted.folder), WORK, "rw"))
    return binds + [(mount.source, mount.target, "ro" if mount.read_only else "rw") for mount in wanted.mounts]


def _links() -> dict[str, str]:
    """On merged systems /bin and /lib are links into /usr."""
    return {path: str(Path(path).readlink()) for path in SYSTEM if Path(path).is_symlink()}


def _interpreter() -> str:
    """The Python behind the virtual environment: the launcher needs no packages."""
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


def _threads_of_user() -> int:
    total = 0
    for process in psutil.process_iter(["uids", "num_threads"]):
        uids = process.info["uids"]
        if uids is not None and uids.real == os.getuid():
            total += process.info["num_threads"] or 1
    return total


def _warnings(level: str, group: cgroups.ControlGroup | None) -> list[str]:
    warnings = []
    if level == "process":
        warnings.append("This machine permits no namespaces: the job runs with limits, but without a cage.")
    if group is None:
        warnings.append("No control groups: memory is watched once a second instead of by the kernel.")
    return warnings
