"""Control groups: the kernel's own limits on memory, processes and CPU of a job.

Works with the hierarchies of version 1 and of version 2 where this process may write them;
elsewhere `create` returns None and the caller watches the job's memory itself.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PARENT = "wellspring"
PERIOD = 100_000  # microseconds; the kernel's default period of a CPU quota


@dataclass(frozen=True)
class ControlGroup:
    """One group per attempt: a folder per controller (version 1) or one folder (version 2)."""

    folders: tuple[Path, ...]
    unified: bool

    @property
    def joining_files(self) -> list[str]:
        """Write a process id, or 0 for oneself, into each of these to join."""
        return [str(folder / "cgroup.procs") for folder in self.folders]

    def memory_kills(self) -> int:
        """How many processes the kernel killed because the group was out of memory."""
        file = self.folders[0] / ("memory.events" if self.unified else "memory.oom_control")
        return _field(file, "oom_kill")

    def refused_forks(self) -> int:
        """How many forks were refused because the group was full."""
        return _field(self.folders[0 if self.unified else 1] / "pids.events", "max")

    def cpu_milliseconds(self) -> int | None:
        with contextlib.suppress(OSError, ValueError):
            if self.unified:
                return _field(self.folders[0] / "cpu.stat", "usage_usec") // 1000
            for folder in self.folders:
                if (folder / "cpuacct.usage").exists():
                    return int((folder / "cpuacct.usage").read_text()) // 1_000_000
        return None

    def remove(self) -> None:
        """The kernel needs a moment after the last process; leftovers are empty and harmless."""
        for folder in self.folders:
            for _try in range(20):
                try:
                    folder.rmdir()
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.05)
                else:
                    break


def create(name: str, *, memory: int, processes: int, cpus: int) -> ControlGroup | None:
    """A new group with these limits (bytes, count, cores), or None where that is not permitted."""
    if (ROOT / "cgroup.controllers").exists():
        return _create_unified(name, memory=memory, processes=processes, cpus=cpus)
    return _create_separate(name, memory=memory, processes=processes, cpus=cpus)


def _create_unified(name: str, *, memory: int, processes: int, cpus: int) -> ControlGroup | None:
    folder = ROOT / PARENT / name
    try:
        (ROOT / PARENT).mkdir(exist_ok=True)
        for parent in (ROOT, ROOT / PARENT):
            (parent / "cgroup.subtree_control").write_text("+memory +pids +cpu")
        folder.mkdir(exist_ok=True)
        (folder / "memory.max").write_text(str(memory))
        (folder / "pids.max").write_text(str(processes))
        (folder / "cpu.max").write_text(f"{cpus * PERIOD} {PERIOD}")
    except OSError:
        _discard(folder)
        return None
    with contextlib.suppress(OSError):
        (folder / "memory.swap.max").write_text("0")
    return ControlGroup((folder,), unified=True)


def _create_separate(name: str, *, memory: int, processes: int, cpus: int) -> ControlGroup | None:
    required = {"memory": {"memory.limit_in_bytes": memory}, "pids": {"pids.max": processes}}
    optional = {"cpu": {"cpu.cfs_period_us": PERIOD, "cpu.cfs_quota_us": cpus * PERIOD}, "cpuacct": {}}
    folders: list[Path] = []
    for controller, values in (required | optional).items():
        folder = ROOT / controller / PARENT / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for file, value in values.items():
                (folder / file).write_text(str(value))
        except OSError:
            _discard(folder)
            if controller in required:
                for earlier in folders:
                    _discard(earlier)
                return None
        else:
            folders.append(folder)
    return ControlGroup(tuple(folders), unified=False)


def _discard(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def _field(file: Path, name: str) -> int:
    with contextlib.suppress(OSError, ValueError):
        for line in file.read_text().splitlines():
            key, _space, value = line.partition(" ")
            if key == name:
                return int(value)
    return 0
