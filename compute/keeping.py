"""What of a job's folder is left when the folder goes: what its page shows. No Django here.

Log, events and use of the machine lie beside the folder and stay anyway. Pictures and sounds that the job
showed, and numbers that only TensorBoard's files tell, are copied out of it before.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from compute.curves import event_files
from compute.journal import JobFolder, read_records
from compute.progress import sample_bytes, samples_in

MOST_SHOWN = 64 * 2**20  # bytes of one job, its newest samples first


def keep_what_is_shown(folder: JobFolder) -> None:
    """Make `shown` of what is in `work`, whole or not at all; does nothing where it is made already."""
    if folder.shown.exists() or not folder.work.exists():
        return
    unfinished = folder.shown.with_name("shown.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    left = MOST_SHOWN
    for path, data in _shown(folder):
        left -= len(data)
        if left < 0:
            break
        _write(unfinished, path, data)
    unfinished.rename(folder.shown)


def remove(path: Path) -> None:
    """All of it, whatever the job laid there: coreutils descend into any pit and follow no link.

    Raises OSError when something of it stays.
    """
    done = subprocess.run(
        ["rm", "-rf", "--one-file-system", "--", str(path)], capture_output=True, text=True, check=False
    )
    if done.returncode or os.path.lexists(path):
        raise OSError(f"{path.name} could not be removed: {done.stderr.strip()[:300]}")


def _shown(folder: JobFolder) -> Iterator[tuple[str, bytes]]:
    yield from event_files(folder.work)
    for sample in reversed(samples_in(read_records(folder.events))):
        if data := sample_bytes(folder.work, sample):
            yield sample.inside, data


def _write(root: Path, path: str, data: bytes) -> None:
    """Names that the job chose: those that lead out were never read, those that clash come second and stay away."""
    target = root / PurePosixPath(path)
    with suppress(OSError):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
