"""What a job's files tell its page: loss, samples, metrics, use of the machine. Reads, never writes.

The job itself wrote parts of this, so nothing in it is trusted: numbers are checked, pictures and sounds are
opened without following links and served only when they are such.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compute.algorithms.charts import Chart, chart
from compute.backends.sandbox import WORK
from compute.curves import curves_of
from compute.files import open_inside
from compute.journal import JobFolder, last_lines, read_records

# As many as fit without scrolling; the whole log has an address of its own.
LOG_LINES = 24
MOST_SAMPLES = 12
MOST_NOTES, LONGEST_NOTE = 8, 500
LARGEST_PICTURE = 8 * 2**20
SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"RIFF": "audio/wav",
    b"fLaC": "audio/flac",
}
REPOSITORY = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}", re.ASCII)
COMMIT = re.compile(r"[0-9a-f]{40}")
LONGEST = 10**9  # seconds
SOUNDS = (".wav", ".flac")


@dataclass(frozen=True)
class Sample:
    """A picture or sound that the job made; `number` is its place among the sample events."""

    number: int
    step: int
    path: str
    prompts: list[str]

    @property
    def inside(self) -> str:
        """Its path below the job's folder."""
        return self.path.removeprefix(f"{WORK}/")

    @property
    def is_sound(self) -> bool:
        return self.path.lower().endswith(SOUNDS)


@dataclass(frozen=True)
class Progress:
    loss: Chart | None
    cpu: Chart | None
    memory: Chart | None
    step: int | None
    steps: int | None  # how many there shall be
    seconds_left: int | None
    notes: list[str]  # what the program wants a person to know before it is too late
    published: list[tuple[str, str]]  # repositories on this site and their commits, as the job told them
    learning_rate: float | None
    samples: list[Sample]
    metrics: list[tuple[str, float]]
    curves: list[tuple[str, Chart]]
    log: list[dict[str, str]]


def progress_of(folder: JobFolder) -> Progress:
    events = read_records(folder.events)
    # A resumed attempt repeats some steps: what was said last about a step counts.
    steps = {number: event for event in events if (number := _step(event)) is not None and event.get("event") == "step"}
    usage = read_records(folder.usage)
    start = _number(usage[0].get("at")) if usage else 0.0
    return Progress(
        loss=chart([(step, _number(event.get("loss"))) for step, event in steps.items()]),
        cpu=chart([(_number(row.get("at")) - start, _number(row.get("cpu_millicores")) / 1000) for row in usage]),
        memory=chart([(_number(row.get("at")) - start, _number(row.get("memory")) / 2**30) for row in usage]),
        step=max(steps, default=None),
        steps=_whole(steps[max(steps)].get("of")) if steps else None,
        seconds_left=_seconds_left(list(steps.values())),
        notes=_notes(events),
        published=_published(events),
        learning_rate=_number(steps[max(steps)].get("lr")) if steps else None,
        samples=samples_in(events)[-MOST_SAMPLES:],
        metrics=list(_latest_metrics(events).items()),
        curves=_charts(events, folder.readable),
        log=last_lines(folder.log, LOG_LINES),
    )


def _latest_metrics(events: list[dict[str, Any]]) -> dict[str, float]:
    """What was measured last, by name: a schedule measures the same again and again."""
    return {str(e.get("name"))[:60]: _number(e.get("value")) for e in events if e.get("event") == "metric"}


def _charts(events: list[dict[str, Any]], work: Path) -> list[tuple[str, Chart]]:
    """Of everything but the loss, which has its own place, and the clock."""
    curves = curves_of(events, work)
    drawn = (
        (name, chart(points, width=360, height=180))
        for name, points in curves.items()
        if name not in {"loss", "seconds"}
    )
    return [(name, drawing) for name, drawing in drawn if drawing is not None]


def _seconds_left(steps: list[dict[str, Any]]) -> int | None:
    """As the steps went that are known, both ends told by the program's own clock."""
    if len(steps) < 2:
        return None
    first, last = min(steps, key=_step_or_zero), max(steps, key=_step_or_zero)
    of, done = _whole(last.get("of")), _step_or_zero(last) - _step_or_zero(first)
    seconds = _number(last.get("seconds")) - _number(first.get("seconds"))
    if of is None or done <= 0 or not 0 < seconds < LONGEST:
        return None
    return max(0, round((of - _step_or_zero(last)) * seconds / done))


def _notes(events: list[dict[str, Any]]) -> list[str]:
    told = [event["text"][:LONGEST_NOTE] for event in events if _is_note(event)]
    return list(dict.fromkeys(told))[:MOST_NOTES]


def _is_note(event: dict[str, Any]) -> bool:
    return event.get("event") == "note" and isinstance(event.get("text"), str)


def _published(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    told = [(str(e.get("repo_id")), str(e.get("commit"))) for e in events if e.get("event") == "published"]
    return list(dict.fromkeys(pair for pair in told if REPOSITORY.fullmatch(pair[0]) and COMMIT.fullmatch(pair[1])))


def _step_or_zero(event: dict[str, Any]) -> int:
    return _step(event) or 0


def samples_in(events: list[dict[str, Any]]) -> list[Sample]:
    found = [event for event in events if event.get("event") == "sample" and isinstance(event.get("path"), str)]
    return [
        Sample(number, _step(event) or 0, event["path"], [str(each)[:80] for each in _list(event.get("prompts"))[:8]])
        for number, event in enumerate(found)
    ]


def read_sample(folder: JobFolder, number: int) -> tuple[bytes, str] | None:
    """A sample's bytes and media type; None when there is no such picture or sound."""
    samples = samples_in(read_records(folder.events))
    if number >= len(samples):
        return None
    data = sample_bytes(folder.readable, samples[number])
    media_type = next((kind for signature, kind in SIGNATURES.items() if data.startswith(signature)), None)
    return (data, media_type) if media_type else None


def sample_bytes(root: Path, sample: Sample) -> bytes:
    """Empty when it is not there or too large."""
    return _read(root, sample.inside)


def _read(root: Path, path: str) -> bytes:
    file = open_inside(root, path)
    if file is None:
        return b""
    with file, suppress(OSError):
        data = file.read(LARGEST_PICTURE + 1)
        return data if len(data) <= LARGEST_PICTURE else b""
    return b""


def _step(event: dict[str, Any]) -> int | None:
    return _whole(event.get("step"))


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 2**53 else None


def _number(value: object) -> float:
    try:
        return float(value) if isinstance(value, int | float) else float("nan")
    except OverflowError:
        return float("nan")


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
