"""LoRA's layers inside a frozen network, in the format that stock pipelines load."""

from __future__ import annotations

from typing import Any

from diffusers import UNet2DConditionModel
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from torch import Tensor, nn

from compute.recipes.adapters.config import AdapterConfig

LORA = "pytorch_lora_weights.safetensors"  # what the stock classes call the file
ATTENTION = ["to_k", "to_q", "to_v", "to_out.0", "add_k_proj", "add_q_proj", "add_v_proj", "to_add_out"]


def add_lora(network: Any, config: AdapterConfig) -> nn.ParameterList:
    """Freezes the network, adds LoRA to its attention, and gives what is trained. At first nothing changes."""
    network.requires_grad_(False)
    network.add_adapter(
        LoraConfig(r=config.rank, lora_alpha=config.alpha, init_lora_weights="gaussian", target_modules=ATTENTION)
    )
    return nn.ParameterList(weight for weight in network.parameters() if weight.requires_grad)


def lora_facts(config: AdapterConfig) -> dict[str, Any]:
    """What stock pipelines must know of it: without this they take it that the scale is the rank."""
    return {"r": config.rank, "lora_alpha": config.alpha, "target_modules": ATTENTION}


def lora_state(network: Any) -> dict[str, Tensor]:
    """LoRA's weights by the names that `load_lora_weights` reads, which differ by family."""
    state: dict[str, Tensor] = get_peft_model_state_dict(network)
    return convert_state_dict_to_diffusers(state) if isinstance(network, UNet2DConditionModel) else state
