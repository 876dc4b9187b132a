"""Inside a job: brings its volumes from the hub, runs its command, and gives back what changed in buckets.

Run as `python -m compute.volumes COMMAND …` where a job has volumes, with the plan as JSON in JOB_VOLUMES (see
`compute.services.volumes`). A volume is a copy: what others change meanwhile is not seen, and what is changed here
reaches a bucket every minute and at the end. Knows nothing of the site but its stock client.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

VARIABLE = "JOB_VOLUMES"
EVERY = 60.0  # seconds between two looks at what changed
SETTLED = 5.0  # seconds since the last change, until a file counts as written
RAW = "raw"  # where a repository is downloaded to, beside
TREE = "tree"  # what is mounted

UNSAVED = "not-given-back"  # where what could not be written to its bucket is kept, in the job's folder

Seen = dict[str, list[int]]


@dataclass
class Volume:
    """`folder` holds `tree`, which the job finds at `mount`; `path` is the part of the source that is in it."""

    type: str
    source: str
    mount: str
    folder: Path
    revision: str = ""
    path: str = ""
    read_only: bool = True
    seen: Seen = field(default_factory=dict)

    @property
    def tree(self) -> Path:
        return self.folder / TREE

    @property
    def record(self) -> Path:
        """What the source is known to hold, for the next attempt."""
        return self.folder / RAW / "seen.json"

    @property
    def is_given_back(self) -> bool:
        return self.type == "bucket" and not self.read_only


def main() -> NoReturn:
    volumes = [Volume(**(each | {"folder": Path(each["folder"])})) for each in json.loads(os.environ.pop(VARIABLE))]
    for volume in volumes:
        bring(volume)
    command = [_found(word, volumes) for word in sys.argv[1:]]
    sys.exit(run(command, [volume for volume in volumes if volume.is_given_back]))


def bring(volume: Volume) -> None:
    """Once: a later attempt goes on with what the one before it left."""
    if volume.record.exists():
        volume.seen = json.loads(volume.record.read_text())
        return
    for entry in volume.tree.iterdir():
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    if volume.type == "bucket":
        _bring_bucket(volume)
    else:
        _bring_repository(volume)
    _remember(volume, look(volume.tree))
    _say(f"{volume.mount}: {_count(volume.seen)} of the {volume.type} {volume.source}")


def _bring_bucket(volume: Volume) -> None:
    from huggingface_hub import HfApi  # noqa: PLC0415 - slow import, not for tests of the rest

    HfApi().sync_bucket(_address(volume), str(volume.tree), quiet=True)


def _bring_repository(volume: Volume) -> None:
    """Downloaded beside and moved over, as only a part of it may be wanted at the top of the volume."""
    from huggingface_hub import snapshot_download  # noqa: PLC0415
    from huggingface_hub.utils import disable_progress_bars  # noqa: PLC0415

    disable_progress_bars()
    raw = volume.folder / RAW / "files"
    shutil.rmtree(raw, ignore_errors=True)
    snapshot_download(
        volume.source,
        repo_type=volume.type,
        revision=volume.revision,
        local_dir=raw,
        allow_patterns=f"{volume.path}/*" if volume.path else None,
    )
    shutil.rmtree(raw / ".cache", ignore_errors=True)
    part = raw / volume.path
    for entry in part.iterdir() if part.is_dir() else ():
        entry.rename(volume.tree / entry.name)
    shutil.rmtree(raw, ignore_errors=True)


def run(command: list[str], given_back: list[Volume]) -> int:
    """The exit code of the command, after all that it wrote is in its bucket; 1 if only that failed."""
    # A job that is asked to end is asked as a whole: the command hears it too, and this program waits for it.
    signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        child = subprocess.Popen(command)
    except FileNotFoundError:
        _say(f"{command[0]}: there is no such program in this image")
        return 127
    except OSError as error:
        _say(f"{command[0]}: {error.strerror}")
        return 126
    code = None
    while code is None:
        try:
            code = child.wait(EVERY if given_back else None)
        except subprocess.TimeoutExpired:
            for volume in given_back:
                give_back(volume, before=time.time() - SETTLED)
    unsaved = [volume for volume in given_back if not give_back(volume)]
    for volume in unsaved:
        _keep(volume)
    return 128 - code if code < 0 else code or int(bool(unsaved))


def give_back(volume: Volume, *, before: float | None = None) -> bool:
    """Write to the bucket what is new or changed, and delete there what the job deleted; False when it failed.

    With `before` only what had its last change before that time, in seconds since 1970.
    """
    now = look(volume.tree)
    settled = {path: facts for path, facts in now.items() if before is None or facts[1] < before * 10**9}
    changed = [path for path, facts in settled.items() if volume.seen.get(path) != facts]
    gone = [path for path in volume.seen if path not in now]
    if not changed and not gone:
        return True
    try:
        _write(volume, changed, gone)
    except Exception as error:  # whatever it is, the job goes on, and hears of it
        _say(f"{volume.mount} could not be written to the bucket {volume.source}: {error}")
        return False
    held = {path: facts for path, facts in volume.seen.items() if path in now}
    _remember(volume, held | {path: settled[path] for path in changed})
    return True


def look(tree: Path) -> Seen:
    """Size and time of the last change, in nanoseconds, of each regular file below, by its path."""
    found: Seen = {}
    for folder, _folders, names in os.walk(tree):
        for name in names:
            path = Path(folder, name)
            with suppress(FileNotFoundError):
                facts = path.lstat()
                if stat.S_ISREG(facts.st_mode):
                    found[path.relative_to(tree).as_posix()] = [facts.st_size, facts.st_mtime_ns]
    return found


def _remember(volume: Volume, seen: Seen) -> None:
    volume.seen = seen
    new = volume.record.with_suffix(".new")
    new.write_text(json.dumps(seen))
    new.replace(volume.record)


def _keep(volume: Volume) -> None:
    target = Path.cwd() / UNSAVED / volume.mount.strip("/").replace("/", "-")
    shutil.copytree(volume.tree, target, symlinks=True, dirs_exist_ok=True)
    _say(f"The files of {volume.mount} are kept in the job's folder, in {target.relative_to(Path.cwd())}")


def _write(volume: Volume, changed: list[str], gone: list[str]) -> None:
    from huggingface_hub import HfApi  # noqa: PLC0415
    from huggingface_hub.utils import disable_progress_bars  # noqa: PLC0415

    disable_progress_bars()
    prefix = f"{volume.path}/" if volume.path else ""
    added: list[Any] = [(volume.tree / path, prefix + path) for path in changed]
    HfApi().batch_bucket_files(volume.source, add=added, delete=[prefix + path for path in gone])


def _address(volume: Volume) -> str:
    return f"hf://buckets/{volume.source}" + (f"/{volume.path}" if volume.path else "")


def _found(word: str, volumes: list[Volume]) -> str:
    """Where a machine lets nothing be mounted, words of the command that lead into a volume lead to its folder."""
    for volume in volumes:
        if not Path(volume.mount).exists() and (word == volume.mount or word.startswith(f"{volume.mount}/")):
            return str(volume.tree) + word.removeprefix(volume.mount)
    return word


def _count(seen: Seen) -> str:
    return "1 file" if len(seen) == 1 else f"{len(seen)} files"


def _say(text: str) -> None:
    print(f"===== {text} =====", flush=True)


if __name__ == "__main__":
    main()
