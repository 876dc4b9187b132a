"""Whether the configuration for one large GPU of each recipe runs, from data to a model that its stock class loads.

    python -m benchmarks.recipes_gpu [--only NAME] [--steps 4] [--tiny]

Every recipe with its `h200` configuration takes a few steps on the data that it can make itself, from random weights;
bases are random too, of the sizes that the configurations are meant for. Shown are the seconds of its last step, and
the most memory that it took. Without a GPU it prints "not run". With --tiny the configurations for a processor run.
"""

import argparse
import gc
import importlib
import json
import os
import shutil
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.shapes_of_models import save_sd3_medium, save_sd15
from compute.recipes.autoencoder.config import ModelConfig as AutoencoderConfig
from compute.recipes.autoencoder.networks import build_autoencoder
from compute.recipes.configuration import build, settings_of
from compute.recipes.dance_diffusion.tones import write_parquet as write_tones
from compute.recipes.language_model.texts import write_parquet as write_texts
from compute.recipes.shapes.edits import write_parquet as write_edits
from compute.recipes.shapes.parquet import write_parquet as write_shapes
from compute.recipes.shapes.several import write_parquet as write_several
from compute.recipes.training.quiet import quiet_libraries

CONFIGS = Path("compute/recipes")
ACCEPTED = "accept_base_licence=apache-2.0"  # nobody else has made these bases


FEW = (("sampling", "steps", 2), ("validation", "pictures", 1), ("validation", "every", 0))


@dataclass(frozen=True)
class Case:
    """`data` and `bases` name what it is trained on and built on; `large` and `small` its configurations."""

    recipe: str
    data: str
    small: str
    bases: tuple[tuple[str, str], ...] = ()  # keys, and what stands there
    large: str = "h200"
    more: tuple[str, ...] = ()


CASES = [
    Case("text_to_image", "shapes", "shapes-cpu", more=("evaluation.prompts=4",)),
    Case("autoencoder", "shapes", "shapes-kl-cpu"),
    Case("latent_diffusion", "shapes", "shapes-class-cpu", (("autoencoder", "autoencoder"),)),
    Case("language_model", "texts", "places-cpu"),
    Case("contrastive", "shapes", "shapes-cpu"),
    Case("cascade", "shapes", "shapes-base-cpu"),
    Case("dance_diffusion", "tones", "tones-cpu", more=("sampling.judged=0",)),
    Case("stable_diffusion", "shapes", "shapes-cpu", (("autoencoder", "autoencoder"),)),
    Case("inpainting", "shapes", "shapes-cpu", (("base", "stable"),)),
    Case("instruction_editing", "edits", "shapes-cpu", (("base", "stable"),)),
    Case("mmdit", "shapes", "shapes-cpu", (("autoencoder", "autoencoder"), ("text", "sd3"))),
    Case("segmentation", "several", "shapes-cpu"),
    Case("adapters", "shapes", "dreambooth-cpu", (("base", "stable"),), more=("adapter.class_pictures=4",)),
    Case(
        "distillation",
        "shapes",
        "ladd-cpu",
        (("teacher", "teacher"),),
        more=("teaching.pictures=64", "teaching.steps=2"),
    ),
]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", choices=["", *(case.recipe for case in CASES)])
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    quiet_libraries()
    if not options.tiny and not torch.cuda.is_available():
        print("not run: there is no GPU.")
        return 0
    print(f"{'a processor' if options.tiny else torch.cuda.get_device_name()}, torch {torch.__version__}\n")
    print("| recipe | batch | seconds of a step | most memory, GiB | loss | in all, s |\n|---|---|---|---|---|---|")
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        for case in CASES:
            if options.only in {"", case.recipe}:
                failed += not shown(case, Path(name), options)
    return min(failed, 1)


def shown(case: Case, folder: Path, options: argparse.Namespace) -> bool:
    """Prints its row. False where it failed, after saying how."""
    gc.collect()
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    started = time.perf_counter()
    try:
        config = configuration(case, folder, options)
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            importlib.import_module(f"compute.recipes.{case.recipe}.program").run(config)
    except Exception:
        last = traceback.format_exc().strip().splitlines()
        print(f"| {case.recipe} | | **failed:** {last[-1][:300]} | | | |", flush=True)
        print("\n".join(last[-12:]), flush=True)
        return False
    seen = [json.loads(line) for line in (output_of(case, folder) / "log.jsonl").read_text().splitlines()]
    steps = [event for event in seen if event["event"] == "step"]
    seconds = steps[-1]["seconds"] - steps[-2]["seconds"]
    memory = f"{torch.cuda.max_memory_allocated() / 2**30:.1f}" if on_gpu else ""
    training = config.training
    batch = f"{training.batch}" + (f" × {training.accumulate}" if training.accumulate > 1 else "")
    in_all = time.perf_counter() - started
    row = [case.recipe, batch, f"{seconds:.3g}", memory, f"{steps[-1]['loss']:.3g}", f"{in_all:.0f}"]
    print(f"| {' | '.join(row)} |", flush=True)
    return True


def configuration(case: Case, folder: Path, options: argparse.Namespace) -> Any:
    name = case.small if options.tiny else case.large
    path = CONFIGS / case.recipe / "configs" / f"{name}.yaml"
    overrides = [
        f"dataset.path={made(case.data, folder)}",
        f"output={output_of(case, folder)}",
        f"training.steps={options.steps}",
        "training.log_every=1",
        f"training.checkpoint_every={10**9}",
        *case.more,
    ]
    overrides += [f"{key}.id={made(what, folder, tiny=options.tiny)}" for key, what in case.bases]
    overrides += [ACCEPTED] if case.bases else []
    plain = settings_of(path, overrides)
    for section, key, value in FEW:
        if section in plain:
            plain[section][key] = value
    if case.recipe == "latent_diffusion":
        plain["dataset"]["class_columns"] = ["colour", "shape"]
    if case.recipe == "autoencoder":
        plain["training"] |= {"feature_steps": 2, "discriminator_start": 1}
    return build(importlib.import_module(f"compute.recipes.{case.recipe}.config").Config, plain)


def output_of(case: Case, folder: Path) -> Path:
    return folder / "outputs" / case.recipe


def made(what: str, folder: Path, *, tiny: bool = False) -> Path:
    """Data, or a base of random weights; made when first asked for."""
    place = folder / what
    if place.exists():
        return place
    makers: dict[str, Callable[[], object]] = {
        "shapes": lambda: write_shapes(place, train=1200, test=24),
        "edits": lambda: write_edits(place, train=200, test=8),
        "texts": lambda: write_texts(place, train=20000, test=200),
        "tones": lambda: write_tones(place, train=64, test=8),
        "autoencoder": lambda: autoencoder(place, tiny=tiny),
        "stable": lambda: save_sd15(place, tiny=tiny),
        "sd3": lambda: save_sd3_medium(place, tiny=tiny),
        "teacher": lambda: teacher(folder, place),
        "several": lambda: write_several(place, train=200, test=16),
    }
    makers[what]()
    return place


def autoencoder(folder: Path, *, tiny: bool) -> None:
    wide = AutoencoderConfig(channels=(128, 256, 512, 512), layers=2, groups=32, attention=True)
    build_autoencoder(AutoencoderConfig() if tiny else wide, size=32 if tiny else 256).save_pretrained(folder)


def teacher(folder: Path, place: Path) -> None:
    """What the case of `text_to_image` trained, which runs first."""
    shutil.copytree(folder / "outputs" / "text_to_image" / "model", place)


if __name__ == "__main__":
    raise SystemExit(main())
