"""The state of one request inside the engine, between two steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from inference.engine.requests import Handle, Request, Timings


@dataclass
class Row:
    """One request under way. `state` belongs to the model that began it."""

    handle: Handle
    steps: int
    width: int
    height: int
    step: int = 0
    latents: Any = None
    state: Any = None
    timings: Timings = field(default_factory=Timings)

    @property
    def request(self) -> Request:
        return self.handle.request

    @property
    def is_done(self) -> bool:
        return self.step >= self.steps

    def parameters(self, pipeline: str) -> dict[str, Any]:
        """What makes this picture again."""
        request = self.request
        return {
            "model": request.model.repository,
            "commit": request.model.commit,
            "pipeline": pipeline,
            "prompt": request.prompt,
            "negative_prompt": request.negative_prompt,
            "seed": request.seed,
            "steps": request.steps,
            "guidance": request.guidance,
            "width": self.width,
            "height": self.height,
        }
