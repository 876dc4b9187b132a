"""Read back by a parser written from the published form, as galleries and web user interfaces do it."""

import io
import json
import re

from PIL import Image

from inference.algorithms import infotext, png

PARAMETERS = {
    "model": "lab/shapes",
    "commit": "a" * 40,
    "prompt": "a réd circle,\nsharp: very",
    "negative_prompt": "blue, blurred",
    "seed": 7,
    "steps": 12,
    "guidance": 2.0,
    "width": 8,
    "height": 8,
    "sampler": "FlowMatchEulerDiscreteScheduler",
}
LORAS = [{"model": "lab/ink", "commit": "b" * 40, "scale": 0.8}, {"model": "lab/oil", "commit": "c" * 40, "scale": 1.0}]
FACT = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')


def parsed(text: str) -> dict[str, str]:
    """Prompt, negative prompt, then facts: a value in quotation marks is a JSON string."""
    *lines, last = text.strip().split("\n")
    assert len(FACT.findall(last)) >= 3
    texts, into = {"Prompt": [], "Negative prompt": []}, "Prompt"
    for line in lines:
        if line.startswith("Negative prompt:"):
            into = "Negative prompt"
        texts[into].append(line.removeprefix("Negative prompt:").strip())
    facts = {name: json.loads(value) if value.startswith('"') else value for name, value in FACT.findall(last)}
    return {name: "\n".join(found) for name, found in texts.items()} | facts


def test_common_tools_read_back_what_was_asked():
    content = png.encode(Image.new("RGB", (8, 8)), parameters=PARAMETERS | {"loras": LORAS}, statement="x.y.z")
    read = parsed(Image.open(io.BytesIO(content)).info["parameters"])
    assert (read["Prompt"], read["Negative prompt"]) == (PARAMETERS["prompt"], PARAMETERS["negative_prompt"])
    facts = ("Steps", "Sampler", "CFG scale", "Seed", "Size", "Model hash", "Model")
    assert [read[name] for name in facts] == ["12", "Euler", "2.0", "7", "8x8", "a" * 10, "lab/shapes"]
    assert read["Lora hashes"] == f"lab/ink: {'b' * 12}, lab/oil: {'c' * 12}"


def test_samplers_have_the_names_that_those_tools_know():
    karras = parsed(infotext.readable(PARAMETERS | {"scheduler": "dpmpp_2m_karras", "strength": 0.6}))
    assert (karras["Sampler"], karras["Schedule type"], karras["Denoising strength"]) == ("DPM++ 2M", "Karras", "0.6")
    assert parsed(infotext.readable(PARAMETERS | {"sampler": "NewScheduler"}))["Sampler"] == "NewScheduler"


def test_every_sampler_of_the_engine_has_a_name():
    from inference.engine.samplers import SAMPLERS

    assert set(SAMPLERS) <= set(infotext.SAMPLERS)
    assert {sampler.class_name for sampler in SAMPLERS.values()} <= set(infotext.SAMPLERS)
