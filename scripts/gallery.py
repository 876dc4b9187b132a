"""`python scripts/gallery.py FOLDER [--draw]`: trains the shipped small configurations and fills docs/gallery.

About two hours on an idle processor core; what is trained already in FOLDER is not trained again. With --draw
nothing is trained, and the gallery has what lies in FOLDER/runs/<name>.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))


@dataclass(frozen=True)
class Training:
    """A run of a recipe: `data` and what it starts from are folders of other parts of the gallery."""

    name: str
    recipe: str
    config: str
    data: str
    autoencoder: str = ""
    base: str = ""
    teacher: str = ""
    settings: tuple[tuple[str, str], ...] = ()


TRAININGS = [
    Training("autoencoder", "autoencoder", "shapes-kl-cpu", "shapes"),
    Training("autoencoder_vq", "autoencoder", "shapes-vq-cpu", "shapes"),
    Training("stable_diffusion", "stable_diffusion", "shapes-cpu", "shapes", autoencoder="autoencoder"),
    Training("lora", "adapters", "lora-cpu", "subject", base="stable_diffusion"),
    Training("dreambooth", "adapters", "dreambooth-cpu", "subject", base="stable_diffusion"),
    Training("inpainting", "inpainting", "shapes-cpu", "shapes", base="stable_diffusion"),
    Training("instruction_editing", "instruction_editing", "shapes-cpu", "edits", base="stable_diffusion"),
    Training("latent_diffusion", "latent_diffusion", "shapes-class-cpu", "shapes", autoencoder="autoencoder"),
    Training("text_to_image", "text_to_image", "shapes-cpu", "shapes"),
    Training("mmdit", "mmdit", "shapes-cpu", "shapes", autoencoder="autoencoder"),
    Training(
        "textual_inversion",
        "adapters",
        "textual-inversion-cpu",
        "subject",
        base="text_to_image",
        settings=(("sampling.steps", "8"), ("sampling.guidance", "2.0")),
    ),
    Training("distillation", "distillation", "ladd-cpu", "shapes", teacher="text_to_image"),
    Training("distillation_add", "distillation", "add-cpu", "shapes", teacher="stable_diffusion"),
    Training("cascade_base", "cascade", "shapes-base-cpu", "shapes"),
    Training("cascade_super_resolution", "cascade", "shapes-super-resolution-cpu", "shapes", base="cascade_base"),
    Training("dance_diffusion", "dance_diffusion", "tones-cpu", "tones"),
    Training("segmentation", "segmentation", "shapes-cpu", "several"),
]


def make_data(folder: Path) -> None:
    """Coloured shapes, edits of them, tones, and eight pictures of one subject."""
    made = {
        "shapes": "compute.recipes.shapes",
        "edits": "compute.recipes.shapes.edits",
        "tones": "compute.recipes.dance_diffusion.tones",
        "several": "compute.recipes.shapes.several",
    }
    for name, module in made.items():
        if not (folder / name).exists():
            subprocess.run([sys.executable, "-m", module, str(folder / name)], check=True, cwd=PROJECT)
    if not (folder / "subject").exists():
        _make_subject(folder / "subject")


def train(folder: Path) -> None:
    for training in TRAININGS:
        output = folder / "runs" / training.name
        if (output / "model").exists():
            continue
        settings = {"dataset.path": folder / training.data, "output": output, **dict(training.settings)}
        for part in ("autoencoder", "base", "teacher"):
            if run := getattr(training, part):
                settings[f"{part}.id"] = folder / "runs" / run / "model"
        command = [sys.executable, "-m", f"compute.recipes.{training.recipe}", "--config", training.config]
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        subprocess.run(command, check=True, cwd=PROJECT)


def _make_subject(folder: Path) -> None:
    from datasets import Dataset, Features, Value  # noqa: PLC0415 - slow imports, for who trains only
    from datasets import Image as ImageFeature  # noqa: PLC0415

    from compute.recipes.shapes.drawing import make_pictures  # noqa: PLC0415 - the path is set above
    from compute.recipes.shapes.vocabulary import Scene  # noqa: PLC0415

    rows = []
    for picture in make_pictures(7, 8, scenes=[Scene("purple", "triangle", "grey")]):
        file = io.BytesIO()
        Image.fromarray(picture.pixels).save(file, "PNG")
        rows.append({"image": {"bytes": file.getvalue(), "path": None}, "caption": picture.caption})
    (folder / "data").mkdir(parents=True)
    features = Features({"image": ImageFeature(), "caption": Value("string")})
    Dataset.from_list(rows, features=features).to_parquet(folder / "data" / "train-00000-of-00001.parquet")
    (folder / "README.md").write_text("---\nlicense: cc0-1.0\n---\n", encoding="utf-8")


# --- drawing ---------------------------------------------------------------------------------

PROMPTS = [
    "a red circle on a white background",
    "a blue square on a black background",
    "a yellow triangle on a grey background",
    "a green circle on a black background",
]
TIMES = 4  # each pixel of 32 by 32 is shown as a square of so many


def sheet(rows: list[list[Image.Image]]) -> Image.Image:
    """Rows of pictures of one size, enlarged without smoothing."""
    width, height = (TIMES * side + 4 for side in rows[0][0].size)
    made = Image.new("RGB", (width * max(map(len, rows)), height * len(rows)), "white")
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            large = picture.convert("RGB").resize((width - 4, height - 4), Image.Resampling.NEAREST)
            made.paste(large, (x * width + 2, y * height + 2))
    return made


def originals() -> list[Image.Image]:
    from compute.recipes.shapes.drawing import make_pictures  # noqa: PLC0415 - the path is set above
    from compute.recipes.shapes.vocabulary import held_out_scenes  # noqa: PLC0415

    return [Image.fromarray(picture.pixels) for picture in make_pictures(99, 4, scenes=held_out_scenes())]


def autoencoder(model: Path) -> tuple[Image.Image, dict[str, Any]]:
    """Above as they are, below through the latents and back."""
    import torch  # noqa: PLC0415 - slow imports
    from diffusers import AutoencoderKL  # noqa: PLC0415

    network = AutoencoderKL.from_pretrained(_with_weights(model)).eval()
    given = originals()
    pixels = torch.tensor(np.stack([np.asarray(picture) for picture in given])).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.no_grad():
        back = network(pixels).sample.clamp(-1, 1)
    drawn = ((back + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return sheet([given, [Image.fromarray(picture) for picture in drawn]]), {"rows": "original, reconstruction"}


def drawn_by_engine(model: Path, *, redrawn: bool, **facts: Any) -> tuple[Image.Image, dict[str, Any]]:
    """One row for each way of asking, all through the engine."""
    from inference.engine.engine import Engine  # noqa: PLC0415 - slow imports
    from inference.engine.requests import ModelKey, Request  # noqa: PLC0415

    class Here:
        def folder(self, key: ModelKey, token: str | None = None) -> Path:
            return model

    with Engine(Here()) as engine:

        def row(images: list[Image.Image | None]) -> list[Image.Image]:
            handles = [
                engine.submit(Request(ModelKey("gallery", "0" * 40), prompt, seed=seed, image=image, **facts))
                for seed, (prompt, image) in enumerate(zip(PROMPTS, images, strict=True))
            ]
            return [handle.result().picture for handle in handles]

        rows = [row([None] * len(PROMPTS))]
        if redrawn:
            rows += [originals(), row(list(originals()))]
    told = facts | {"seeds": "0 to 3"}
    return sheet(rows), told | ({"rows": "drawn; given images; redrawn, strength 0.8"} if redrawn else {})


# What is found, and what takes its place.
REPLACED = {
    ("red", "circle", "white"): "a blue square on a white background",
    ("blue", "square", "black"): "a yellow triangle on a black background",
    ("yellow", "triangle", "grey"): "a red circle on a grey background",
    ("green", "circle", "black"): "an orange square on a black background",
}


def replaced(finder: Path, painter: Path) -> tuple[Image.Image, dict[str, Any]]:
    """Pictures, the masks of what is found in them by name, and what was drawn there instead."""
    from compute.recipes.shapes.drawing import make_pictures  # noqa: PLC0415 - the path is set above
    from compute.recipes.shapes.vocabulary import Scene  # noqa: PLC0415
    from inference.algorithms.uploads import grown  # noqa: PLC0415
    from inference.engine.engine import Engine  # noqa: PLC0415 - slow imports
    from inference.engine.finder import Finder  # noqa: PLC0415
    from inference.engine.requests import ModelKey, Request  # noqa: PLC0415

    @dataclass(frozen=True)
    class Here:
        path: Path

        def folder(self, key: ModelKey, token: str | None = None) -> Path:
            return self.path

    key, facts = ModelKey("gallery", "0" * 40), {"steps": 20, "guidance": 2.0, "strength": 1.0}
    scenes = [Scene(*words) for words in REPLACED]
    given = [Image.fromarray(make_pictures(40 + i, 1, scenes=[scene])[0].pixels) for i, scene in enumerate(scenes)]
    finds = Finder(Here(finder), device="cpu", max_bytes=2**30)
    found = [
        finds.find(key, picture, f"{scene.colour} {scene.shape}") for picture, scene in zip(given, scenes, strict=True)
    ]
    masks = [Image.new("L", (32, 32)) if mask is None else grown(mask, 1) for mask in found]
    with Engine(Here(painter)) as engine:
        handles = [
            engine.submit(Request(key, prompt, seed=seed, image=picture, mask=mask, **facts))
            for seed, (prompt, picture, mask) in enumerate(zip(REPLACED.values(), given, masks, strict=True))
        ]
        made = [handle.result().picture for handle in handles]
    told = {
        "rows": "given; found by colour and shape, grown by 1; drawn there instead",
        "prompts": "; ".join(REPLACED.values()),
        **facts,
        "seeds": "0 to 3",
    }
    return sheet([given, masks, made]), told


def samples(run: Path) -> tuple[Image.Image, dict[str, Any]]:
    """What the recipe drew after its last step, as the card of its model tells."""
    from huggingface_hub import ModelCard  # noqa: PLC0415 - slow import

    card = ModelCard.load(run / "model" / "README.md")
    told = re.search(r"!\[(.+?)\]\(samples\.png\)", card.text)
    shown = {"shown": told[1][0].lower() + told[1][1:]} if told else {}
    parameters = (card.data.to_dict().get("inference") or {}).get("parameters", {})
    picture = Image.open(run / "model" / "samples.png").convert("RGB")
    return picture, shown | parameters


def _with_weights(folder: Path) -> Path:
    """Where a part's own configuration lies."""
    return folder if (folder / "config.json").exists() else folder / "vae"


