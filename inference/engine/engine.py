"""The engine: one thread that steps, one that loads, and a line of tenants before them."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Self

import torch

from inference.engine.families import Limits
from inference.engine.line import Line, Place
from inference.engine.loading import FolderSource, Loaded, Loading, SharedSource
from inference.engine.memory import Memory
from inference.engine.pace import Pace
from inference.engine.requests import EngineError, EngineFull, EngineStopped, Handle, Request, Standing
from inference.engine.rows import Row

logger = logging.getLogger(__name__)


@dataclass(eq=False)
class Active:
    """A row under way, what it uses, and when it last stepped."""

    row: Row
    loaded: Loaded
    turn: int = 0

    @property
    def tenant(self) -> str:
        return self.row.request.tenant

    @property
    def form(self) -> Hashable:
        """What calls take as much memory as this one's."""
        return (self.row.request.model, self.loaded.model.bucket(self.row))


@dataclass
class Counts:
    """What the engine did since it started; `calls` are denoiser calls, `row_steps` steps of requests."""

    calls: int = 0
    row_steps: int = 0


class Engine:
    """Submit requests from any thread; they share calls into networks where their model allows it.

    `max_rows` bounds the requests in one call, `max_waiting` those before them, `max_bytes` and
    `max_lora_bytes` the measured size of what is loaded, `max_call_bytes` what a call takes beside that.
    """

    def __init__(
        self,
        source: FolderSource | SharedSource,
        *,
        device: str = "cpu",
        dtype: torch.dtype | None = None,
        max_bytes: int = 8 * 2**30,
        max_lora_bytes: int = 2**30,
        max_rows: int = 8,
        max_waiting: int = 1000,
        max_call_bytes: int | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.max_rows = max_rows
        self.max_waiting = max_waiting
        self.counts = Counts()
        dtype = dtype or (torch.bfloat16 if device.startswith("cuda") else torch.float32)
        self.loading = Loading(
            source,
            device=device,
            dtype=dtype,
            max_bytes=max_bytes,
            max_lora_bytes=max_lora_bytes,
            limits=replace(limits or Limits(), rows=max_rows),
        )
        self._line = Line()
        self._pace = Pace()
        self.memory = Memory(max_call_bytes, device)
        self._active: deque[Active] = deque()
        self._turn = 0
        # One token for each request whose model has come, None to stop.
        self._arrivals: queue.SimpleQueue[Place | None] = queue.SimpleQueue()
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="engine-loader")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def submit(self, request: Request) -> Handle:
        """Returns at once; the handle ends with a Result or an EngineError."""
        handle = Handle(request)
        if self._stopping.is_set():
            handle.fail(EngineStopped())
            return handle
        waiting = len(self._line)
        if waiting >= self.max_waiting:
            handle.fail(EngineFull(waiting, self._pace.until_one_ends(self._rows())))
            return handle
        place = self._line.join(handle)
        loaded = self.loading.at_once(request)
        if loaded is not None:
            self._arrive(place, loaded)
        else:
            self._loader.submit(self._load, place)
        return handle

    def standing(self, handle: Handle) -> Standing | None:
        """Where this request waits; None when it has begun or ended."""
        before = self._line.before(handle)
        if before is None:
            return None
        free = self.max_rows - len(self._active)
        seconds = self._pace.until_begun(self._rows(), [other.request for other in before], free)
        return Standing(len(before), seconds)

    def stop(self) -> None:
        """Requests that have not ended get EngineStopped; models are dropped."""
        self._stopping.set()
        self.loading.close()
        self._loader.shutdown(wait=True, cancel_futures=False)
        self._arrivals.put(None)
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _rows(self) -> list[Row]:
        return [active.row for active in list(self._active)]

    # --- the loader's thread -----------------------------------------------------------------

    def _load(self, place: Place) -> None:
        request = place.handle.request
        try:
            if self._stopping.is_set():
                raise EngineStopped
            place.handle.check()
            loaded = self.loading.at_once(request) or self.loading.load(request)
        except Exception as error:
            if not isinstance(error, EngineError):
                logger.exception("could not load a model", extra={"model": request.model.repository})
            self._line.leave(place)
            place.handle.fail(error)
        else:
            self._arrive(place, loaded)

    def _arrive(self, place: Place, loaded: Loaded) -> None:
        place.loaded = loaded
        self._arrivals.put(place)

    # --- the engine's thread -----------------------------------------------------------------

    @torch.no_grad()
    def _run(self) -> None:
        while self._take_arrivals():
            self._admit()
            group = self._next_group()
            if group:
                self._step(group)
        for active in self._active:
            active.row.run.drop()
            active.row.handle.fail(EngineStopped())
        for place in self._line.empty():
            place.handle.fail(EngineStopped())

    def _take_arrivals(self) -> bool:
        """Sleeps when there is nothing to do. False when the engine stops."""
        has_come = False
        while True:
            try:
                idle = not self._active and not has_come and not self._line.has_next()
                arrival = self._arrivals.get(block=idle)
            except queue.Empty:
                return not self._stopping.is_set()
            if arrival is None:
                return False
            has_come = True

    def _admit(self) -> None:
        """Tenants in turn, while there are places. Whoever is refused leaves its place to the next."""
        for gone, error in self._line.ended():
            self._end(gone.handle, error)
        while len(self._active) < self.max_rows and (place := self._line.next()) is not None:
            assert place.loaded is not None
            self._begin(place.handle, place.loaded)

    def _begin(self, handle: Handle, loaded: Loaded) -> None:
        started = time.monotonic()
        try:
            handle.check()
            row = loaded.model.begin(handle, loaded.loras)
        except Exception as error:
            self._end(handle, error)
            return
        row.timings.queued = started - handle.submitted
        row.timings.spent("encode", time.monotonic() - started)
        self._active.append(Active(row, loaded))

    def _next_group(self) -> list[Active]:
        """The rows that may share a call with the one whose turn it is."""
        for active in [active for active in self._active if not self._may_go_on(active)]:
            self._active.remove(active)
        if not self._active:
            return []
        first = self._first()
        model = first.loaded.model
        bucket = model.bucket(first.row)
        group = [a for a in self._active if a.loaded.model is model and model.bucket(a.row) == bucket]
        group.sort(key=lambda active: (active is not first, active.turn))
        if first.row.phase != "encode":
            group = group[: self.memory.fitting(first.form, [active.row.call.rows for active in group])]
        if first.row.is_denoising:
            self._turn += 1
            for active in group:
                active.turn = self._turn
        return group

    def _first(self) -> Active:
        """Texts and pictures first: whoever has its text joins the next step, whoever has its picture is done.
        Then the tenant that waited longest for a step, and of its rows the one that did."""
        for active in self._active:
            if not active.row.is_denoising:
                return active
        latest: dict[str, int] = {}
        for active in self._active:
            latest[active.tenant] = max(active.turn, latest.get(active.tenant, 0))
        return min(self._active, key=lambda active: (latest[active.tenant], active.turn))

    def _may_go_on(self, active: Active) -> bool:
        try:
            active.row.handle.check()
        except EngineError as error:
            active.row.run.drop()
            self._end(active.row.handle, error)
            return False
        return True

    def _step(self, group: list[Active]) -> None:
        """One call into a network for all of the group, and each row's own work after it."""
        started = time.monotonic()
        rows = [active.row for active in group]
        try:
            with self.memory.watching(group[0].form, sum(row.call.rows for row in rows)):
                outputs = group[0].loaded.model.answers(rows)
        except Exception as error:
            self._after_failure(group, error)
            return
        seconds, is_denoising = time.monotonic() - started, group[0].row.is_denoising
        for active, output in zip(group, outputs, strict=True):
            active.row.timings.waited(active.row.phase, seconds, rows=len(group))
            self._go_on(active, output)
        if is_denoising:
            self.counts.calls += 1
            self.counts.row_steps += len(group)
            self._pace.saw(group[0].row.request.model, time.monotonic() - started, len(group))

    def _after_failure(self, group: list[Active], error: Exception) -> None:
        """A row that cannot be computed must not take the others with it: try each alone."""
        if len(group) == 1:
            self._active.remove(group[0])
            group[0].row.run.drop()
            self._end(group[0].row.handle, error)
            return
        logger.warning("a shared call failed; the requests go on alone: %r", error)
        for active in group:
            self._step([active])

    def _go_on(self, active: Active, output: object) -> None:
        row = active.row
        phase, started = row.phase, time.monotonic()
        try:
            row.go_on(output)
        except Exception as error:
            self._active.remove(active)
            self._end(row.handle, error)
            return
        row.timings.spent(phase, time.monotonic() - started)
        if row.is_done:
            self._active.remove(active)
            self.loading.release(row.request)
            row.handle.succeed(row.result())

    def _end(self, handle: Handle, error: Exception) -> None:
        if not isinstance(error, EngineError):
            logger.error("a request failed", exc_info=error)
        self.loading.release(handle.request)
        handle.fail(error)


def best_device() -> str:
    """`cuda` where there is one, else `cpu`."""
    return "cuda" if torch.cuda.is_available() else "cpu"
