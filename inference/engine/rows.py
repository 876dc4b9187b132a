"""The state of one request inside the engine, between two calls into a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from inference.engine.calls import Call
from inference.engine.lora import Use
from inference.engine.requests import Handle, Progress, Request, Result, Timings
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

    def __post_init__(self) -> None:
        self.steps = self.request.steps

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

    def result(self) -> Result:
        latents = self.latents.cpu() if self.request.keep_latents and self.latents is not None else None
        flagged = getattr(self.run.output, "nsfw_content_detected", None)
        return Result(
            self.run.output.images[0], self.parameters, self.timings, latents, is_flagged=bool(flagged and flagged[0])
        )

    def reached(self, step: int, steps: int, latents: Any, preview: Any = None) -> None:
        self.step, self.steps, self.latents = step, steps, latents
        self.handle.report(Progress(step, steps, preview))
