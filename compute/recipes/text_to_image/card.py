"""The model card: front matter that the hub reads, and a page that people read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml
from huggingface_hub import EvalResult, ModelCardData

from compute.recipes.configuration import as_plain
from compute.recipes.lineage import Lineage, Source
from compute.recipes.text_to_image.config import Config
from compute.recipes.training.bases import LOCAL

METRIC_NAMES = {
    "prompt_accuracy": "Colour and shape as asked",
    "colour_accuracy": "Colour as asked",
    "shape_accuracy": "Shape as asked",
    "background_accuracy": "Background as asked",
}
SAMPLES = "samples.png"


@dataclass(frozen=True)
class TrainingFacts:
    """Measured while training. `seconds` is wall time over all attempts."""

    steps: int
    seconds: float
    loss: float
    pictures: int
    parameters: int
    prompts: tuple[str, ...]


def card_text(config: Config, data: Source, lineage: Lineage, facts: TrainingFacts) -> str:
    """README.md of the model, for a repository on the hub."""
    sections = [
        f"---\n{_front_matter(config, data, lineage)}\n---",
        f"# {_title(config)}",
        _introduction(config, data, lineage, facts),
        _usage(config, facts),
        _training(config, data, lineage, facts),
        _results(config, lineage),
        _credits(lineage),
        f"## Configuration\n\n```yaml\n{shown_config(config)}```",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def shown_config(config: Config) -> str:
    """The configuration as YAML, without the places on the machine that trained it."""
    plain = as_plain(config)
    plain.pop("output")
    plain["dataset"].pop("path")
    if Path(config.model.base).is_dir():
        plain["model"]["base"] = Path(config.model.base).name
    return yaml.safe_dump(plain, sort_keys=False)


def _front_matter(config: Config, data: Source, lineage: Lineage) -> str:
    results = [
        EvalResult(
            task_type="text-to-image",
            dataset_type=data.id,
            dataset_name=data.id,
            dataset_revision=data.revision,
            metric_type=name,
            metric_name=METRIC_NAMES[name],
            metric_value=round(value, 4),
        )
        for name, value in lineage.metrics.items()
        if name in METRIC_NAMES
    ]
    card = ModelCardData(
        license=config.publish.licence,
        library_name="diffusers",
        pipeline_tag="text-to-image",
        base_model=[source.id for source in lineage.base_models if source.revision != LOCAL] or None,
        datasets=[data.id] if config.dataset.id else None,
        tags=["diffusers", "sd3", "rectified-flow", *config.publish.tags],
        model_name=_title(config),
        eval_results=results or None,
        # What the hub's Studio and widgets offer when nobody says otherwise.
        inference={
            "parameters": {
                "num_inference_steps": config.sampling.steps,
                "guidance_scale": config.sampling.guidance,
            }
        },
    )
    return card.to_yaml()


def _title(config: Config) -> str:
    return config.publish.title or config.publish.repo_id.rpartition("/")[2] or "Text to image"


def _introduction(config: Config, data: Source, lineage: Lineage, facts: TrainingFacts) -> str:
    start = "".join(f", starting from {_base(source)}" for source in lineage.base_models)
    return (
        f"A text-to-image diffusion model with {facts.parameters / 1e6:.1f} million parameters, trained on "
        f"{_named_data(config, data)}{start}. It draws {config.dataset.size} x {config.dataset.size} pixels.\n\n"
        f"![Pictures drawn by this model]({SAMPLES})\n\n"
        "Prompts of these pictures, row by row: " + "; ".join(f"*{prompt}*" for prompt in facts.prompts) + "."
    )


def _base(source: Source) -> str:
    return "a model in a local folder" if source.revision == LOCAL else _linked(source)


def _usage(config: Config, facts: TrainingFacts) -> str:
    name = config.publish.repo_id or "model"
    return f"""## Use

```python
from diffusers import DiffusionPipeline

pipeline = DiffusionPipeline.from_pretrained("{name}")
picture = pipeline(
    {facts.prompts[0]!r},
    num_inference_steps={config.sampling.steps},
    guidance_scale={config.sampling.guidance},
).images[0]
```"""


def _training(config: Config, data: Source, lineage: Lineage, facts: TrainingFacts) -> str:
    training = config.training
    rows = {
        "Data set": f"{_named_data(config, data)}, split `{config.dataset.split}`, {facts.pictures:,} pictures",
        "Data set revision": f"`{data.revision}`",
        "Recipe": f"`{lineage.recipe}` {lineage.recipe_version}: rectified flow, SD3-style transformer",
        "Steps": f"{facts.steps:,}, each of {training.batch * training.accumulate:,} pictures",
        "Wall time": f"{facts.seconds:,.0f} seconds",
        "Optimizer": f"{training.optimizer}, learning rate {training.learning_rate:g}",
        "Precision": training.precision,
        "Seed": str(config.seed),
        f"Loss, mean of the last {training.log_every} steps": f"{facts.loss:.4f}",
    }
    if lineage.base_models:
        rows["Base model revision"] = f"`{lineage.base_models[0].revision}`"
    lines = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    return f"## Training\n\n| | |\n|---|---|\n{lines}"


def _results(config: Config, lineage: Lineage) -> str:
    named = {METRIC_NAMES[n]: v for n, v in lineage.metrics.items() if n in METRIC_NAMES}
    if not named:
        return ""
    lines = "\n".join(f"| {name} | {value:.1%} |" for name, value in named.items())
    return (
        f"## Results\n\nMeasured on {config.evaluation.prompts} prompts, {config.sampling.steps} steps, guidance "
        f"{config.sampling.guidance}. They ask for combinations of colour, shape and background that the made data set "
        f"of coloured shapes leaves out of its training split. The pixels of the pictures are judged by geometry and "
        f"colour, not by a learned model.\n\n"
        f"| | share of pictures |\n|---|---|\n{lines}"
    )


def _credits(lineage: Lineage) -> str:
    if not lineage.credits:
        return ""
    lines = "\n".join(f"- {credit}" for credit in lineage.credits)
    return f"## Credits\n\n{lines}"


def _named_data(config: Config, data: Source) -> str:
    return _linked(data, "datasets/") if config.dataset.id else f"`{data.id}`"


def _linked(source: Source, kind: str = "") -> str:
    return f"[{source.id}](/{kind}{source.id})"
