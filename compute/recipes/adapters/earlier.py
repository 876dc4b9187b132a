"""An adapter that is trained further: a LoRA file of the same layers and rank, or a word that was learned."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from diffusers.utils import convert_unet_state_dict_to_peft
from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from compute.recipes.adapters.config import AdapterConfig, Config
from compute.recipes.adapters.layers import LORA
from compute.recipes.adapters.words import EMBEDS
from compute.recipes.lineage import Source
from compute.recipes.refusal import Refused
from compute.recipes.training.bases import file_of, look_up_base

FACTS = "lora_adapter_metadata"  # where the stock class writes scale and rank
SHOWN = 3  # layers that a refusal names


def look_up_earlier(config: Config) -> Source | None:
    """The adapter to go on with, if one is named. Raises Refused for one of the other kind."""
    if not config.earlier.id:
        return None
    source = replace(look_up_base(config.earlier, key="earlier"), kind="finetune")
    is_word = config.adapter.method == "textual_inversion"
    wanted, other = (EMBEDS, LORA) if is_word else (LORA, EMBEDS)
    if file_of(source, wanted) is not None:
        return source
    held = "no adapter"
    if file_of(source, other) is not None:
        held = "a LoRA, and no learned word" if is_word else "a learned word, and no LoRA"
    raise Refused(
        f"{source.id} holds {held}: it has no file {wanted}. Choose another 'earlier.id' or 'adapter.method'."
    )


def take_lora(source: Source, network: Any, config: AdapterConfig, *, prefix: str) -> None:
    """Puts the earlier weights into LoRA's layers in the network, where `prefix` is its name in the file. Raises
    Refused unless rank, scale and layers are the same."""
    file = _found(source, LORA)
    state, facts = load_file(file), _facts(file)
    foreign = sorted(name for name in state if not name.startswith(f"{prefix}."))
    if foreign:
        raise Refused(
            f"{source.id} changes more or other networks than the {prefix} ({_some(foreign)}), and only that is "
            "trained here. Choose another 'earlier.id'."
        )
    theirs = convert_unet_state_dict_to_peft({name.removeprefix(f"{prefix}."): v for name, v in state.items()})
    ours = get_peft_model_state_dict(network)
    ranks = sorted({int(weight.shape[0]) for name, weight in theirs.items() if ".lora_A." in name})
    if ranks != [config.rank]:
        told = " and ".join(map(str, ranks)) or "none"
        raise Refused(f"{source.id} has the rank {told}, and 'adapter.rank' is {config.rank}. They must be the same.")
    alpha = facts.get(f"{prefix}.lora_alpha", config.rank)
    if alpha != config.alpha:
        raise Refused(f"{source.id} has the scale {alpha}, and 'adapter.alpha' is {config.alpha}. Set it to {alpha}.")
    if theirs.keys() != ours.keys():
        raise Refused(
            f"{source.id} changes other layers than are trained here, or is of another base "
            f"({_some(sorted(theirs.keys() ^ ours.keys()))}). Choose another 'earlier.id' or 'base.id'."
        )
    if unlike := sorted(name for name, weight in theirs.items() if weight.shape != ours[name].shape):
        raise Refused(
            f"{source.id} is of a base of other sizes ({_some(unlike)}). Choose another 'earlier.id' or 'base.id'."
        )
    set_peft_model_state_dict(network, {name: weight.float() for name, weight in theirs.items()})


def learned_vectors(source: Source, names: Sequence[str], encoders: Sequence[Any]) -> list[Tensor]:
    """The vectors of an earlier word, one for each encoder, by these names in the file. Raises Refused for others."""
    state = load_file(_found(source, EMBEDS))
    if set(state) != set(names):
        told, wanted = (" and ".join(map(repr, sorted(each))) for each in (state, names))
        raise Refused(
            f"{source.id} holds vectors by the names {told}, and what is trained here is {wanted}. "
            "Set 'adapter.word' to the word that was learned, or choose another 'earlier.id'."
        )
    vectors = [state[name].float() for name in names]
    for vector, encoder in zip(vectors, encoders, strict=True):
        width = encoder.get_input_embeddings().weight.shape[1]
        if vector.shape != (width,):
            raise Refused(
                f"{source.id} holds a word of shape {tuple(vector.shape)}; words of this base are one vector of "
                f"{width} numbers. Choose another 'earlier.id' or 'base.id'."
            )
    return vectors


def _found(source: Source, name: str) -> Path:
    file = file_of(source, name)
    assert file is not None, "looked up before"
    return file


def _facts(file: Path) -> dict[str, Any]:
    """What the stock class wrote of rank and scale; older files say nothing, and are loaded as if both were equal."""
    with safe_open(file, framework="pt") as opened:
        written = (opened.metadata() or {}).get(FACTS)
    try:
        facts = json.loads(written or "{}")
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
