"""What a job says and uses, as files beside its working directory. No Django, no database.

Everything is written by the worker and read by the web process:

    JOBS_ROOT/<job>/work            the job's own folder, kept over attempts and for some time after the end
    JOBS_ROOT/<job>/shown/          what of it the job's page shows, kept when `work` is gone
    JOBS_ROOT/<job>/volumes/        copies of what it mounts of the hub, while it runs
    JOBS_ROOT/<job>/log.jsonl       {"data": line, "timestamp": "…Z"}: what log streams send as it is
    JOBS_ROOT/<job>/events.jsonl    the JSON event lines that recipes print (loss, samples, metrics)
    JOBS_ROOT/<job>/usage.jsonl     {"at": seconds, "cpu_millicores", "memory", "processes"} while it runs
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

LINE_LIMIT = 8 * 1024
LOG_LIMIT = 20 * 2**20
EVENTS_LIMIT = 8 * 2**20
BLOCK = 64 * 1024
STARTED = "===== Job started"
MASK = b"***"
# Shorter values would mask ordinary words.
SHORTEST_SECRET = 6


class JobFolder:
    """Where the files of one job lie."""

    def __init__(self, root: Path, job: str) -> None:
        if not (len(job) == 24 and job.isalnum()):
            raise ValueError(job)
        self.path = root / job
        self.work = self.path / "work"
        self.volumes = self.path / "volumes"
        self.shown = self.path / "shown"
        self.log = self.path / "log.jsonl"
        self.events = self.path / "events.jsonl"
        self.usage = self.path / "usage.jsonl"

    @property
    def readable(self) -> Path:
        """Where the page finds curves, pictures and sounds."""
        return self.work if self.work.exists() else self.shown

    def create(self) -> None:
        """The job's own user may pass through to `work`, and nobody may look around."""
        for folder in (self.path.parent, self.path):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o711)


class Journal:
    """Writes one attempt's output behind that of earlier attempts, with secrets masked and size capped."""

    def __init__(self, folder: JobFolder, secrets: Sequence[str] = ()) -> None:
        folder.create()
        self._log = _append_to(folder.log)
        self._events = _append_to(folder.events)
        self._usage = _append_to(folder.usage)
        self._partial = b""
        self.last_words = ""  # the last line of the program that says something to people
        self._full = self._log.tell() >= LOG_LIMIT
        self._secrets = [secret.encode() for secret in secrets if len(secret) >= SHORTEST_SECRET]

    def feed(self, data: bytes) -> None:
        """Take output as it comes. Carriage returns end lines too: progress bars become lines."""
        *lines, self._partial = (self._partial + data).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        while len(self._partial) > LINE_LIMIT:
            lines.append(self._partial[:LINE_LIMIT])
            self._partial = self._partial[LINE_LIMIT:]
        for line in lines:
            self._write_line(line)
        self._log.flush()
        self._events.flush()

    def note(self, text: str) -> None:
        """A line of the site's own, marked as such. The one that begins a job is not shown by clients."""
        self._append(f"===== {text} =====")
        self._log.flush()

    def end_line(self) -> None:
        """What came without a line break is a line, too."""
        line, self._partial = self._partial, b""
        if line:
            self._write_line(line)

    def sample(self, **figures: float) -> None:
        self._usage.write(json.dumps(figures) + "\n")
        self._usage.flush()

    def close(self) -> None:
        self.end_line()
        for file in (self._log, self._events, self._usage):
            file.close()

    def _write_line(self, line: bytes) -> None:
        for secret in self._secrets:
            line = line.replace(secret, MASK)
        is_event = line.startswith(b'{"event"')
        if line.strip() and not is_event:
            self.last_words = line.decode(errors="replace").strip()
        for start in range(0, max(len(line), 1), LINE_LIMIT):
            self._append(line[start : start + LINE_LIMIT].decode(errors="replace"))
        if is_event and self._events.tell() < EVENTS_LIMIT:
            # The job wrote this: brackets a thousand deep must not end its worker.
            with suppress(ValueError, RecursionError):
                self._events.write(json.dumps(json.loads(line) | {"at": _now()}) + "\n")

    def _append(self, text: str) -> None:
        if self._full:
            return
        if self._log.tell() > LOG_LIMIT:
            self._full = True
            text = f"===== The log has reached {LOG_LIMIT // 2**20} MiB; further output is not kept. ====="
        self._log.write(json.dumps({"data": text, "timestamp": _now()}, ensure_ascii=False) + "\n")


class LogReader:
    """Reads whole lines of a file that grows; each call of `read` gives what is new."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0

    def skip_to_last(self, lines: int) -> None:
        """Begin with the last `lines` lines of what is there now; reads backwards from the end."""
        with suppress(OSError), self.path.open("rb") as file:
            missing = lines + 1  # the line begins behind the line break before it
            position = file.seek(0, 2)
            while position:
                start = max(0, position - BLOCK)
                file.seek(start)
                block = file.read(position - start)
                breaks = block.count(b"\n")
                if breaks >= missing:
                    self._offset = start + len(block) - len(b"\n".join(block.split(b"\n")[-missing:]))
                    return
                missing, position = missing - breaks, start
            self._offset = 0

    def read(self, limit: int = 256 * 1024) -> list[str]:
        with suppress(OSError), self.path.open("rb") as file:
            file.seek(self._offset)
            whole, newline, _partial = file.read(limit).rpartition(b"\n")
            self._offset += len(whole) + len(newline)
            return whole.decode(errors="replace").split("\n") if whole else []
        return []


def last_lines(path: Path, count: int) -> list[dict[str, str]]:
    """The end of a log, for a page."""
    reader = LogReader(path)
    reader.skip_to_last(count)
    return list(_parsed(reader.read(limit=LOG_LIMIT)))


def text_lines(path: Path) -> Iterator[str]:
    """A whole log as text, piece by piece."""
    reader = LogReader(path)
    while lines := reader.read():
        yield "".join(f"{record.get('data', '')}\n" for record in _parsed(lines))


def read_records(path: Path) -> list[dict[str, Any]]:
    """All records of events.jsonl or usage.jsonl; torn lines are left out."""
    return list(_parsed(LogReader(path).read(limit=EVENTS_LIMIT * 2)))


def last_record(path: Path) -> dict[str, Any] | None:
    """The newest record, read from the end of the file."""
    with suppress(OSError), path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - 4096))
        for line in reversed(file.read().decode(errors="replace").split("\n")):
            found = list(_parsed([line]))
            if found:
                return found[0]
    return None


def _parsed(lines: Sequence[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        with suppress(ValueError):
            record = json.loads(line)
            if isinstance(record, dict):
                yield record


def _append_to(path: Path) -> IO[str]:
    """Open for appending; a line torn by a crash is closed first so that the next one stands alone."""
    path.touch(mode=0o600)
    file = path.open("a", encoding="utf-8")
    if path.stat().st_size:
        with path.open("rb") as existing:
            existing.seek(-1, 2)
            if existing.read() != b"\n":
                file.write("\n")
    return file


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
