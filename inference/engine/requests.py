"""What goes into the engine and what comes out. No torch here."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from PIL.Image import Image

logger = logging.getLogger(__name__)


class EngineError(Exception):
    """Base of everything the engine answers instead of a picture."""


class Cancelled(EngineError):
    """The caller cancelled; no further step was computed."""


class DeadlinePassed(EngineError):
    """The request's deadline passed between two steps."""


class EngineStopped(EngineError):
    """The engine was stopped while the request waited or ran."""


class ModelRefused(EngineError):
    """The engine will not load this model. `code` is one of `folders.REASONS`, `detail` names the part."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


class EngineFull(EngineError):
    """Too many requests wait. `retry_after`: seconds until one of them begins, None before anything was measured."""

    def __init__(self, waiting: int, retry_after: float | None) -> None:
        super().__init__(f"{waiting} requests wait already")
        self.waiting = waiting
        self.retry_after = retry_after


class BadRequest(EngineError):
    """The parameters do not fit this model; the message says which."""


@dataclass(frozen=True)
class ModelKey:
    """One version of one model: `ns/name` and the full commit."""

    repository: str
    commit: str


@dataclass(frozen=True)
class LoraUse:
    """A version of a LoRA, and how strongly it acts."""

    lora: ModelKey
    scale: float = 1.0


@dataclass(frozen=True)
class Progress:
    """`step` of `steps` are done. `preview` is a picture of the estimate so far, where that is cheap."""

    step: int
    steps: int
    preview: Image | None = None


@dataclass(frozen=True)
class Request:
    """One picture, or one sound. `deadline` is a time.monotonic() value; sizes in pixels, None for the image's or the
    model's own, as for the `seconds` of a sound.

    With an `image` it is redrawn, as far from it as `strength` says; with a `mask` only what is white in
    it. A model that enlarges makes the image noisy first, as `noise_level` says. `scheduler` is one of
    `samplers.SAMPLERS`, None for the one that came with the model. `step_reuse` is one of `reuse.EVERY`, empty
    to compute all steps. Requests of one `tenant` keep their order; tenants take turns.
    """

    model: ModelKey
    prompt: str
    seed: int
    steps: int
    guidance: float
    negative_prompt: str = ""
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    scheduler: str | None = None
    image: Image | None = field(default=None, repr=False)
    mask: Image | None = field(default=None, repr=False)
    strength: float = 0.8
    image_guidance: float = 1.5
    noise_level: int | None = None
    loras: tuple[LoraUse, ...] = ()
    step_reuse: str = ""
    tenant: str = ""
    deadline: float | None = None
    token: str | None = field(default=None, repr=False)
    on_progress: Callable[[Progress], None] | None = field(default=None, repr=False)
    previews: bool = False
    keep_latents: bool = False

    def parameters(self) -> dict[str, Any]:
        """What makes this picture again, as the result tells it."""
        told: dict[str, Any] = {
            "model": self.model.repository,
            "commit": self.model.commit,
            "prompt": self.prompt,
            "negative_prompt": self.negative_prompt,
            "seed": self.seed,
            "steps": self.steps,
            "guidance": self.guidance,
        }
        if self.scheduler is not None:
            told["scheduler"] = self.scheduler
        if self.loras:
            told["loras"] = [
                {"model": use.lora.repository, "commit": use.lora.commit, "scale": use.scale} for use in self.loras
            ]
        if self.noise_level is not None:
            told["noise_level"] = self.noise_level
        elif self.image is not None:
            told |= {"strength": self.strength, "image_guidance": self.image_guidance}
        return told


@dataclass(frozen=True)
class Standing:
    """`position` requests will begin before this one, in about `seconds`; None before anything was measured."""

    position: int
    seconds: float | None


@dataclass
class Timings:
    """Seconds. `device` is this request's share of the time its batches took; `shared_steps`
    counts its steps that shared a call with another request."""

    queued: float = 0.0
    encode: float = 0.0
    denoise: float = 0.0
    decode: float = 0.0
    device: float = 0.0
    shared_steps: int = 0

    def waited(self, phase: str, seconds: float, *, rows: int) -> None:
        """A call of this many rows took so long."""
        setattr(self, phase, getattr(self, phase) + seconds)
        self.device += seconds / rows
        self.shared_steps += phase == "denoise" and rows > 1

    def spent(self, phase: str, seconds: float) -> None:
        """So long was spent on this request alone."""
        self.waited(phase, seconds, rows=1)


@dataclass(frozen=True, eq=False)
class Sound:
    """`samples` is a float32 array from -1 to 1 with a row for each channel; `rate` of them last a second."""

    samples: Any = field(repr=False)
    rate: int


@dataclass(frozen=True)
class Result:
    """The picture or the sound, and the parameters that make it again. `latents` only when they were asked for.

    `is_flagged` when the model's own safety checker blacked it out.
    """

    made: Image | Sound
    parameters: dict[str, Any]
    timings: Timings
    latents: Any = None
    is_flagged: bool = False

    @property
    def picture(self) -> Image:
        """Of a model that makes pictures."""
        assert not isinstance(self.made, Sound)
        return self.made

    @property
    def sound(self) -> Sound:
        """Of a model that makes sounds."""
        assert isinstance(self.made, Sound)
        return self.made


class Handle:
    """A submitted request: wait for it, or cancel it."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.submitted = time.monotonic()
        self._future: Future[Result] = Future()
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Takes effect before the next step; `result` then raises Cancelled."""
        self._cancelled.set()

    def when_ended(self, tell: Callable[[], None]) -> None:
        """`tell` is called once the request has ended, in the engine's thread or, if it has, at once."""
        self._future.add_done_callback(lambda _future: tell())

    def wait(self, timeout: float | None = None) -> bool:
        """True when the request has ended, whatever way."""
        try:
            self._future.exception(timeout)
        except TimeoutError:
            return False
        return True

    def result(self, timeout: float | None = None) -> Result:
        """The result, or the EngineError that ended the request; TimeoutError when it still runs."""
        return self._future.result(timeout)

    def check(self) -> None:
        """Raises Cancelled or DeadlinePassed when no further step should be computed."""
        if self._cancelled.is_set():
            raise Cancelled
        if self.request.deadline is not None and time.monotonic() > self.request.deadline:
            raise DeadlinePassed

    def report(self, progress: Progress) -> None:
        """Tell the caller; a caller that fails to listen does not stop the engine."""
        if self.request.on_progress is None:
            return
        try:
            self.request.on_progress(progress)
        except Exception:
            logger.exception("a progress callback failed")

    def succeed(self, result: Result) -> None:
        if not self._future.done():
            self._future.set_result(result)

    def fail(self, error: BaseException) -> None:
        if not self._future.done():
            self._future.set_exception(error)
