"""A recipe from start to end: look up, permit, build, train, judge, hand over, publish."""

from __future__ import annotations

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from PIL import Image

from compute.recipes.checkpoints import fingerprint_of
from compute.recipes.configuration import as_plain
from compute.recipes.data.config import DatasetConfig, require_one_place
from compute.recipes.data.cutting import Cut, Reading, cuts_in
from compute.recipes.data.facts import DatasetFacts, look_up
from compute.recipes.data.opt_outs import KINDS, LeftOut, left_out_of
from compute.recipes.events import EventLog
from compute.recipes.hub import publish
from compute.recipes.licences import require_trainable
from compute.recipes.lineage import Lineage, Source, require_credits, write_lineage
from compute.recipes.recordings import Recording
from compute.recipes.training.bases import LOCAL, forget_places, require_bases, require_goal
from compute.recipes.training.boards import Board
from compute.recipes.training.card import About, Facts, card_text, shown_config
from compute.recipes.training.config import LoopConfig, RecipeConfig, require_seed, require_sensible_loop, shaping
from compute.recipes.training.loop import Hook, Loop, Player
from compute.recipes.training.processes import Processes
from compute.recipes.training.quiet import quiet_libraries
from compute.recipes.training.repeats import repeats_of

SAMPLES, SOUNDS = "samples.png", "samples.wav"


class Recipe(ABC):
    """What one recipe adds to the program. A new object is made for each attempt.

    The order: `require`, `bases`, then in every process `build`; `measure` before training,
    in between and after it; `export` at the end, whose result `reload` reads as any user would.
    """

    name: ClassVar[str]
    version: ClassVar[str] = "1"
    shaping_sections: ClassVar[tuple[str, ...]] = ("model",)  # of the configuration, beside data and training

    config: Any
    dataset: DatasetConfig
    training: LoopConfig
    facts: DatasetFacts
    left_out: LeftOut
    earlier: Source | None = None  # what this recipe made before and goes on with, where a base is another thing
    device: torch.device

    def __init__(self, config: Any) -> None:
        self.config = config
        self.dataset = config.dataset
        self.training = config.training

    def require(self) -> None:
        """Raises Refused for a configuration that cannot work."""
        require_one_place(self.dataset)
        require_sensible_loop(self.training)

    def bases(self) -> list[Source]:
        """The finished models that go in, at exact commits. Called once, before anything is downloaded."""
        return []

    @property
    def caches(self) -> Path:
        return Path(self.config.folder) / "cache"

    @abstractmethod
    def build(self) -> None:
        """Reads the data and makes the networks; torch is seeded."""

    @property
    @abstractmethod
    def rows(self) -> int:
        """How many rows are trained on."""

    def sizes(self) -> list[int]:
        """How many of them there are of each size, where batches keep to one size."""
        return [self.rows]

    def readings(self) -> list[Reading]:
        """How the captions that are trained on are read, once built."""
        return []

    @abstractmethod
    def players(self) -> list[Player]: ...

    @abstractmethod
    def measure(self) -> dict[str, float]:
        """Metrics of the networks as they are, on rows that are not trained on."""

    def draw(self) -> Image.Image | Recording | None:
        """A picture that shows what the networks can do now, or sounds that let it be heard."""
        return None

    def shown_prompts(self) -> list[str]:
        """What the pictures that `draw` draws were asked for, one for each; nothing where they were not."""
        return []

    @abstractmethod
    def export(self, folder: Path) -> None:
        """Saves the model as its stock class does, weights in safetensors only."""

    def judge(self, folder: Path) -> dict[str, float]:
        """More metrics of the finished model, loaded as any user would."""
        return {}

    @abstractmethod
    def about(self) -> About: ...


