"""Watches one attempt from start to end: output, limits, heartbeats. No Django, no database."""

from __future__ import annotations

import json
import os
import selectors
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from compute.backends import measuring, sandbox
from compute.journal import Journal

TICK = 0.25
SAMPLE_SECONDS = 1.0
BEAT_SECONDS = 2.0
DISK_SECONDS = 5.0
GRACE_SECONDS = 5.0
CHUNK = 2**16
LAST_WORDS = 400  # characters of a failed program's last line that its reason repeats


class Order(StrEnum):
    """The answer to a heartbeat."""

    CONTINUE = "continue"
    CANCEL = "cancel"
    INTERRUPT = "interrupt"
    # The lease is lost: somebody else may run this job already, so there is no time for grace.
    ABANDON = "abandon"


class End(StrEnum):
    """How an attempt ended. `LOST` is the machine's fault."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    INTERRUPTED = "interrupted"
    ABANDONED = "abandoned"
    LOST = "lost"


@dataclass
class Outcome:
    """Times in milliseconds, memory in bytes. `reason` is a sentence for the person who submitted the job."""

    end: End
    exit_code: int | None = None
    reason: str = ""
    milliseconds: int = 0
    cpu_milliseconds: int = 0
    peak_memory: int = 0


Beat = Callable[[], Order]


@dataclass
class Watch:
    """One running attempt. `run` returns when every process of it is gone."""

    running: sandbox.Running
    limits: sandbox.Limits
    journal: Journal
    beat: Beat
    folders: list[Path]
    outcome: Outcome = field(default_factory=lambda: Outcome(End.SUCCEEDED))
    _killed_at: float | None = None
    _last_cpu: tuple[float, int] = (0.0, 0)

    def run(self) -> Outcome:
        started = time.monotonic()
        due = {"sample": started, "beat": started, "disk": started + DISK_SECONDS}
        os.set_blocking(self.running.output, False)
        os.set_blocking(self.running.status, False)
        with selectors.DefaultSelector() as selector:
            selector.register(self.running.output, selectors.EVENT_READ)
            while self.running.process.poll() is None:
                if selector.select(TICK) and not self._read_output():
                    selector.unregister(self.running.output)
                now = time.monotonic()
                self._keep_time(now - started)
                if now >= due["sample"]:
                    due["sample"] = now + SAMPLE_SECONDS
                    self._sample(now)
                if now >= due["disk"]:
                    due["disk"] = now + DISK_SECONDS
                    self._check_disk()
                if now >= due["beat"]:
                    due["beat"] = now + BEAT_SECONDS
                    self._obey(self.beat())
        self.outcome.milliseconds = round((time.monotonic() - started) * 1000)
        self.running.kill()
        self._drain()
        self.journal.end_line()
        self._conclude()
        return self.outcome

    def _keep_time(self, elapsed: float) -> None:
        if self._killed_at is not None:
            if time.monotonic() > self._killed_at:
                self.running.kill()
        elif elapsed > self.limits.wall_seconds:
            self._stop(End.TIMED_OUT, f"Stopped at the time limit of {self.limits.wall_seconds} s.")

    def _obey(self, order: Order) -> None:
        if order is Order.CANCEL:
            self._stop(End.CANCELLED, "Cancelled.")
        elif order is Order.INTERRUPT:
            self._stop(End.INTERRUPTED, "The worker was stopped by its operator.")
        elif order is Order.ABANDON:
            self._stop(End.ABANDONED, "The worker lost its lease.", grace=0)

    def _stop(self, end: End, reason: str, *, grace: float | None = None) -> None:
        """The first reason stands; the job gets some seconds to write a checkpoint, unless `grace` is 0."""
        if self._killed_at is None:
            self.outcome.end, self.outcome.reason = end, reason
            self.journal.note(reason)
            self.running.terminate()
            self._killed_at = time.monotonic() + (GRACE_SECONDS if grace is None else grace)
        if grace == 0:
            self.running.kill()

    def _sample(self, now: float) -> None:
        usage = measuring.usage_of(self.running.process.pid)
        group_cpu = self.running.group.cpu_milliseconds() if self.running.group else None
        cpu = group_cpu if group_cpu is not None else max(usage.cpu_milliseconds, self.outcome.cpu_milliseconds)
        before, cpu_before = self._last_cpu
        millicores = round((cpu - cpu_before) / (now - before)) if before and now > before else 0
        self._last_cpu = (now, cpu)
        self.outcome.cpu_milliseconds = cpu
        self.outcome.peak_memory = max(self.outcome.peak_memory, usage.memory)
        self.journal.sample(
            at=round(time.time(), 2), cpu_millicores=millicores, memory=usage.memory, processes=usage.processes
        )
        # Where the kernel keeps the limit, a sum that counts shared pages twice must not overrule it.
        if self.running.group is None and usage.memory > self.limits.memory:
            self._stop(End.FAILED, self._memory_reason(), grace=0)

    def _check_disk(self) -> None:
        if sum(map(measuring.disk_usage, self.folders)) > self.limits.disk:
            self._stop(End.FAILED, f"The job's folder grew beyond {_size(self.limits.disk)}.", grace=0)

    def _memory_reason(self) -> str:
        return f"Out of memory: this flavor gives a job {_size(self.limits.memory)}."

    def _read_output(self) -> bool:
        """Whether there was something; at the end of the output there never is again."""
        with suppress(BlockingIOError):
            data = os.read(self.running.output, CHUNK)
            self.journal.feed(data)
            return bool(data)
        return False

    def _drain(self) -> None:
        while self._read_output():
            pass

    def _conclude(self) -> None:
        """Read the launcher's last words and name the end, unless this side brought it about."""
        status = b""
        with suppress(BlockingIOError):
            status = os.read(self.running.status, CHUNK)
        reports = {report["event"]: report for report in map(json.loads, status.splitlines())}
        code = self.running.process.returncode
        ended = reports.get("ended")
        if ended:
            self.outcome.exit_code = ended["exit_code"]
            self.outcome.cpu_milliseconds = max(self.outcome.cpu_milliseconds, ended["cpu_milliseconds"])
            self.outcome.peak_memory = max(self.outcome.peak_memory, ended["peak_memory"])
        if self._killed_at is not None:
            return
        group = self.running.group
        if group is not None and group.memory_kills() and code != 0:
            self.outcome.end, self.outcome.reason = End.FAILED, self._memory_reason()
        elif ended is None:
            message = reports.get("failed", {}).get("message", f"The sandbox ended with {code}.")
            self.outcome.end, self.outcome.reason = End.LOST, message
        elif code:
            self.outcome.end = End.FAILED
            self.outcome.reason = _reason_of(ended["exit_code"], self.limits, self.journal.last_words)
        if group is not None and group.refused_forks():
            self.journal.note(f"The limit of {self.limits.processes} processes was reached.")


def run(
    launch: sandbox.Launch, *, journal: Journal, beat: Beat, level: str = "auto"
) -> tuple[Outcome, sandbox.Running]:
    """Start, watch to the end, clean up. Raises SandboxFailed when the job never started."""
    running = sandbox.launch(launch, level=level)
    try:
        return Watch(running, launch.limits, journal, beat, launch.folders).run(), running
    finally:
        running.close()


def _reason_of(code: int, limits: sandbox.Limits, last_words: str) -> str:
    if code == 128 + 25:
        return f"A file grew beyond the limit of {_size(limits.file_size)}."
    if code == 128 + 24:
        return f"A process used more than {limits.cpu_seconds} s of CPU time."
    if code == 127:
        return "The command was not found in this image (exit code 127)."
    if code > 128:
        return f"The program was ended by signal {code - 128}."
    if last_words:
        return f"The program ended with exit code {code}: {_shortened(last_words)}"
    return f"The program ended with exit code {code}."


def _shortened(text: str) -> str:
    return text if len(text) <= LAST_WORDS else text[: LAST_WORDS - 1] + "…"


def _size(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"
