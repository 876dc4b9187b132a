"""How to use a repository from a program: text that works when pasted."""

from dataclasses import dataclass

from hub.enums import RepositoryKind


@dataclass(frozen=True)
class Snippet:
    """`label` is the name of the tool, `code` what to paste, `language` where: a Python prompt or a shell."""

    label: str
    code: str
    language: str = "shell"


_DRAW = 'picture = pipeline("a red circle on a white background").images[0]\npicture.save("picture.png")\n'
# How pipelines are called that make no picture from words.
_CALLS = {
    "unconditional-audio-generation": (
        "sound = pipeline().audios[0]\n\n"
        'from scipy.io import wavfile\n\nwavfile.write("sound.wav", pipeline.unet.config.sample_rate, sound.T)\n'
    ),
}


def snippets_of(
    kind: str, full_name: str, *, library: str, endpoint: str, weights: str = "", task: str = ""
) -> list[Snippet]:
    """The most fitting first. All begin by naming this hub; `weights` is a safetensors file of it."""
    shown = RepositoryKind(kind)
    found = _of_library(shown, full_name, library, weights, task)
    start = f'import os\n\nos.environ["HF_ENDPOINT"] = "{endpoint}"  # before the first import of the library\n\n'
    snippets = [Snippet(label, start + code, "python") for label, code in found]
    flag = "" if shown == RepositoryKind.MODEL else f" --repo-type {shown}"
    snippets.append(Snippet("hf", f"export HF_ENDPOINT={endpoint}\nhf download {full_name}{flag}"))
    snippets.append(Snippet("git", f"git lfs install\ngit clone {endpoint}/{shown.prefix}{full_name}"))
    return snippets


def _of_library(kind: RepositoryKind, name: str, library: str, weights: str, task: str) -> list[tuple[str, str]]:
    if kind == RepositoryKind.DATASET:
        return [("datasets", f'from datasets import load_dataset\n\ndata = load_dataset("{name}")\nprint(data)\n')]
    found = []
    if library == "diffusers":
        code = f'from diffusers import DiffusionPipeline\n\npipeline = DiffusionPipeline.from_pretrained("{name}")\n'
        found.append(("diffusers", code + _CALLS.get(task, _DRAW)))
    elif library == "transformers":
        code = f'from transformers import AutoModel\n\nmodel = AutoModel.from_pretrained("{name}")\nprint(model)\n'
        found.append(("transformers", code))
    if kind == RepositoryKind.MODEL and weights:
        code = (
            "from huggingface_hub import hf_hub_download\nfrom safetensors import safe_open\n\n"
            f'path = hf_hub_download("{name}", {weights!r})\n'
            'with safe_open(path, "np") as file:\n    for key in file.keys():\n'
            "        print(key, file.get_slice(key).get_shape())\n"
        )
        found.append(("safetensors", code))
    return found
