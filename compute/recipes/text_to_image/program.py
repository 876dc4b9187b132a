"""The recipe from start to end: check, load, train, judge, export, publish."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import torch
from diffusers import DiffusionPipeline, StableDiffusion3Pipeline

from compute.recipes.checkpoints import fingerprint_of
from compute.recipes.data.facts import DatasetFacts, look_up
from compute.recipes.data.opt_outs import LeftOut, left_out_of
from compute.recipes.data.pictures import LOOKED_AT
from compute.recipes.events import EventLog
from compute.recipes.hub import publish
from compute.recipes.licences import require_trainable
from compute.recipes.lineage import Lineage, Source, require_credits, write_lineage
from compute.recipes.shapes.checker import require_shapes
from compute.recipes.sheets import contact_sheet
from compute.recipes.text_to_image.base import load_base, look_up_base
from compute.recipes.text_to_image.batches import BatchSource
from compute.recipes.text_to_image.card import SAMPLES, TrainingFacts, card_text, shown_config
from compute.recipes.text_to_image.config import Config, require_sensible, shaping_facts
from compute.recipes.text_to_image.data import Captioned, load
from compute.recipes.text_to_image.evaluation import shapes_accuracy
from compute.recipes.text_to_image.flow import flow_loss
from compute.recipes.text_to_image.model import CountedAttention, Network, build_network, build_pipeline
from compute.recipes.text_to_image.sampling import generate
from compute.recipes.text_to_image.tokenizer import build_tokenizer
from compute.recipes.training.bases import LOCAL, forget_places, require_bases, require_goal
from compute.recipes.training.boards import Board
from compute.recipes.training.loop import Hook, Loop, Player, Terms
from compute.recipes.training.processes import Processes
from compute.recipes.training.quiet import quiet_libraries

RECIPE, VERSION = "text_to_image", "1"
DATA = ("id", "split", "size", "revision")  # what of the data shapes the weights


def run(config: Config) -> Path:
    """Trains, or goes on training, and returns the folder of the finished pipeline.

    The folder is `output/model`; with `publish.repo_id` it is also pushed to the hub.
    Raises Refused when the person must change something first.
    """
    require_sensible(config)
    require_credits(config.credits)
    quiet_libraries()
    facts = look_up(config.dataset)
    require_trainable(
        dataset=facts.source.id,
        dataset_licences=facts.licences,
        model_licence=config.publish.licence,
        accepted=config.accept_dataset_licence,
    )
    bases = [look_up_base(config.model)] if config.model.base else []
    require_bases(bases, model_licence=config.publish.licence, accepted=config.accept_base_licence)
    require_goal(config.publish, datasets=[facts.source] if config.dataset.id else [], models=bases)
    torch.set_num_threads(config.training.threads or len(os.sched_getaffinity(0)))
    processes = Processes(config.training.device, shard=config.training.shard)
    board = Board(config.folder / "tensorboard")
    try:
        with board, EventLog(config.folder / "log.jsonl", listeners=[board.hear], silent=not processes.is_first) as log:
            return _Run(config, facts, bases, log, processes).to_the_end()
    finally:
        processes.close()


class _Run:
    """One attempt at a configuration whose inputs are looked up and allowed."""

    def __init__(
        self, config: Config, facts: DatasetFacts, bases: list[Source], log: EventLog, processes: Processes
    ) -> None:
        self.config = config
        self.facts = facts
        self.bases = bases
        self.left_out = left_out_of(config.dataset.id) if config.dataset.id else LeftOut()
        self.log = log
        self.processes = processes

    def to_the_end(self) -> Path:
        config = self.config
        with self.processes.first_goes_first():
            data = load(config.dataset, self.facts, self.left_out)
        if config.evaluation.checker == "shapes":
            require_shapes([*data.pictures[:LOOKED_AT].permute(0, 2, 3, 1).numpy()], key="evaluation.checker")
        self.network = self._network(data)
        self.prompts = _sample_prompts(config, data)
        loop = self._loop(data)
        self._tell_start(data)
        loop.run([Hook(config.sampling.every, self._sample)])
        folder = config.folder / "model"
        self._export(loop, folder)
        if self.processes.is_first:
            self._hand_over(loop, folder, data)
        self.processes.wait()
        return folder

    def _hand_over(self, loop: Loop, folder: Path, data: Captioned) -> None:
        metrics = self._judge(loop, folder)
        self._describe(folder, loop, data, metrics)
        goal = self.config.publish
        if goal.repo_id:
            message = f"Add the model trained for {loop.step} steps"
            commit = publish(folder, goal.repo_id, private=goal.private, message=message)
            self.log.emit("published", repo_id=goal.repo_id, commit=commit)
        self.log.emit("done", step=loop.step, seconds=loop.seconds, path=str(folder))

    def _loop(self, data: Captioned) -> Loop:
        config, network = self.config, self.network
        modules = network.modules
        network.transformer.set_attn_processor(CountedAttention(config.training.padding))
        batches = BatchSource(data, network.tokenizer, config.training, seed=config.seed)

        def loss(step: int, index: int) -> Terms:
            batch = batches.batch(index)
            parts = (batch.pictures, batch.tokens, batch.noise, batch.times)
            return {"loss": flow_loss(network, *(part.to(self.processes.device) for part in parts))}

        facts, left_out = shaping_facts(config, self.facts.source.revision), self.left_out.plain()
        named = {"dataset": dict(zip(DATA, facts["dataset"], strict=True)), "left_out": fingerprint_of(left_out)}
        return Loop(
            config.training,
            [Player(modules, loss)],
            self.log,
            folder=config.folder / "checkpoints",
            fingerprint=fingerprint_of([facts, left_out]),
            shaping=facts | named,
            seed=config.seed,
            processes=self.processes,
        )

    def _network(self, data: Captioned) -> Network:
        torch.manual_seed(self.config.seed)
        model = self.config.model
        if self.bases:
            return load_base(model, self.bases[0])
        tokenizer = build_tokenizer(data.captions, merges=model.merges, max_tokens=model.max_tokens)
        return build_network(model, tokenizer, picture_size=self.config.dataset.size)

    def _tell_start(self, data: Captioned) -> None:
        self.log.emit(
            "start",
            recipe=RECIPE,
            dataset=self.facts.source.id,
            revision=self.facts.source.revision,
            pictures=len(data),
            parameters=_parameters(self.network),
            steps=self.config.training.steps,
            threads=torch.get_num_threads(),
        )

    def _sample(self, loop: Loop) -> None:
        path = self.config.folder / "samples" / f"step-{loop.step:08d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        with loop.averaged():
            if not self.processes.is_first:
                return
            pipeline = build_pipeline(self.network, shift=self.config.training.time_shift)
            pipeline.vae.to(pipeline.transformer.device)
            pictures = generate(pipeline, self.prompts, self.config.sampling, seed=self.config.seed, zero_tokens=1)
        contact_sheet(pictures).save(path)
        self.log.emit("sample", step=loop.step, path=str(path), prompts=self.prompts)

    def _export(self, loop: Loop, folder: Path) -> None:
        """Saves the averaged weights as a stock pipeline, in safetensors only."""
        with loop.averaged():
            if not self.processes.is_first:
                return
            shutil.rmtree(folder, ignore_errors=True)
            pipeline = build_pipeline(self.network, shift=self.config.training.time_shift)
            pipeline.save_pretrained(folder, safe_serialization=True)
            forget_places(folder)

    def _judge(self, loop: Loop, folder: Path) -> dict[str, float]:
        """Loads what was saved, as any user would, draws the card's pictures and measures."""
        config = self.config
        pipeline: StableDiffusion3Pipeline = DiffusionPipeline.from_pretrained(folder, use_safetensors=True).to(
            loop.device
        )
        # The same pictures as with the stock attention, at a quarter of the cost.
        pipeline.transformer.set_attn_processor(CountedAttention(config.training.padding))
        pictures = generate(pipeline, self.prompts, config.sampling, seed=config.seed, zero_tokens=1)
        contact_sheet(pictures).save(folder / SAMPLES)
        metrics = {"loss": loop.loss}
        if config.evaluation.checker == "shapes":
            metrics |= shapes_accuracy(pipeline, config.sampling, prompts=config.evaluation.prompts)
        for name, value in metrics.items():
            self.log.emit("metric", step=loop.step, name=name, value=value)
        return metrics

    def _describe(self, folder: Path, loop: Loop, data: Captioned, metrics: dict[str, float]) -> None:
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
            steps=loop.step,
            seconds=loop.seconds,
            loss=loop.loss,
            pictures=len(data),
            parameters=_parameters(self.network),
            prompts=tuple(self.prompts),
        )
        (folder / "README.md").write_text(card_text(config, self.facts.source, lineage, facts), encoding="utf-8")
        (folder / "config.yaml").write_text(shown_config(config), encoding="utf-8")
        published = [source for source in self.bases if source.revision != LOCAL]
        write_lineage(folder, Lineage(**{**vars(lineage), "base_models": published}))


def _sample_prompts(config: Config, data: Captioned) -> list[str]:
    if config.sampling.prompts:
        return list(config.sampling.prompts)
    different = list(dict.fromkeys(data.captions))
    return different[: config.sampling.count]


def _parameters(network: Network) -> int:
    return sum(weight.numel() for weight in network.modules.parameters())