def metrics(run: Path) -> str:
    """Each metric before and after, as the run's own log has it."""
    if not (run / "log.jsonl").exists():
        return "see its card"
    events = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    found: dict[str, list[float]] = {}
    for event in events:
        if event["event"] == "metric":
            found.setdefault(event["name"], []).append(event["value"])
    return "; ".join(
        f"{name} {values[0]:.3g} → {values[-1]:.3g}" if len(values) > 1 else f"{name} {values[0]:.3g}"
        for name, values in found.items()
        # How students compare with their teacher at every number of steps is a table of their card.
        if isinstance(values[0], int | float) and not name.startswith(("seconds_", "right_"))
    )


def draw(folder: Path, gallery: Path) -> None:
    """docs/gallery: pictures and a table. What was not trained is named as missing."""
    gallery.mkdir(parents=True, exist_ok=True)
    lines = ["| recipe | configuration | picture | parameters | metric before → after |", "|---|---|---|---|---|"]
    missing = []
    for training in TRAININGS:
        run = folder / "runs" / training.name
        if not (run / "model").exists():
            missing.append(f"`{training.name}`")
            continue
        if training.name == "autoencoder":
            picture, told = autoencoder(run / "model")
        elif training.name == "stable_diffusion":
            picture, told = drawn_by_engine(run / "model", redrawn=True, steps=20, guidance=2.0, scheduler="ddim")
        elif training.name in {"text_to_image", "mmdit"}:
            picture, told = drawn_by_engine(run / "model", redrawn=False, steps=8, guidance=2.0)
        else:
            picture, told = samples(run)
        picture.save(gallery / f"{training.name}.png", optimize=True)
        facts = ", ".join(f"{name}: {value}" for name, value in told.items())
        shown = f"![{training.name}]({training.name}.png)"
        lines.append(f"| `{training.recipe}` | `{training.config}` | {shown} | {facts} | {metrics(run)} |")
    pair = [folder / "runs" / name / "model" for name in ("segmentation", "inpainting")]
    if all(model.exists() for model in pair):
        picture, told = replaced(*pair)
        picture.save(gallery / "replaced.png", optimize=True)
        facts = ", ".join(f"{name}: {value}" for name, value in told.items())
        both = "`segmentation` and `inpainting`"
        lines.append(f"| {both} | `shapes-cpu` of both | ![replaced](replaced.png) | {facts} | as above |")
    how = "\nHow good they are, and what they lack: [Recipes](../reference/recipes.md).\n"
    absent = f"\nNot trained this time, so without a picture: {', '.join(missing)}.\n" if missing else ""
    (gallery / "README.md").write_text(
        "# Gallery\n\nMade by `python scripts/gallery.py FOLDER` with the shipped small configurations, on processors."
        " Pictures are 32 pixels wide and shown enlarged. Four in a row were drawn by the engine from these prompts: "
        + "; ".join(PROMPTS)
        + ". The others are what the recipe drew after its last step.\n\n"
        + "\n".join(lines)
        + "\n"
        + how
        + absent,
        encoding="utf-8",
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python scripts/gallery.py", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draw", action="store_true", help="train nothing")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    if not arguments.draw:
        make_data(folder)
        train(folder)
    draw(folder, PROJECT / "docs" / "gallery")


if __name__ == "__main__":
    main()
