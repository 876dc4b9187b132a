"""How to use a repository from a program: text that works when pasted."""

import json
from dataclasses import dataclass

from hub.algorithms.usage import LORA, NEUTRAL, WORD, WORD_FILE, Usage
from hub.enums import RepositoryKind


@dataclass(frozen=True)
class Snippet:
    """`label` is the name of the tool, `code` what to paste, `language` where: a Python prompt or a shell."""

    label: str
    code: str
    language: str = "shell"


_SAVE = 'picture.save("picture.png")\n'
_DRAW = f"picture = pipeline({{prompt}}).images[0]\n{_SAVE}"
_SOUND = (
    "sound = pipeline().audios[0]\n\n"
    'from scipy.io import wavfile\n\nwavfile.write("sound.wav", pipeline.unet.config.sample_rate, sound.T)\n'
)
_FROM_IMAGE = (
    'from diffusers.utils import load_image\n\nimage = load_image("image.png")\n'
    f"picture = pipeline({{prompt}}, image=image).images[0]\n{_SAVE}"
)
_FILL = (
    'from diffusers.utils import load_image\n\nimage, mask = load_image("image.png"), load_image("mask.png")\n'
    f"picture = pipeline({{prompt}}, image=image, mask_image=mask).images[0]\n{_SAVE}"
)
# How pipelines are called that do not draw from words alone, by the end of their class's name.
_CALLS = {
    "InpaintPipeline": _FILL,
    "Img2ImgPipeline": _FROM_IMAGE,
    "InstructPix2PixPipeline": _FROM_IMAGE,
    "SuperResolutionPipeline": _FROM_IMAGE,
    "UpscalePipeline": _FROM_IMAGE,
    "DiTPipeline": f"picture = pipeline([0]).images[0]  # the number of a class\n{_SAVE}",
    "DDPMPipeline": f"picture = pipeline().images[0]\n{_SAVE}",
    "DanceDiffusionPipeline": _SOUND,
}
_CODES = {"AutoencoderKL": "latent_dist.mode()", "VQModel": "latents"}
_CAUSAL = ("ForCausalLM", "LMHeadModel")
_BASE_UNKNOWN = "# The card names no base model: put in the one that it was made for.\n"
_BASE_ELSEWHERE = "# The base model is not on this site, or not open to you: give the folder where you have it.\n"
_TWO_ENCODERS = """\
learned = load_file(hf_hub_download({name}, "{file}"))
for place, last in (("clip_l", ""), ("clip_g", "_2")):
    tokenizer, encoder = getattr(pipeline, "tokenizer" + last), getattr(pipeline, "text_encoder" + last)
    pipeline.load_textual_inversion(learned[place], token={word}, tokenizer=tokenizer, text_encoder=encoder)
"""


def snippets_of(
    kind: str,
    full_name: str,
    *,
    library: str,
    endpoint: str,
    weights: str = "",
    task: str = "",
    usage: Usage = Usage(),  # noqa: B008 - it is frozen
) -> list[Snippet]:
    """The most fitting first. All begin by naming this hub; `weights` is a safetensors file of it."""
    shown = RepositoryKind(kind)
    found = _of_dataset(full_name) if shown == RepositoryKind.DATASET else _of_library(full_name, library, task, usage)
    if shown == RepositoryKind.MODEL and weights:
        found.append(("safetensors", _headers(full_name, weights)))
    start = f'import os\n\nos.environ["HF_ENDPOINT"] = "{endpoint}"  # before the first import of the library\n\n'
    snippets = [Snippet(label, start + code, "python") for label, code in found]
    flag = "" if shown == RepositoryKind.MODEL else f" --repo-type {shown}"
    snippets.append(Snippet("hf", f"export HF_ENDPOINT={endpoint}\nhf download {full_name}{flag}"))
    snippets.append(Snippet("git", f"git lfs install\ngit clone {endpoint}/{shown.prefix}{full_name}"))
    return snippets


def quoted(text: str) -> str:
    """As Python writes it: what is not seen (line ends, marks of direction) is spelt out."""
    return json.dumps(text, ensure_ascii=False) if text.isprintable() else repr(text)


def _of_dataset(name: str) -> list[tuple[str, str]]:
    return [("datasets", f'from datasets import load_dataset\n\ndata = load_dataset("{name}")\nprint(data)\n')]