def perform(recipe: Recipe) -> Path:
    """Trains, or goes on training, and returns the folder of the finished model.

    The folder is `output/model`; with `publish.repo_id` it is also pushed to the hub.
    Raises Refused when the person must change something first.
    """
    config: RecipeConfig = recipe.config
    recipe.require()
    require_seed(config.seed)
    require_credits(config.credits)
    quiet_libraries()
    recipe.facts = look_up(recipe.dataset)
    require_trainable(
        dataset=recipe.facts.source.id,
        dataset_licences=recipe.facts.licences,
        model_licence=config.publish.licence,
        accepted=config.accept_dataset_licence,
    )
    recipe.left_out = left_out_of(recipe.dataset.id) if recipe.dataset.id else LeftOut()
    bases = recipe.bases()
    require_bases(bases, model_licence=config.publish.licence, accepted=config.accept_base_licence)
    require_goal(config.publish, datasets=_on_the_hub(recipe), models=bases)
    torch.set_num_threads(recipe.training.threads or len(os.sched_getaffinity(0)))
    processes = Processes(recipe.training.device, shard=recipe.training.shard)
    board = Board(config.folder / "tensorboard")
    try:
        with (
            board,
            EventLog(config.folder / "log.jsonl", listeners=[board.hear], silent=not processes.is_first) as log,
        ):
            return _Attempt(recipe, bases, log, processes).to_the_end()
    finally:
        processes.close()


def _on_the_hub(recipe: Recipe) -> list[Source]:
    return [recipe.facts.source] if recipe.dataset.id else []


def _by_name(facts: dict[str, Any], sections: Sequence[str]) -> dict[str, Any]:
    """The facts by the keys of the configuration. What people asked to be left out is kept as a short name only."""
    named = facts | dict(zip(sections, facts["sections"], strict=True))
    del named["sections"]
    return named | {"left_out": fingerprint_of(facts["left_out"])}


