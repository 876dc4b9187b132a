"""The state of one request inside the engine, between two calls into a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from inference.engine.calls import Call
from inference.engine.lora import Use
from inference.engine.pictures import picture_of
from inference.engine.requests import Handle, Progress, Request, Result, Timings
from inference.engine.reuse import Reuse
from inference.engine.sounds import sound_of
from inference.engine.suspended import Suspended

DENOISERS = frozenset(["unet", "transformer"])


@dataclass
class Row:
    """One request under way: its pipeline, suspended at a call, and what is known so far."""

    handle: Handle
    run: Suspended
    parameters: dict[str, Any]
    loras: tuple[Use, ...] = ()
    step: int = 0
    steps: int = 0
    latents: Any = None
    timings: Timings = field(default_factory=Timings)
    reuse: Reuse = field(default_factory=Reuse)

    def __post_init__(self) -> None:
        self.steps = self.request.steps
        self.reuse.method = self.request.step_reuse

    @property
    def request(self) -> Request:
        return self.handle.request

    @property
    def call(self) -> Call:
        assert self.run.call is not None
        return self.run.call

    @property
    def is_done(self) -> bool:
        return self.run.call is None

    @property
    def is_denoising(self) -> bool:
        return self.call.part in DENOISERS

    @property
    def phase(self) -> str:
        """The name in Timings of what the row waits for."""
        if self.is_denoising:
            return "denoise"
        return "decode" if self.call.method == "decode" else "encode"

    def go_on(self, output: Any) -> None:
        """From the answer to this call to the next one that has to be computed."""
        if self.is_denoising:
            self.reuse.saw(output)
        self.run.resume(output)
        while not self.is_done and self.is_denoising:
            again = self.reuse.instead(steps=self.steps)
            if again is None:
                return
            self.run.resume(again)

    def result(self) -> Result:
        latents = self.latents.cpu() if self.request.keep_latents and self.latents is not None else None
        output = self.run.output
        flagged = getattr(output, "nsfw_content_detected", None) or getattr(output, "nsfw_detected", None)
        return Result(
            sound_of(output, self.parameters) if "audios" in output else picture_of(output.images[0]),
            self.parameters | self.reuse.told(),
            self.timings,
            latents,
            is_flagged=bool(flagged and flagged[0]),
        )

    def reached(self, step: int, steps: int, latents: Any, preview: Any = None) -> None:
        self.step, self.steps, self.latents = step, steps, latents
        self.handle.report(Progress(step, steps, preview))