def _of_library(name: str, library: str, task: str, usage: Usage) -> list[tuple[str, str]]:
    if usage.pipeline:
        return [("diffusers", _pipeline(name, task, usage))]
    if usage.adapter == LORA:
        return [("diffusers", _lora(name, usage))]
    if usage.adapter == WORD:
        return [("diffusers", _word(name, usage))]
    if usage.network:
        return [("diffusers", _network(name, usage.network))]
    if library == "diffusers":
        return [("diffusers", _pipeline(name, task, usage))]
    if library == "transformers":
        causal = usage.architecture.endswith(_CAUSAL) or (task == "text-generation" and not usage.architecture)
        return [("transformers", _language_model(name) if causal else _any_model(name))]
    return []


def _pipeline(name: str, task: str, usage: Usage) -> str:
    call = next((call for end, call in _CALLS.items() if usage.pipeline.endswith(end)), "")
    if not call:
        call = _SOUND if task == "unconditional-audio-generation" else _DRAW
    return (
        "from diffusers import DiffusionPipeline\n\n"
        f"pipeline = {_loaded('DiffusionPipeline', name, usage.absent)}"
        + call.format(prompt=quoted(usage.prompt or NEUTRAL))
    )


def _lora(name: str, usage: Usage) -> str:
    return (
        f"from diffusers import DiffusionPipeline\n\n{_base('DiffusionPipeline', usage)}"
        f'pipeline.load_lora_weights("{name}")\n' + _DRAW.format(prompt=quoted(usage.prompt or NEUTRAL))
    )


def _word(name: str, usage: Usage) -> str:
    """Stock classes with two text encoders are given its vectors one by one; some do not read words at all."""
    draw = _DRAW.format(prompt=quoted(usage.prompt or f"a picture of {usage.word}".strip()))
    if not usage.for_two_encoders:
        return (
            f"from diffusers import DiffusionPipeline\n\n{_base('DiffusionPipeline', usage)}"
            f'pipeline.load_textual_inversion("{name}")\n{draw}'
        )
    imports = "from huggingface_hub import hf_hub_download\nfrom safetensors.torch import load_file\n\n"
    if usage.base.pipeline == "StableDiffusion3Pipeline":
        start = (
            "from diffusers import StableDiffusion3Pipeline\n"
            f"from diffusers.loaders import TextualInversionLoaderMixin\n{imports}\n"
            "class Pipeline(StableDiffusion3Pipeline, TextualInversionLoaderMixin):\n    pass\n\n\n"
        )
        start += _base("Pipeline", usage)
    else:
        start = f"from diffusers import DiffusionPipeline\n{imports}{_base('DiffusionPipeline', usage)}"
    word = quoted(usage.word or "<word>")
    return start + _TWO_ENCODERS.format(name=quoted(name), file=WORD_FILE, word=word) + draw


def _base(pipeline: str, usage: Usage) -> str:
    base = usage.base
    said = "" if base.is_here else _BASE_ELSEWHERE if base.name else _BASE_UNKNOWN
    return f"{said}pipeline = {_loaded(pipeline, base.name or 'owner/base-model', base.absent)}"


def _loaded(pipeline: str, name: str, absent: tuple[str, ...]) -> str:
    told = "".join(f", {part}=None" for part in absent)
    return f"{pipeline}.from_pretrained({quoted(name)}{told})\n"


def _network(name: str, network: str) -> str:
    """One network alone, such as the autoencoder of other models' pipelines."""
    if network not in _CODES:
        return f'from diffusers import {network}\n\nmodel = {network}.from_pretrained("{name}")\nprint(model.config)\n'
    return (
        f"import torch\nfrom diffusers import {network}\n\n"
        f'autoencoder = {network}.from_pretrained("{name}")\n'
        "pictures = torch.zeros(1, autoencoder.config.in_channels, 64, 64)  # yours, from -1 to 1\n"
        f"latents = autoencoder.encode(pictures).{_CODES[network]}\n"
        "pictures = autoencoder.decode(latents).sample\nprint(latents.shape, pictures.shape)\n"
    )


def _language_model(name: str) -> str:
    return (
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        f'tokenizer = AutoTokenizer.from_pretrained("{name}")\n'
        f'model = AutoModelForCausalLM.from_pretrained("{name}")\n'
        'words = tokenizer("The", return_tensors="pt")\n'
        "print(tokenizer.decode(model.generate(**words, max_new_tokens=20)[0]))\n"
    )


def _any_model(name: str) -> str:
    return f'from transformers import AutoModel\n\nmodel = AutoModel.from_pretrained("{name}")\nprint(model)\n'


def _headers(name: str, weights: str) -> str:
    return (
        "from huggingface_hub import hf_hub_download\nfrom safetensors import safe_open\n\n"
        f'path = hf_hub_download("{name}", {weights!r})\n'
        'with safe_open(path, "np") as file:\n    for key in file.keys():\n'
        "        print(key, file.get_slice(key).get_shape())\n"
    )