class _Attempt:
    """One attempt at a recipe whose inputs are looked up and allowed."""

    def __init__(self, recipe: Recipe, bases: Sequence[Source], log: EventLog, processes: Processes) -> None:
        self.recipe = recipe
        self.config: RecipeConfig = recipe.config
        self.bases = bases
        self.log = log
        self.processes = processes
        self.before: dict[str, float] = {}
        self.cuts: list[Cut] = []

    def to_the_end(self) -> Path:
        recipe, folder = self.recipe, self.config.folder / "model"
        recipe.device = self.processes.device
        with self.processes.first_goes_first():
            torch.manual_seed(self.config.seed)
            recipe.build()
        facts = self._shaping_facts()
        loop = Loop(
            recipe.training,
            recipe.players(),
            self.log,
            folder=self.config.folder / "checkpoints",
            fingerprint=fingerprint_of(facts),
            shaping=_by_name(facts, recipe.shaping_sections),
            seed=self.config.seed,
            processes=self.processes,
        )
        self._tell_start(loop)
        self._tell_notes()
        self.before = self._measured(loop)
        loop.run([Hook(self.config.validation.every, self._validate)])
        self._hand_over(loop, folder)
        self.processes.wait()
        return folder

    def _shaping_facts(self) -> dict[str, Any]:
        """What shapes the weights: a checkpoint made with other facts is not gone on with."""
        recipe = self.recipe
        plain = as_plain(self.config)
        return {
            "recipe": [recipe.name, recipe.version],
            "seed": self.config.seed,
            "dataset": plain["dataset"] | {"revision": recipe.facts.source.revision, "path": ""},
            "left_out": recipe.left_out.plain(),
            "bases": [[source.id, source.revision] for source in self.bases],
            "sections": [plain.get(section) for section in recipe.shaping_sections],
            "training": shaping(plain["training"]),
        }

    def _tell_start(self, loop: Loop) -> None:
        self.log.emit(
            "start",
            recipe=self.recipe.name,
            dataset=self.recipe.facts.source.id,
            revision=self.recipe.facts.source.revision,
            rows=self.recipe.rows,
            left_out=self._left_out_values(),
            parameters=loop.parameters,
            steps=self.recipe.training.steps,
            threads=torch.get_num_threads(),
            processes=self.processes.count,
        )

    def _tell_notes(self) -> None:
        """What a person should know before it is too late, and no reason to refuse."""
        if not self.processes.is_first:
            return
        self.cuts = cuts_in(self.recipe.readings())
        told = [f"{cut} {cut.advice}" for cut in self.cuts]
        told.append(repeats_of(self.recipe.sizes(), self.recipe.training, self.processes.count))
        for text in filter(None, told):
            self.log.emit("note", text=text)

    def _measured(self, loop: Loop) -> dict[str, float]:
        """The metrics of the averaged weights, told as events. Chance is the same each time."""
        metrics: dict[str, float] = {}
        with loop.averaged(), torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(self.config.seed)
            if self.processes.is_first:
                metrics = self.recipe.measure()
        self._tell_metrics(loop, metrics)
        return metrics

    def _tell_metrics(self, loop: Loop, metrics: dict[str, float]) -> None:
        for name, value in metrics.items():
            self.log.emit("metric", step=loop.step, name=name, value=value)

    def _validate(self, loop: Loop) -> None:
        self._measured(loop)
        self._drawn(loop, self.config.folder / "samples" / f"step-{loop.step:08d}.png")

    def _drawn(self, loop: Loop, path: Path) -> None:
        picture = None
        with loop.averaged(), torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(self.config.seed)
            if self.processes.is_first:
                picture = self.recipe.draw()
        if picture is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(picture, Recording):
            sounds, picture = picture, picture.picture()
            sounds.write(path.with_suffix(".wav"))
            self.log.emit("sample", step=loop.step, path=str(path.with_suffix(".wav")))
        picture.save(path)
        prompts = self.recipe.shown_prompts()
        self.log.emit("sample", step=loop.step, path=str(path), **({"prompts": prompts} if prompts else {}))

    def _hand_over(self, loop: Loop, folder: Path) -> None:
        """By all processes, for the weights may be in parts; the first one does it."""
        after = self._measured(loop)
        with loop.averaged():
            if self.processes.is_first:
                shutil.rmtree(folder, ignore_errors=True)
                self.recipe.export(folder)
                forget_places(folder)
        self._drawn(loop, folder / SAMPLES)
        if self.processes.is_first:
            self._publish(loop, folder, after)

    def _publish(self, loop: Loop, folder: Path, after: dict[str, float]) -> None:
        judged = self.recipe.judge(folder)
        self._tell_metrics(loop, judged)
        self._describe(loop, folder, after | judged)
        goal = self.config.publish
        if goal.repo_id:
            message = f"Add the model trained for {loop.step} steps"
            commit = publish(folder, goal.repo_id, private=goal.private, message=message)
            self.log.emit("published", repo_id=goal.repo_id, commit=commit)
        self.log.emit("done", step=loop.step, seconds=loop.seconds, path=str(folder))

    def _describe(self, loop: Loop, folder: Path, after: dict[str, float]) -> None:
        recipe, about = self.recipe, self.recipe.about()
        lineage = Lineage(
            datasets=_on_the_hub(recipe),
            base_models=self.bases,
            recipe=recipe.name,
            recipe_version=recipe.version,
            credits=self.config.credits,
            metrics={"loss": loop.loss, **after},
            sampling={key: value for key, value in about.inference.items() if isinstance(value, int | float)},
        )
        facts = Facts(
            steps=loop.step,
            seconds=loop.seconds,
            processes=self.processes.count,
            rows=recipe.rows,
            parameters=loop.parameters,
            data=recipe.facts.source,
            left_out=self._left_out_values(),
            cuts=self.cuts,
            earlier=recipe.earlier,
            held_out=recipe.dataset.split != recipe.dataset.test_split,
            before=self.before,
            after=after,
        )
        about = replace(about, prompts=tuple(recipe.shown_prompts()))
        text = card_text(self.config, recipe.training, about, lineage, facts)
        (folder / "README.md").write_text(text, encoding="utf-8")
        (folder / "config.yaml").write_text(shown_config(self.config), encoding="utf-8")
        published = [source for source in self.bases if source.revision != LOCAL]
        write_lineage(folder, Lineage(**{**vars(lineage), "base_models": published}))

    def _left_out_values(self) -> int:
        return sum(len(getattr(self.recipe.left_out, kind)) for kind in KINDS)
