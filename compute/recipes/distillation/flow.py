"""What LADD needs of a transformer with rectified flow: the student's times, and the teacher's look at pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel
from torch import Tensor, nn

from compute.recipes.distillation.config import ModelConfig
from compute.recipes.text_to_image import flow


def student_scheduler(config: ModelConfig, *, steps: int) -> FlowMatchEulerDiscreteScheduler:
    """The stock scheduler that walks the student's times.

    The stock one ends its walk just above 0, where a step does nothing; `shift_terminal` ends it at a time worth a
    step. With a single step there is no end to stretch to, and the stock class would divide by zero.
    """
    last_time = config.last_time if steps > 1 else None
    return FlowMatchEulerDiscreteScheduler(shift=config.shift, shift_terminal=last_time)


def student_times(config: ModelConfig) -> Tensor:
    """From pure noise (1) on, as the scheduler walks them."""
    scheduler = student_scheduler(config, steps=config.steps)
    scheduler.set_timesteps(config.steps)
    return scheduler.sigmas[:-1].clone()


@dataclass(frozen=True)
class Asked:
    """What the text encoders say: states (n, tokens, width) and pooled (n, width)."""

    states: Tensor
    pooled: Tensor


def velocity(transformer: SD3Transformer2DModel, noisy: Tensor, times: Tensor, asked: Asked) -> Tensor:
    return flow.velocity(transformer, noisy, times, (asked.states, asked.pooled)).float()


def along(times: Tensor) -> Tensor:
    """Times (n,) to be multiplied with pictures."""
    return times.view(-1, 1, 1, 1)


def noised(latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
    return (1.0 - along(times)) * latents + along(times) * noise


class Eye:
    """Looks into a frozen transformer after some of its blocks while it answers."""

    def __init__(self, transformer: SD3Transformer2DModel, blocks: Sequence[int]) -> None:
        self._transformer = transformer
        self._blocks = list(blocks) or list(range(len(transformer.transformer_blocks)))

    @property
    def channels(self) -> list[int]:
        return [self._transformer.inner_dim] * len(self._blocks)

    def look(self, noisy: Tensor, times: Tensor, asked: Asked) -> tuple[list[Tensor], Tensor]:
        """Features (n, channels, height, width) after each block, and the velocity."""
        patch = self._transformer.config.patch_size
        height, width = noisy.shape[2] // patch, noisy.shape[3] // patch
        seen: list[Tensor] = []

        def keep(block: nn.Module, given: tuple[Tensor, ...], answer: tuple[Tensor | None, Tensor]) -> None:
            seen.append(answer[1].transpose(1, 2).unflatten(2, (height, width)))

        blocks = self._transformer.transformer_blocks
        hooks = [blocks[place].register_forward_hook(keep) for place in self._blocks]
        try:
            answer = velocity(self._transformer, noisy, times, asked)
        finally:
            for hook in hooks:
                hook.remove()
        return seen, answer
