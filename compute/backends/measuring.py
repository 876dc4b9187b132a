"""What a job uses: memory and CPU of its process tree, space on disk."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Usage:
    """Resident memory in bytes, CPU time of the living processes in milliseconds, their number."""

    memory: int
    cpu_milliseconds: int
    processes: int


def usage_of(pid: int) -> Usage:
    """Sums over the process and everything below it; processes that end meanwhile are left out."""
    memory = milliseconds = count = 0
    for process in tree(pid):
        with contextlib.suppress(psutil.Error), process.oneshot():
            times = process.cpu_times()
            milliseconds += round((times.user + times.system) * 1000)
            memory += process.memory_info().rss
            count += 1
    return Usage(memory, milliseconds, count)


def tree(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def disk_usage(folder: Path) -> int:
    """Bytes taken on disk below a folder; links are not followed."""
    total = 0
    waiting = [str(folder)]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
    return total
