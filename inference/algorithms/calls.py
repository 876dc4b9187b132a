"""The same by API, as text to copy: curl, Python, JavaScript. Pure; the parameters are the native API's."""

import json
from typing import Any

from hub.algorithms.snippets import quoted
from inference.enums import Task

OPENAI = """\
import base64
import os

from openai import OpenAI

client = OpenAI(base_url={base!r}, api_key=os.environ["HF_TOKEN"])
answer = client.images.generate(
{arguments}
)
for number, picture in enumerate(answer.data):
    with open(f"picture-{{number}}.png", "wb") as file:
        file.write(base64.b64decode(picture.b64_json))
"""
HUB = """\
import os

from huggingface_hub import InferenceClient

client = InferenceClient(model={base!r}, token=os.environ["HF_TOKEN"])
for number in range({count}):
    picture = client.text_to_image(
{arguments}
    )
    picture.save(f"picture-{{number}}.png")
"""
SOUND = """\
import os

from huggingface_hub import InferenceClient

client = InferenceClient(model={base!r}, token=os.environ["HF_TOKEN"])
more = {more!r}
for number in range({count}):
    # The text is kept as a label and has no influence.
    sound = client.text_to_speech({label!r}, extra_body=more{seed})
    with open(f"sound-{{number}}.wav", "wb") as file:
        file.write(sound)
"""
FIRST = """\
{imports}import os

from huggingface_hub import InferenceClient

client = InferenceClient(model="{base}", token=os.environ["HF_TOKEN"])
"""
DRAWN = """\
picture = client.text_to_image({arguments})
picture.save("picture.png")
"""
FROM_IMAGE = """\
picture = client.image_to_image("image.png", {arguments})
picture.save("picture.png")
"""
FILLED = """\
with open("mask.png", "rb") as file:  # white is drawn anew
    mask = base64.b64encode(file.read()).decode()
picture = client.image_to_image("image.png", {arguments}, mask_image=mask)
picture.save("picture.png")
"""
SOUNDED = """\
sound = client.text_to_speech("a label")  # kept with the sound, without influence on it
with open("sound.wav", "wb") as file:
    file.write(sound)
"""
JAVASCRIPT = """\
const headers = {{ Authorization: `Bearer ${{process.env.HF_TOKEN}}`, "Content-Type": "application/json" }};
const body = JSON.stringify({body});
let made = await (await fetch({address}, {{ method: "POST", headers, body }})).json();
while (["queued", "running"].includes(made.state)) {{
  await new Promise((wait) => setTimeout(wait, 1000));
  made = await (await fetch(made.url, {{ headers }})).json();
}}
console.log(made.{made}.map((one) => one.url));
"""


def curl(parameters: dict[str, Any], *, site: str) -> str:
    """The native API: answers at once; what is at `url` tells when the pictures are ready."""
    body = json.dumps(parameters, ensure_ascii=False, indent=2).replace("'", "'\\''")
    lines = [f"curl {site}/api/generations", '-H "Authorization: Bearer $HF_TOKEN"']
    return " \\\n  ".join([*lines, '-H "Content-Type: application/json"', f"-d '{body}'"])


def openai(parameters: dict[str, Any], *, site: str) -> str:
    """The stock `openai` client; what its API does not know goes along as `extra_body`."""
    known = {"model": parameters["model"], "prompt": parameters["prompt"], "n": parameters["count"]}
    known |= {"size": f"{parameters['width']}x{parameters['height']}", "response_format": "b64_json"}
    names = ("negative_prompt", "seed", "steps", "guidance", "scheduler", "loras", "step_reuse")
    more = {name: parameters[name] for name in names if name in parameters}
    return OPENAI.format(base=f"{site}/v1", arguments=_arguments(known | {"extra_body": more}, indent=4))


def hub(parameters: dict[str, Any], *, site: str) -> str:
    """The stock `InferenceClient`, which asks for one picture at a time; picture i has seed + i."""
    named = {"negative_prompt": "negative_prompt", "num_inference_steps": "steps", "guidance_scale": "guidance"}
    named |= {"width": "width", "height": "height", "scheduler": "scheduler"}
    values = {name: parameters[own] for name, own in named.items() if own in parameters}
    if more := {name: parameters[name] for name in ("loras", "step_reuse") if name in parameters}:
        values["extra_body"] = more
    arguments = _arguments(values, indent=8)
    lines = [f"        {parameters['prompt']!r},", arguments]
    if "seed" in parameters:
        lines.append(f"        seed={parameters['seed']} + number,")
    base = f"{site}/inference/{parameters['model']}"
    return HUB.format(base=base, count=parameters["count"], arguments="\n".join(lines))


def javascript(parameters: dict[str, Any], *, site: str) -> str:
    """A module for Node; the native API, asked until the pictures are ready."""
    body = json.dumps(parameters, ensure_ascii=False, indent=2)
    made = "sounds" if "seconds" in parameters else "pictures"
    return JAVASCRIPT.format(body=body, address=json.dumps(f"{site}/api/generations"), made=made)


def sound(parameters: dict[str, Any], *, site: str) -> str:
    """The stock `InferenceClient`, which asks for one sound at a time; sound i has seed + i."""
    seed = f' | {{"seed": {parameters["seed"]} + number}}' if "seed" in parameters else ""
    named = {"num_inference_steps": "steps", "audio_length_in_s": "seconds", "step_reuse": "step_reuse"}
    more = {name: parameters[own] for name, own in named.items() if own in parameters}
    known = {name: parameters[name] for name in ("count", "label")}
    return SOUND.format(base=f"{site}/inference/{parameters['model']}", more=more, seed=seed, **known)


def first(model: str, *, task: Task, prompt: str, site: str, lora: str = "") -> str:
    """The shortest call with the stock `InferenceClient`, for the page of a model, or of a LoRA beside its base."""
    form = {Task.TEXT_TO_IMAGE: DRAWN, Task.INPAINTING: FILLED, Task.SOUND: SOUNDED}.get(task, FROM_IMAGE)
    arguments = f"{'prompt=' * (task != Task.TEXT_TO_IMAGE)}{quoted(prompt)}"
    if lora:
        arguments += f', extra_body={{"loras": [{{"model": "{lora}", "scale": 1.0}}]}}'
    imports = "import base64\n" if task == Task.INPAINTING else ""
    return FIRST.format(imports=imports, base=f"{site}/inference/{model}") + form.format(arguments=arguments)


def all_of(parameters: dict[str, Any], *, site: str) -> list[tuple[str, str]]:
    """(name, text) of each that can say it: the Python clients send images along, these name them."""
    found = [("curl", curl(parameters, site=site)), ("JavaScript", javascript(parameters, site=site))]
    if "seconds" in parameters:
        found.insert(1, ("Python · huggingface_hub", sound(parameters, site=site)))
    elif "image" not in parameters:
        python = [("Python · openai", openai(parameters, site=site))]
        found[1:1] = [*python, ("Python · huggingface_hub", hub(parameters, site=site))]
    return found


def _arguments(values: dict[str, Any], *, indent: int) -> str:
    return "\n".join(f"{' ' * indent}{name}={value!r}," for name, value in values.items())
