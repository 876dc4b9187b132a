"""The engine: one thread that steps, one that loads, and a queue before them."""

from __future__ import annotations

import gc
import logging
import queue
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import torch

from inference.engine.cache import ModelCache
from inference.engine.families import ServedModel, load_model
from inference.engine.folders import check_folder, weights_size
from inference.engine.requests import EngineError, EngineStopped, Handle, ModelKey, Request
from inference.engine.rows import Row

logger = logging.getLogger(__name__)


class FolderSource(Protocol):
    """Where model folders come from: `downloads.Downloads`, or anything of its shape."""

    def folder(self, key: ModelKey, token: str | None = None) -> Path:
        """The local folder of this version. Raises ModelRefused."""
        ...


@dataclass
class Active:
    """A row under way and the model it runs on."""

    row: Row
    model: ServedModel


@dataclass
class Counts:
    """What the engine did since it started; `calls` are denoiser calls, `row_steps` steps of requests."""

    calls: int = 0
    row_steps: int = 0
    loads: int = 0


class Engine:
    """Submit requests from any thread; they share denoiser calls where their model allows it.

    `max_rows` bounds the requests in one call, `max_bytes` the measured size of loaded models.
    """

    def __init__(
        self,
        source: FolderSource,
        *,
        device: str = "cpu",
        dtype: torch.dtype | None = None,
        max_bytes: int = 8 * 2**30,
        max_rows: int = 8,
    ) -> None:
        self.source = source
        self.device = device
        self.dtype = dtype or (torch.bfloat16 if device.startswith("cuda") else torch.float32)
        self.max_rows = max_rows
        self.counts = Counts()
        self.models: ModelCache[ServedModel] = ModelCache(max_bytes, dropped=self._collect)
        self._ready: queue.SimpleQueue[tuple[Handle, ServedModel] | None] = queue.SimpleQueue()
        self._active: deque[Active] = deque()
        self._waiting: deque[tuple[Handle, ServedModel]] = deque()
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
        model = self.models.acquire_loaded(request.model)
        if model is not None:
            self._ready.put((handle, model))
        else:
            self._loader.submit(self._load, handle)
        return handle

    def stop(self) -> None:
        """Requests that have not ended get EngineStopped; models are dropped."""
        self._stopping.set()
        self.models.close()
        self._loader.shutdown(wait=True, cancel_futures=False)
        self._ready.put(None)
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    # --- the loader's thread -----------------------------------------------------------------

    def _load(self, handle: Handle) -> None:
        key = handle.request.model
        try:
            if self._stopping.is_set():
                raise EngineStopped
            handle.check()
            model = self.models.acquire_loaded(key) or self._load_from_folder(handle)
        except Exception as error:
            if not isinstance(error, EngineError):
                logger.exception("could not load a model", extra={"model": key.repository})
            handle.fail(error)
        else:
            self._ready.put((handle, model))

    def _load_from_folder(self, handle: Handle) -> ServedModel:
        key = handle.request.model
        folder = self.source.folder(key, handle.request.token)
        check_folder(folder)

        def load() -> ServedModel:
            self.counts.loads += 1
            return load_model(folder, device=self.device, dtype=self.dtype)

        return self.models.acquire(key, load, expected=weights_size(folder))

    def _collect(self) -> None:
        gc.collect()
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()

    # --- the engine's thread -----------------------------------------------------------------

    @torch.no_grad()
    def _run(self) -> None:
        while self._take_arrivals():
            self._admit()
            group = self._next_group()
            if group:
                self._step(group)
        for handle, _model in self._waiting:
            handle.fail(EngineStopped())
        for active in self._active:
            active.row.run.drop()
            active.row.handle.fail(EngineStopped())

    def _take_arrivals(self) -> bool:
        """Collect what arrived; sleep when there is nothing to do. False when the engine stops."""
        while True:
            idle = not self._active and not self._waiting
            try:
                arrival = self._ready.get(block=idle)
            except queue.Empty:
                return not self._stopping.is_set()
            if arrival is None:
                return False
            self._waiting.append(arrival)

    def _admit(self) -> None:
        """In order of arrival, while there are places."""
        while self._waiting and len(self._active) < self.max_rows:
            handle, model = self._waiting.popleft()
            started = time.monotonic()
            try:
                handle.check()
                row = model.begin(handle)
            except Exception as error:
                self._end(handle, error)
                continue
            row.timings.queued = started - handle.submitted
            row.timings.spent("encode", time.monotonic() - started)
            self._active.append(Active(row, model))

    def _next_group(self) -> list[Active]:
        """The rows that may share a call with the one that waited longest for its turn."""
        for active in [active for active in self._active if not self._may_go_on(active)]:
            self._active.remove(active)
        if not self._active:
            return []
        # Texts and pictures first: whoever has its text joins the next step, whoever has its picture is done.
        first = next((active for active in self._active if not active.row.is_denoising), self._active[0])
        bucket = first.model.bucket(first.row)
        group = [a for a in self._active if a.model is first.model and a.model.bucket(a.row) == bucket]
        # Those whose turn it is go to the end of the line, so that other models get theirs.
        for active in group:
            self._active.remove(active)
        self._active.extend(group)
        return group

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
        try:
            outputs = group[0].model.answers([active.row for active in group])
        except Exception as error:
            self._after_failure(group, error)
            return
        seconds = time.monotonic() - started
        if group[0].row.is_denoising:
            self.counts.calls += 1
            self.counts.row_steps += len(group)
        for active, output in zip(group, outputs, strict=True):
            active.row.timings.waited(active.row.phase, seconds, rows=len(group))
            self._go_on(active, output)

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
            row.run.resume(output)
        except Exception as error:
            self._active.remove(active)
            self._end(row.handle, error)
            return
        row.timings.spent(phase, time.monotonic() - started)
        if row.is_done:
            self._active.remove(active)
            self.models.release(row.request.model)
            row.handle.succeed(row.result())

    def _end(self, handle: Handle, error: Exception) -> None:
        if not isinstance(error, EngineError):
            logger.error("a request failed", exc_info=error)
        self.models.release(handle.request.model)
        handle.fail(error)


def best_device() -> str:
    """`cuda` where there is one, else `cpu`."""
    return "cuda" if torch.cuda.is_available() else "cpu"
