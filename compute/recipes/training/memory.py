"""Less memory for more computing: activations that are computed again for the gradient instead of being kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn

from compute.recipes.refusal import Refused


def checkpoint_gradients(networks: Iterable[nn.Module]) -> None:
    """Every network inside that can. Raises Refused when none can."""
    able = [module for network in networks for module in network.modules() if _switch(module) is not None]
    if not able:
        raise Refused("No network of this recipe can compute its activations twice. Unset 'gradient_checkpointing'.")
    for module in able:
        _switch(module)()


def _switch(module: Any) -> Any:
    """What turns it on: diffusers and transformers name it differently."""
    if getattr(module, "_supports_gradient_checkpointing", False):
        return module.enable_gradient_checkpointing
    if getattr(module, "supports_gradient_checkpointing", False):
        return module.activation_checkpointing_enable
    return None
