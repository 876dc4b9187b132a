"""Samplers a request may name, as the stock scheduler each one is. A scheduler object belongs to one request."""

from __future__ import annotations

import copy
import functools
from dataclasses import dataclass, field
from typing import Any

import diffusers

from inference.engine.requests import BadRequest


@dataclass(frozen=True)
class Sampler:
    """A scheduler class, and what is changed in the configuration that came with the model."""

    class_name: str
    changes: dict[str, Any] = field(default_factory=dict)


DIFFUSION = {
    "ddim": Sampler("DDIMScheduler"),
    "ddpm": Sampler("DDPMScheduler"),
    "pndm": Sampler("PNDMScheduler", {"skip_prk_steps": True}),
    "lms": Sampler("LMSDiscreteScheduler"),
    "euler": Sampler("EulerDiscreteScheduler"),
    "euler_a": Sampler("EulerAncestralDiscreteScheduler"),
    "heun": Sampler("HeunDiscreteScheduler"),
    "dpmpp_2m": Sampler("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++"}),
    "dpmpp_2m_karras": Sampler(
        "DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++", "use_karras_sigmas": True}
    ),
    "dpmpp_2m_sde": Sampler("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}),
    "unipc": Sampler("UniPCMultistepScheduler"),
    "lcm": Sampler("LCMScheduler"),
}
FLOW = {
    "flow_euler": Sampler("FlowMatchEulerDiscreteScheduler"),
    "flow_heun": Sampler("FlowMatchHeunDiscreteScheduler"),
}
SAMPLERS = DIFFUSION | FLOW
# Sounds are learned on this one's own course of noise, which no other follows.
WITHOUT_OTHERS = frozenset(["IPNDMScheduler"])
# Where the network says how far it may be wrong, only these read it; beside a velocity only the first.
LEARNED = frozenset(["learned", "learned_range"])
SPREADING = ("ddpm", "dpmpp_2m")


def is_flow(scheduler: Any) -> bool:
    return type(scheduler).__name__.startswith("FlowMatch")


def fitting(scheduler: Any) -> list[str]:
    """The names that fit a model which came with this scheduler."""
    if type(scheduler).__name__ in WITHOUT_OTHERS:
        return []
    if scheduler.config.get("variance_type") in LEARNED:
        return list(SPREADING if scheduler.config.get("prediction_type") == "epsilon" else SPREADING[:1])
    return list(FLOW if is_flow(scheduler) else DIFFUSION)


def own_scheduler(scheduler: Any, name: str | None) -> Any:
    """A new scheduler for one request: the model's own kind, or the named one.

    Raises BadRequest when a model of this kind cannot be sampled so.
    """
    if name is None:
        return times_kept_here(_made_of(type(scheduler), scheduler))
    names = fitting(scheduler)
    if name not in names:
        words = f"scheduler must be one of {', '.join(names)}" if names else "this model has no scheduler but its own"
        raise BadRequest(words)
    sampler = SAMPLERS[name]
    return times_kept_here(_made_of(getattr(diffusers, sampler.class_name), scheduler, **sampler.changes))


def _made_of(kind: Any, scheduler: Any, **changes: Any) -> Any:
    """One is made for each model and sampler, and copied for each request: a copy takes a tenth of the time."""
    made = scheduler.__dict__.setdefault("_copied_for_requests", {})
    key = (kind, *sorted(changes.items()))
    if key not in made:
        made[key] = kind.from_config(scheduler.config, **changes)
    return copy.deepcopy(made[key])


def times_kept_here(scheduler: Any) -> Any:
    """Its times stay with the processor. On a GPU, each look at one would wait until all that was asked is done."""
    stock = scheduler.set_timesteps

    # Pipelines look at the parameters: `wraps` lets them see the stock ones.
    @functools.wraps(stock)
    def set_timesteps(*arguments: Any, **named: Any) -> Any:
        if "device" in named:
            named["device"] = "cpu"
        return stock(*arguments, **named)

    scheduler.set_timesteps = set_timesteps
    return scheduler
