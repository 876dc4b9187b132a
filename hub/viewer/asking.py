"""The near side: takes a reader, gives it the bytes it asks for, and ends it in time."""

import select
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from hub.viewer import readers, wire

_GLANCE = 0.25  # seconds between looks at clock and cancellation
_MOST_PARTS = 2000


class Refused(Exception):
    """The reader says why it cannot answer; `line` and `column` point into a query, 0 when nowhere."""

    def __init__(self, message: str, *, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class OutOfTime(Exception):
    """It took longer than allowed."""


class OutOfMemory(Exception):
    """It needed more memory than allowed, or broke: damaged files make libraries do either."""


class Cancelled(Exception):
    """Whoever asked does not want to know any more."""


class NoCage(Exception):
    """This machine cannot confine a reader."""


@dataclass(frozen=True)
class Source:
    """Bytes that may be read: `read(start, length)` gives exactly these."""

    size: int
    read: Callable[[int, int], bytes]


@dataclass(frozen=True)
class Limits:
    """Bytes of memory, seconds of wall clock, bytes of pictures and sounds or of the file that is written."""

    memory: int
    seconds: float
    output: int = 64 * 2**20


@dataclass
class Answer:
    value: Any = None
    parts: list[bytes] = field(default_factory=list)


def ask(
    task: dict[str, Any],
    sources: Sequence[Source],
    *,
    limits: Limits,
    output: BinaryIO | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Answer:
    """Let a reader do one task over these bytes. What it writes goes to `output`.

    Raises Refused, OutOfTime, OutOfMemory, Cancelled, NoCage.
    """
    reader = readers.reader()
    try:
        # CPU time counts for all threads; the wall clock is what ends it as a rule.
        bounds = {"memory": limits.memory, "seconds": int(limits.seconds * 2) + 2}
        message = task | {"sizes": [source.size for source in sources], "limits": bounds}
        return _Talk(reader.door.fileno(), sources, limits, output, is_cancelled).hold(message)
    finally:
        reader.end()


@dataclass
class _Talk:
    fd: int
    sources: Sequence[Source]
    limits: Limits
    output: BinaryIO | None
    is_cancelled: Callable[[], bool]
    written: int = 0
    answer: Answer = field(default_factory=Answer)

    def hold(self, message: dict[str, Any]) -> Answer:
        deadline = time.monotonic() + self.limits.seconds
        try:
            wire.send(self.fd, message)
            while True:
                self._wait(deadline)
                head, body = wire.receive(self.fd)
                if self._is_last(head, body):
                    return self.answer
        except wire.ConnectionEnded as error:
            raise OutOfMemory(str(error)) from error

    def _wait(self, deadline: float) -> None:
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise OutOfTime(f"it took longer than {self.limits.seconds:g} seconds")
            if self.is_cancelled():
                raise Cancelled("it was cancelled")
            if select.select([self.fd], [], [], min(left, _GLANCE))[0]:
                return

    def _is_last(self, head: dict[str, Any], body: bytes) -> bool:
        if "read" in head:
            self._serve(head)
        elif "part" in head:
            self._count(body)
            self.answer.parts.append(body)
            if len(self.answer.parts) > _MOST_PARTS:
                raise Refused("there are too many pictures or sounds in these rows")
        elif "output" in head and self.output is not None:
            self._count(body)
            self.output.write(body)
        elif "restart" in head and self.output is not None:
            self.output.seek(0)
            self.output.truncate()
            self.written = 0
        elif "answer" in head:
            self.answer.value = head["answer"]
            return True
        elif head.get("refused") == "memory":
            raise OutOfMemory("it needs more memory than is allowed")
        elif "refused" in head:
            raise Refused(str(head["refused"]), line=int(head.get("line", 0)), column=int(head.get("column", 0)))
        elif "no_cage" in head:
            raise NoCage(str(head["no_cage"]))
        return False

    def _serve(self, head: dict[str, Any]) -> None:
        """Whatever the reader has become, it gets bytes of these files only."""
        number, start, length = (int(head[name]) for name in ("read", "start", "length"))
        data = b""
        if 0 <= number < len(self.sources) and start >= 0 and 0 <= length <= wire.MOST_BODY:
            source = self.sources[number]
            if start + length <= source.size:
                data = source.read(start, length)
        wire.send(self.fd, {"bytes": len(data)}, data)

    def _count(self, body: bytes) -> None:
        self.written += len(body)
        if self.written > self.limits.output:
            raise Refused(f"the result is larger than {self.limits.output} bytes")
