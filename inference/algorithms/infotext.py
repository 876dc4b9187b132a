"""Parameters as a text that common tools parse: prompt, `Negative prompt: …`, then `Steps: 12, Sampler: Euler, …`.

The form of AUTOMATIC1111's web user interface, which galleries of models read as well. A value with a comma,
a colon or a line break is a JSON string.
"""

import json
from typing import Any

# As those tools name what our samplers and the models' own schedulers are.
SAMPLERS = {
    "ddim": "DDIM",
    "ddpm": "DDPM",
    "pndm": "PLMS",
    "lms": "LMS",
    "euler": "Euler",
    "euler_a": "Euler a",
    "heun": "Heun",
    "dpmpp_2m": "DPM++ 2M",
    "dpmpp_2m_karras": "DPM++ 2M",
    "dpmpp_2m_sde": "DPM++ 2M SDE",
    "unipc": "UniPC",
    "lcm": "LCM",
    "flow_euler": "Euler",
    "flow_heun": "Heun",
    "DDIMScheduler": "DDIM",
    "DDPMScheduler": "DDPM",
    "PNDMScheduler": "PLMS",
    "LMSDiscreteScheduler": "LMS",
    "EulerDiscreteScheduler": "Euler",
    "EulerAncestralDiscreteScheduler": "Euler a",
    "HeunDiscreteScheduler": "Heun",
    "DPMSolverMultistepScheduler": "DPM++ 2M",
    "UniPCMultistepScheduler": "UniPC",
    "LCMScheduler": "LCM",
    "FlowMatchEulerDiscreteScheduler": "Euler",
    "FlowMatchHeunDiscreteScheduler": "Heun",
}
MODEL_HASH, LORA_HASH = 10, 12  # digits that are usual


def readable(parameters: dict[str, Any]) -> str:
    """What common tools parse. Hashes are the beginnings of commits: our models are no single files."""
    lines = [parameters["prompt"]]
    if parameters["negative_prompt"]:
        lines.append(f"Negative prompt: {parameters['negative_prompt']}")
    lines.append(", ".join(f"{name}: {_quoted(value)}" for name, value in _facts(parameters).items()))
    return "\n".join(lines)


def _facts(parameters: dict[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {"Steps": parameters["steps"]}
    sampler = parameters.get("scheduler") or parameters.get("sampler")
    if sampler:
        facts["Sampler"] = SAMPLERS.get(sampler, sampler)
    if sampler == "dpmpp_2m_karras":
        facts["Schedule type"] = "Karras"
    facts |= {
        "CFG scale": parameters["guidance"],
        "Seed": parameters["seed"],
        "Size": f"{parameters['width']}x{parameters['height']}",
        "Model hash": parameters["commit"][:MODEL_HASH],
        "Model": parameters["model"],
    }
    if "step_reuse" in parameters:
        facts["Steps left out"] = f"{parameters['calls_saved']} of {parameters['calls']}"
    if "strength" in parameters:
        facts["Denoising strength"] = parameters["strength"]
    if "noise_level" in parameters:
        facts["Noise level"] = parameters["noise_level"]
    if loras := parameters.get("loras"):
        facts["Lora hashes"] = ", ".join(f"{lora['model']}: {lora['commit'][:LORA_HASH]}" for lora in loras)
        facts["Lora weights"] = ", ".join(f"{lora['model']}: {lora['scale']}" for lora in loras)
    return facts | {"Version": "Wellspring"}


def _quoted(value: Any) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if any(sign in text for sign in ',:\n"') else text
