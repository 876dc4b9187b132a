"""Judges a finished text-to-image model, tells every number with its circumstances, and writes them on its card."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import EvalResult
from PIL import Image

from compute.recipes.configuration import as_plain
from compute.recipes.data.facts import look_up
from compute.recipes.data.opt_outs import LeftOut, left_out_of
from compute.recipes.data.pictures import load_pictures
from compute.recipes.diffusion.checking import Asked, shapes_checked
from compute.recipes.evaluation.config import FEWEST, Config, require_sensible
from compute.recipes.evaluation.distances import frechet, kernel_distance, wilson
from compute.recipes.evaluation.drawing import Drawer
from compute.recipes.evaluation.encoder import Encoder
from compute.recipes.evaluation.results import Measured, as_results, shown, with_results
from compute.recipes.events import EventLog
from compute.recipes.hub import change_card, require_writable, told_as_refusal
from compute.recipes.lineage import Source
from compute.recipes.refusal import Refused
from compute.recipes.shapes.vocabulary import held_out_prompts
from compute.recipes.sheets import as_images, contact_sheet
from compute.recipes.training.bases import folder_of, look_up_base
from compute.recipes.training.boards import Board
from compute.recipes.training.quiet import quiet_libraries

FILE = "evaluation.json"
SHOWN = 16  # pictures on the sheet
FIRST_SEED = 1_000  # of the prompts of the shapes, as in the recipes that check themselves


def run(config: Config) -> Path:
    """Measures and returns the file with the results. Raises Refused when the person must change something."""
    require_sensible(config)
    quiet_libraries()
    torch.set_num_threads(config.threads or len(os.sched_getaffinity(0)))
    model = look_up_base(config.model, key="model")
    encoder = look_up_base(config.encoder, key="encoder") if config.compares else None
    if config.publish:
        require_writable(model.id)
    board = Board(config.folder / "tensorboard")
    with board, EventLog(config.folder / "log.jsonl", listeners=[board.hear]) as log:
        return _Evaluation(config, model, encoder, log).to_the_end()


class _Evaluation:
    def __init__(self, config: Config, model: Source, encoder: Source | None, log: EventLog) -> None:
        self.config = config
        self.model = model
        self.encoder = encoder
        self.log = log
        self.device = torch.device(config.device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.drawer = Drawer(folder_of(model), config.drawing, side=config.dataset.size, device=self.device)

    def to_the_end(self) -> Path:
        config = self.config
        self.log.emit("start", recipe="evaluation", model=shown(self.model), encoder=shown(self.encoder))
        measured: list[Measured] = []
        for one in self._all():
            self.log.emit("metric", step=0, name=one.name, value=one.value)
            measured.append(one)
        results = as_results(measured, encoder=self.encoder)
        path = config.folder / FILE
        path.write_text(json.dumps(self._facts(measured), indent=2) + "\n", encoding="utf-8")
        if config.publish:
            commit = self._publish(results)
            self.log.emit("published", repo_id=self.model.id, commit=commit)
        self.log.emit("done", step=0, path=str(path))
        return path

    def _all(self) -> Iterator[Measured]:
        if "speed" in self.config.metrics:  # first: nothing of it may be warm
            yield from self._speed()
        if self.config.compares:
            yield from self._compared()
        if "prompt_accuracy" in self.config.metrics:
            yield self._prompt_accuracy()

    def _compared(self) -> Iterator[Measured]:
        """How near the drawn pictures are to real ones, and to their captions."""
        config = self.config
        assert self.encoder is not None
        facts = look_up(config.dataset)
        left_out = left_out_of(config.dataset.id) if config.dataset.id else LeftOut()
        loaded = load_pictures(config.dataset, facts, left_out, config.folder / "cache", test=True)
        captions = loaded.captions
        real = [image for bucket in loaded.buckets for image in as_images(bucket.pictures(torch.arange(len(bucket))))]
        if len(real) < FEWEST:
            raise Refused(
                f"The split has {len(real)} pictures; at least {FEWEST} are compared. See 'dataset.most_test'."
            )
        prompts = [captions[i % len(captions)] for i in range(config.drawing.pictures)]
        drawn = self.drawer.draw(prompts, seed=config.seed)
        self._show(drawn, "captions")
        encoder = Encoder(folder_of(self.encoder), self.device)
        told = self._told() | {"features": shown(self.encoder), "pictures": len(drawn), "reference_pictures": len(real)}
        ours, theirs = encoder.features(drawn), encoder.features(real)
        if "fid" in config.metrics:
            # What real pictures get among themselves: the number to read the other by.
            order = torch.randperm(len(theirs), generator=torch.Generator().manual_seed(config.seed)).numpy()
            halves = frechet(theirs[order[::2]], theirs[order[1::2]])
            yield Measured("fid", frechet(ours, theirs), facts.source, told | {"halves_of_reference": _six(halves)})
        if "kid" in config.metrics:
            yield Measured("kid", kernel_distance(ours, theirs), facts.source, told)
        if "alignment" in config.metrics:
            reference = _six(encoder.alignment(real, captions))
            value = encoder.alignment(drawn, prompts)
            yield Measured("alignment", value, facts.source, told | {"reference_alignment": reference})

    def _prompt_accuracy(self) -> Measured:
        """Of combinations that no training picture shows; the pixels are judged, not by a learned model."""
        count = self.config.drawing.prompts
        asked = [Asked(p.text, colour=p.scene.colour, shape=p.scene.shape) for p in held_out_prompts(count)]
        pictures = self.drawer.draw([each.text for each in asked], seed=FIRST_SEED + self.config.seed)
        self._show(pictures, "prompts")
        share = shapes_checked(pictures, asked)["prompt_accuracy"]
        low, high = wilson(round(share * count), count)
        told = self._told() | {"prompts": count, "low_95": _six(low), "high_95": _six(high)}
        return Measured("prompt_accuracy", share, Source("held-out prompts of the coloured shapes", ""), told)

    def _speed(self) -> Iterator[Measured]:
        device = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "processor"
        told = self._told() | {"together": self.config.drawing.together, "threads": torch.get_num_threads()}
        prompts = [prompt.text for prompt in held_out_prompts(self.config.drawing.together)]
        for name, value in self.drawer.speed(prompts, seed=self.config.seed).items():
            yield Measured(name, value, Source(f"{device}, {self.config.dataset.size} pixels", ""), told)

    def _told(self) -> dict[str, Any]:
        drawing = self.config.drawing
        return {
            "model_revision": self.model.revision,
            "seed": self.config.seed,
            "num_inference_steps": drawing.steps,
            "guidance_scale": drawing.guidance,
        }

    def _facts(self, measured: list[Measured]) -> dict[str, Any]:
        """Everything that went in, at exact commits, and everything that came out."""
        plain = as_plain(self.config)
        plain.pop("output")
        plain["dataset"].pop("path")
        for section in (plain["model"], plain["encoder"]):
            if section["id"] and Path(section["id"]).is_dir():
                section["id"] = Path(section["id"]).name
        return {
            "model": shown(self.model),
            "pipeline": self.drawer.kind,
            "encoder": shown(self.encoder),
            "configuration": plain,
            "job": os.environ.get("JOB_ID"),
            "results": [
                {"metric": one.name, "value": _six(one.value), "on": one.on.id, "revision": one.on.revision}
                | dict(one.told)
                for one in measured
            ],
        }

    def _publish(self, results: list[EvalResult]) -> str:
        """One commit that changes the card and nothing else."""
        advice = f"The results are in {self.config.folder / FILE}. Check that the token in HF_TOKEN may write there."
        with told_as_refusal(f"The results could not be written on the card of {self.model.id}", advice):
            name = self.model.id.rpartition("/")[2]
            return change_card(
                self.model.id, lambda card: with_results(card, results, name=name), message="Add evaluation results"
            )

    def _show(self, pictures: list[Image.Image], what: str) -> None:
        path = self.config.folder / "samples" / f"{what}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        contact_sheet(pictures[:SHOWN]).save(path)
        self.log.emit("sample", step=0, path=str(path))


def _six(value: float) -> float:
    return float(f"{value:.6g}")
