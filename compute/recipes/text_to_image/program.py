"""The recipe from start to end: check, load, train, judge, export, publish."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import datasets
import diffusers.utils.logging
import torch
import transformers.utils.logging
from diffusers import DiffusionPipeline, StableDiffusion3Pipeline

from compute.recipes.checkpoints import fingerprint_of
from compute.recipes.events import EventLog
from compute.recipes.hub import publish
from compute.recipes.licences import require_trainable
from compute.recipes.lineage import Lineage, Source, write_lineage
from compute.recipes.text_to_image.base import load_base, look_up_base
from compute.recipes.text_to_image.batches import BatchSource
from compute.recipes.text_to_image.card import SAMPLES, TrainingFacts, card_text, shown_config
from compute.recipes.text_to_image.config import Config, require_sensible, shaping_facts
from compute.recipes.text_to_image.data import Captioned, DatasetFacts, load, look_up
from compute.recipes.text_to_image.evaluation import shapes_accuracy
from compute.recipes.text_to_image.model import CountedAttention, Network, build_network, build_pipeline
from compute.recipes.text_to_image.sampling import contact_sheet, generate
from compute.recipes.text_to_image.tokenizer import build_tokenizer
from compute.recipes.text_to_image.training import Trainer

RECIPE, VERSION = "text_to_image", "1"


def run(config: Config) -> Path:
    """Trains, or goes on training, and returns the folder of the finished pipeline.

    The folder is `output/model`; with `publish.repo_id` it is also pushed to the hub.
    Raises Refused when the person must change something first.
    """
    require_sensible(config)
    _quiet_libraries()
    facts = look_up(config.dataset)
    require_trainable(
        dataset=facts.source.id,
        dataset_licences=facts.licences,
        model_licence=config.publish.licence,
        accepted=config.accept_dataset_licence,
    )
    bases = [look_up_base(config.model)] if config.model.base else []
    torch.set_num_threads(config.training.threads or len(os.sched_getaffinity(0)))
    with EventLog(config.folder / "log.jsonl") as log:
        return _Run(config, facts, bases, log).to_the_end()


class _Run:
    """One attempt at a configuration whose inputs are looked up and allowed."""

    def __init__(self, config: Config, facts: DatasetFacts, bases: list[Source], log: EventLog) -> None:
        self.config = config
        self.facts = facts
        self.bases = bases
        self.log = log

    def to_the_end(self) -> Path:
        config = self.config
        data = load(config.dataset, self.facts)
        network = self._network(data)
        self.prompts = _sample_prompts(config, data)
        trainer = Trainer(
            config,
            network,
            BatchSource(data, network.tokenizer, config.training, seed=config.seed),
            self.log,
            fingerprint=fingerprint_of(shaping_facts(config, self.facts.source.revision)),
        )
        self._tell_start(data, network)
        trainer.run(self._sample)
        folder = self._export(trainer)
        metrics = self._judge(trainer, folder)
        self._describe(folder, trainer, data, metrics)
        if config.publish.repo_id:
            commit = publish(
                folder,
                config.publish.repo_id,
                private=config.publish.private,
                message=f"Add the model trained for {trainer.step} steps",
            )
            self.log.emit("published", repo_id=config.publish.repo_id, commit=commit)
        self.log.emit("done", step=trainer.step, seconds=trainer.seconds, path=str(folder))
        return folder

    def _network(self, data: Captioned) -> Network:
        torch.manual_seed(self.config.seed)
        model = self.config.model
        if self.bases:
            return load_base(model, self.bases[0])
        tokenizer = build_tokenizer(data.captions, merges=model.merges, max_tokens=model.max_tokens)
        return build_network(model, tokenizer, picture_size=self.config.dataset.size)

    def _tell_start(self, data: Captioned, network: Network) -> None:
        self.log.emit(
            "start",
            recipe=RECIPE,
            dataset=self.facts.source.id,
            revision=self.facts.source.revision,
            pictures=len(data),
            parameters=_parameters(network),
            steps=self.config.training.steps,
            threads=torch.get_num_threads(),
        )

    def _sample(self, trainer: Trainer) -> None:
        path = self.config.folder / "samples" / f"step-{trainer.step:08d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        with trainer.averaged():
            pipeline = build_pipeline(trainer.network, shift=self.config.training.time_shift)
            pipeline.vae.to(pipeline.transformer.device)
            pictures = generate(pipeline, self.prompts, self.config.sampling, seed=self.config.seed, zero_tokens=1)
        contact_sheet(pictures).save(path)
        self.log.emit("sample", step=trainer.step, path=str(path), prompts=self.prompts)

    def _export(self, trainer: Trainer) -> Path:
        """Saves the averaged weights as a stock pipeline, in safetensors only."""
        folder = self.config.folder / "model"
        if folder.exists():
            shutil.rmtree(folder)
        with trainer.averaged():
            pipeline = build_pipeline(trainer.network, shift=self.config.training.time_shift)
            pipeline.save_pretrained(folder, safe_serialization=True)
        return folder

    def _judge(self, trainer: Trainer, folder: Path) -> dict[str, float]:
        """Loads what was saved, as any user would, draws the card's pictures and measures."""
        config = self.config
        pipeline: StableDiffusion3Pipeline = DiffusionPipeline.from_pretrained(folder, use_safetensors=True).to(
            trainer.device
        )
        # The same pictures as with the stock attention, at a quarter of the cost.
        pipeline.transformer.set_attn_processor(CountedAttention(config.training.padding))
        pictures = generate(pipeline, self.prompts, config.sampling, seed=config.seed, zero_tokens=1)
        contact_sheet(pictures).save(folder / SAMPLES)
        metrics = {"loss": trainer.loss}
        if config.evaluation.checker == "shapes":
            metrics |= shapes_accuracy(pipeline, config.sampling, prompts=config.evaluation.prompts)
        for name, value in metrics.items():
            self.log.emit("metric", step=trainer.step, name=name, value=value)
        return metrics

    def _describe(self, folder: Path, trainer: Trainer, data: Captioned, metrics: dict[str, float]) -> None:
        config = self.config
        lineage = Lineage(
            datasets=[self.facts.source] if config.dataset.id else [],
            base_models=self.bases,
            recipe=RECIPE,
            recipe_version=VERSION,
            credits=config.credits,
            metrics=metrics,
            sampling={"num_inference_steps": config.sampling.steps, "guidance_scale": config.sampling.guidance},
        )
        facts = TrainingFacts(
            steps=trainer.step,
            seconds=trainer.seconds,
            loss=trainer.loss,
            pictures=len(data),
            parameters=_parameters(trainer.network),
            prompts=tuple(self.prompts),
        )
        (folder / "README.md").write_text(card_text(config, self.facts.source, lineage, facts), encoding="utf-8")
        (folder / "config.yaml").write_text(shown_config(config), encoding="utf-8")
        write_lineage(folder, lineage)


def _sample_prompts(config: Config, data: Captioned) -> list[str]:
    if config.sampling.prompts:
        return list(config.sampling.prompts)
    different = list(dict.fromkeys(data.captions))
    return different[: config.sampling.count]


def _parameters(network: Network) -> int:
    return sum(weight.numel() for weight in network.modules.parameters())


def _quiet_libraries() -> None:
    """The log belongs to the events; bars and hints of the libraries would hide them."""
    datasets.disable_progress_bars()
    for logging in (diffusers.utils.logging, transformers.utils.logging):
        logging.set_verbosity_error()
        logging.disable_progress_bar()
