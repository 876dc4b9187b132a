"""The model card of any recipe: front matter that the hub reads, and a page that people read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import EvalResult, ModelCardData

from compute.recipes.configuration import as_plain
from compute.recipes.data.cutting import Cut
from compute.recipes.lineage import Lineage, Source
from compute.recipes.training.bases import LOCAL
from compute.recipes.training.config import LoopConfig, RecipeConfig


@dataclass(frozen=True)
class About:
    """What only the recipe knows to say."""

    task: str  # the hub's word for it, such as text-to-image
    what: str  # first sentence of the card
    usage: str  # Python; {name} stands for the repository
    library: str = "diffusers"
    tags: tuple[str, ...] = ()
    metric_names: Mapping[str, str] = field(default_factory=dict)
    inference: Mapping[str, Any] = field(default_factory=dict)  # what widgets offer when nobody says otherwise
    picture: str = ""  # file name, and what it shows
    picture_shows: str = ""
    prompts: tuple[str, ...] = ()  # what was asked for in the picture, one for each part of it
    sound: str = ""  # file name of what the model made
    more: str = ""  # a further section, in Markdown


@dataclass(frozen=True)
class Facts:
    """Measured while training. `seconds` is wall time over all attempts."""

    steps: int
    seconds: float
    processes: int
    rows: int
    parameters: int
    data: Source
    left_out: int  # requests' values that were honoured
    cuts: Sequence[Cut]  # captions that were not read to their ends
    earlier: Source | None  # which of the base models the training went on with
    held_out: bool  # whether metrics and pictures are of rows that were not trained on
    before: Mapping[str, float]
    after: Mapping[str, float]


def without(absent: Iterable[str]) -> str:
    """What Python code tells a stock class of parts that it is to load without."""
    return "".join(f", {name}=None" for name in absent)


def card_text(config: RecipeConfig, training: LoopConfig, about: About, lineage: Lineage, facts: Facts) -> str:
    """README.md of the model, for a repository on the hub."""
    title = config.publish.title or config.publish.repo_id.rpartition("/")[2] or lineage.recipe.replace("_", " ")
    sections = [
        f"---\n{_front_matter(config, about, lineage, facts, title)}\n---",
        f"# {title}",
        f"{about.what} {_weights(facts.parameters)}.",
        _picture(about, facts),
        f'<audio controls src="{about.sound}"></audio>' if about.sound else "",
        f"## Use\n\n```python\n{about.usage.format(name=config.publish.repo_id or 'model').strip()}\n```",
        _training(config, training, lineage, facts),
        _results(about, facts),
        about.more,
        _credits(lineage),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def shown_config(config: RecipeConfig) -> str:
    """The configuration as YAML, without the places on the machine that trained it."""
    plain = as_plain(config)
    plain.pop("output")
    plain.get("dataset", {}).pop("path", None)
    bases = [plain.get(name) for name in ("base", "earlier", "text", "autoencoder", "teacher")]
    for section in (*bases, plain.get("model", {}).get("base")):
        if section and Path(section["id"]).is_dir():
            section["id"] = Path(section["id"]).name
    return yaml.safe_dump(plain, sort_keys=False)


def _front_matter(config: RecipeConfig, about: About, lineage: Lineage, facts: Facts, title: str) -> str:
    results = [
        EvalResult(
            task_type=about.task,
            dataset_type=facts.data.id,
            dataset_name=facts.data.id,
            dataset_revision=facts.data.revision,
            metric_type=name,
            metric_name=_as_measured(shown, facts),
            metric_value=round(facts.after[name], 4),
        )
        for name, shown in about.metric_names.items()
        if name in facts.after
    ]
    more: dict[str, Any] = {"inference": {"parameters": dict(about.inference)}} if about.inference else {}
    if facts.earlier:
        # Of two models on a card the hub would take it that they were merged.
        is_adapter = any(source.kind == "adapter" for source in lineage.base_models)
        more["base_model_relation"] = "adapter" if is_adapter else "finetune"
    card = ModelCardData(
        license=config.publish.licence,
        library_name=about.library,
        pipeline_tag=about.task,
        base_model=[source.id for source in lineage.base_models if source.revision != LOCAL] or None,
        datasets=[source.id for source in lineage.datasets] or None,
        tags=[*about.tags, *config.publish.tags],
        model_name=title,
        eval_results=results or None,
        **more,
    )
    return card.to_yaml()


def _training(config: RecipeConfig, training: LoopConfig, lineage: Lineage, facts: Facts) -> str:
    together = training.batch * training.accumulate * facts.processes
    rows = {
        "Data set": _linked(facts.data, "datasets/") if lineage.datasets else f"`{facts.data.id}`",
        "Data set revision": f"`{facts.data.revision}`",
        "Rows": f"{facts.rows:,}",
        "Left out on request": f"{facts.left_out:,} values",
        "Recipe": f"`{lineage.recipe}` {lineage.recipe_version}",
        "Steps": f"{facts.steps:,}, each of {together:,} rows",
        "Wall time": f"{facts.seconds:,.0f} seconds, {facts.processes} process(es)",
        "Optimizer": f"{training.optimizer}, learning rate {training.learning_rate:g}",
        "Precision": training.precision,
        "Seed": str(config.seed),
    }
    if facts.cuts:
        rows["Captions cut"] = " ".join(map(str, facts.cuts))
    for source in lineage.base_models:
        is_local = source.revision == LOCAL
        shown = "a local folder" if is_local else f"{_linked(source)} at `{source.revision}`"
        name = "Went on from" if source == facts.earlier else "Base model"
        rows[name if name not in rows else f"{name} {len(rows)}"] = shown
    lines = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    return f"## Training\n\n| | |\n|---|---|\n{lines}"


def _picture(about: About, facts: Facts) -> str:
    shows = _as_measured(about.picture_shows, facts)
    asked = "; ".join(f"*{prompt}*" for prompt in about.prompts if prompt)
    told = f" Asked for, row by row: {asked}." if asked else ""
    return f"![{shows}]({about.picture})\n\n{shows}.{told}" if about.picture else ""


def _as_measured(text: str, facts: Facts) -> str:
    """Names of metrics speak of what was held out; where nothing was, they say that instead."""
    return text if facts.held_out else text.replace("not trained on", "trained on")


def _results(about: About, facts: Facts) -> str:
    named = [(shown, name) for name, shown in about.metric_names.items() if name in facts.after]
    if not named:
        return ""
    lines = "\n".join(
        f"| {_as_measured(shown, facts)} | {_number(facts.before.get(name))} | {_number(facts.after[name])} |"
        for shown, name in named
    )
    measured = _as_measured("Measured on rows that were not trained on.", facts)
    return f"## Results\n\n{measured}\n\n| | before | after |\n|---|---|---|\n{lines}"


def _weights(count: int) -> str:
    told = f"{count / 1e6:.1f} million" if count >= 1e5 else f"{count:,}"
    return f"{told} weights were trained"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _credits(lineage: Lineage) -> str:
    if not lineage.credits:
        return ""
    lines = "\n".join(f"- {credit}" for credit in lineage.credits)
    return f"## Credits\n\n{lines}"


def _linked(source: Source, kind: str = "") -> str:
    return f"[{source.id}](/{kind}{source.id})"
