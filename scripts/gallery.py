"""`python scripts/gallery.py FOLDER`: trains the shipped small configurations, draws with them, fills docs/gallery.

About half an hour on one processor core; what is trained already in FOLDER is not trained again.
"""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

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


TRAININGS = [
    Training("autoencoder", "autoencoder", "shapes-kl-cpu", "shapes"),
    Training("stable_diffusion", "stable_diffusion", "shapes-cpu", "shapes", autoencoder="autoencoder"),
    Training("lora", "adapters", "lora-cpu", "subject", base="stable_diffusion"),
    Training("dreambooth", "adapters", "dreambooth-cpu", "subject", base="stable_diffusion"),
    Training("textual_inversion", "adapters", "textual-inversion-cpu", "subject", base="stable_diffusion"),
    Training("inpainting", "inpainting", "shapes-cpu", "shapes", base="stable_diffusion"),
    Training("instruction_editing", "instruction_editing", "shapes-cpu", "edits", base="stable_diffusion"),
    Training("latent_diffusion", "latent_diffusion", "shapes-class-cpu", "shapes", autoencoder="autoencoder"),
    Training("text_to_image", "text_to_image", "shapes-cpu", "shapes"),
]


def make_data(folder: Path) -> None:
    """Coloured shapes, edits of them, and eight pictures of one subject."""
    for name, module in {"shapes": "compute.recipes.shapes", "edits": "compute.recipes.shapes.edits"}.items():
        if not (folder / name).exists():
            subprocess.run([sys.executable, "-m", module, str(folder / name)], check=True, cwd=PROJECT)
    if not (folder / "subject").exists():
        _make_subject(folder / "subject")


def train(folder: Path) -> None:
    for training in TRAININGS:
        output = folder / "runs" / training.name
        if (output / "model").exists():
            continue
        settings = {"dataset.path": folder / training.data, "output": output}
        if training.autoencoder:
            settings["autoencoder.id"] = folder / "runs" / training.autoencoder / "model"
        if training.base:
            settings["base.id"] = folder / "runs" / training.base / "model"
        command = [sys.executable, "-m", f"compute.recipes.{training.recipe}", "--config", training.config]
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        subprocess.run(command, check=True, cwd=PROJECT)


def _make_subject(folder: Path) -> None:
    from datasets import Dataset, Features, Image, Value
    from PIL import Image as Pictures

    from compute.recipes.shapes.drawing import make_pictures
    from compute.recipes.shapes.vocabulary import Scene

    rows = []
    for picture in make_pictures(7, 8, scenes=[Scene("purple", "triangle", "grey")]):
        file = io.BytesIO()
        Pictures.fromarray(picture.pixels).save(file, "PNG")
        rows.append({"image": {"bytes": file.getvalue(), "path": None}, "caption": picture.caption})
    (folder / "data").mkdir(parents=True)
    features = Features({"image": Image(), "caption": Value("string")})
    Dataset.from_list(rows, features=features).to_parquet(folder / "data" / "train-00000-of-00001.parquet")
    (folder / "README.md").write_text("---\nlicense: cc0-1.0\n---\n", encoding="utf-8")


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    make_data(folder)
    train(folder)


if __name__ == "__main__":
    main()
